"""Sync runs as rows: taken up under a lease, finished or failed. Every state change is one statement here.

```
queued ---> running -> succeeded  (the last page was seen and committed)
   ^           |----> partial     (LIST_CUT_SHORT; of a reconcile run, MASS_DISAPPEARANCE)
   |           |----> failed
   |           |----> cancelled
   |-----------|      (a failure worth another try, a worker that stopped, a lease that lapsed)
throttled <----+      (Clio's rate limit, or no budget in time; taken up again like a queued one)
```
"""

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.clio.usage import Usage
from core.coverage.ledger import COVERED_BY_RUN
from core.db.engine import Connection, Database
from core.errors import ClioRateLimited, NotFound, ServiceError
from core.logging import get_logger
from core.sync.firm_schedule import may_run_sql
from core.sync.pace import next_pace_sql
from core.sync.progress import publish_progress
from core.sync.turns import TAKE, TAKE_LOCK

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as the worker that took it up needs it; `usage` counts the requests of its turn."""

    id: int
    firm: int
    resource: str
    kind: str
    next_url: str | None
    since_at: datetime.datetime | None
    high_water_at: datetime.datetime
    attempt: int
    failures: int
    approves: int | None
    records_seen: int = 0
    records_total: int | None = None
    read_to: int = 0
    usage: Usage = field(default_factory=Usage, compare=False)

    @property
    def is_read(self) -> bool:
        """Whether its last page is written."""
        return self.next_url == ""


async def cancel_run(services: "Services", run_id: int, *, by: str) -> bool:
    """Cancel a run that waits at once, a running one after its page; False when it was finished already.

    `by` is who asks; the run keeps it.

    Raises:
        NotFound: there is no such run.
    """
    row = await services.database.pool.fetchrow(
        f"""WITH asked AS (
               UPDATE sync_run SET cancel_requested = true, cancelled_by = $2,
                   state = CASE state WHEN 'running' THEN state ELSE 'cancelled' END,
                   finished_at = CASE state WHEN 'running' THEN finished_at ELSE now() END,
                   error_code = CASE state WHEN 'running' THEN error_code ELSE 'CANCELLED' END,
                   error_message = CASE state WHEN 'running' THEN error_message ELSE 'cancelled by ' || $2 END
               WHERE id = $1 AND state IN ('queued', 'running', 'throttled') RETURNING id, firm, state
           ), finished AS (
               SELECT id FROM asked WHERE state = 'cancelled'
           ), {_CLOSE_REPORT}
           SELECT firm FROM asked""",
        run_id,
        by,
    )
    if row is None:
        if await services.database.pool.fetchval("SELECT true FROM sync_run WHERE id = $1", run_id) is None:
            raise NotFound(f"there is no sync run {run_id}")
        return False
    await publish_progress(services.redis, firm=row["firm"], run=run_id)
    return True


async def take_up(database: Database, run_id: int, *, owner: str, lease_s: float, firm_most: int) -> Run | None:
    """Take the lease of one run; None where it is not due, somebody else's, or its firm has as many as it may."""
    async with _claiming(database) as connection:
        row = await connection.fetchrow(TAKE, run_id, owner, lease_s, firm_most, 1, True)
    return None if row is None else Run(**dict(row))


async def take_due(
    database: Database, *, owner: str, lease_s: float, firm_most: int, most: int, most_bulk: int
) -> list[Run]:
    """Take the leases of up to `most` due runs, as `core.sync.turns` says whose turn it is.

    Of these `most_bulk` at the most are backfills and comparisons, which take long.
    """
    of_any = min(most, most_bulk)
    async with _claiming(database) as connection:
        rows = await connection.fetch(TAKE, None, owner, lease_s, firm_most, of_any, True)
        if len(rows) == of_any < most:
            rows += await connection.fetch(TAKE, None, owner, lease_s, firm_most, most - of_any, False)
    return [Run(**dict(row)) for row in rows]


@asynccontextmanager
async def _claiming(database: Database) -> AsyncIterator[Connection]:
    """Hold the lock under which runs are taken up, until the block is committed."""
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", TAKE_LOCK)
        yield connection


async def note_plan(database: Database, run: Run, *, owner: str, plan: str, allowed_per_minute: int | None) -> None:
    """Say how a run is read, and what Clio allows meanwhile."""
    await database.pool.execute(
        """UPDATE sync_run SET plan = $3, allowed_per_minute = $4
           WHERE id = $1 AND lease_owner = $2 AND state = 'running'""",
        run.id,
        owner,
        plan,
        allowed_per_minute,
    )


async def begin_again(database: Database, run: Run, *, owner: str) -> None:
    """Take a run back to before its first page; what it has written and cost stays."""
    await database.pool.execute(
        """UPDATE sync_run SET next_url = NULL, records_seen = 0, read_to = 0
           WHERE id = $1 AND lease_owner = $2 AND state = 'running'""",
        run.id,
        owner,
    )


async def beat(database: Database, run: Run, *, owner: str, lease_s: float) -> str:
    """Prolong the lease and count requests.

    Returns `held`, `cancelled` (somebody asked for it), `resting` (its firm does) or `lost`.
    """
    async with counting(run) as requests:
        row = await database.pool.fetchrow(
            f"""UPDATE sync_run SET heartbeat_at = now(), lease_until = now() + make_interval(secs => $3),
                   requests = requests + $4
               FROM firm WHERE firm.id = sync_run.firm
                   AND sync_run.id = $1 AND lease_owner = $2 AND sync_run.state = 'running'
               RETURNING cancel_requested, {may_run_sql("firm", "sync_run")} AS may_run""",
            run.id,
            owner,
            lease_s,
            requests,
        )
    if row is None:
        return "lost"
    if row["cancel_requested"]:
        return "cancelled"
    return "held" if row["may_run"] else "resting"


@asynccontextmanager
async def counting(run: Run) -> AsyncIterator[int]:
    """Yield the requests that the block writes down; they are kept for later when it does not."""
    requests = run.usage.take()
    try:
        yield requests
    except BaseException:
        run.usage.give_back(requests)
        raise


async def succeed(database: Database, run: Run, *, owner: str, ahead: datetime.timedelta) -> bool:
    """Finish a run, move its cursor and note what it covers, in one statement; False when the lease is somebody else's.

    `ahead` is how far Clio's clock is ahead of ours. A cursor moves only where the run began at or before it. A
    reconcile run moves none: it leaves what changed meanwhile to the next incremental one.
    """
    requests = run.usage.take()
    row = await database.pool.fetchrow(
        f"""WITH finished AS (
               UPDATE sync_run SET state = 'succeeded', finished_at = now(), lease_owner = NULL, lease_until = NULL,
                   next_url = NULL, error_code = NULL, error_message = NULL, requests = requests + $4
               WHERE id = $1 AND lease_owner = $2 AND state = 'running' AND NOT cancel_requested
               RETURNING id, firm, resource, kind, fields, since_at, high_water_at,
                   records_created + records_updated AS written
           ), {_CLOSE_REPORT}, {COVERED_BY_RUN}, moved AS (
               INSERT INTO sync_cursor (firm, resource, high_water_at, backfilled_at, fields, pace)
               SELECT finished.firm, finished.resource,
                      CASE WHEN since_at > known.high_water_at THEN known.high_water_at
                      ELSE finished.high_water_at + least($3::interval, interval '0') END,
                      CASE kind WHEN 'backfill' THEN now() END, finished.fields, {next_pace_sql("known.pace")}
               FROM finished LEFT JOIN sync_cursor AS known
                   ON known.firm = finished.firm AND known.resource = finished.resource
               WHERE kind <> 'reconcile'
               ON CONFLICT (firm, resource) DO UPDATE SET
                   high_water_at = greatest(sync_cursor.high_water_at, EXCLUDED.high_water_at),
                   backfilled_at = coalesce(EXCLUDED.backfilled_at, sync_cursor.backfilled_at),
                   fields = CASE WHEN EXCLUDED.backfilled_at IS NULL THEN sync_cursor.fields ELSE EXCLUDED.fields END,
                   pace = EXCLUDED.pace, look_at = now()
           )
           SELECT id FROM finished""",
        run.id,
        owner,
        ahead,
        requests,
    )
    return row is not None


_CLOSE_REPORT = """closed AS (
    UPDATE reconciliation_report AS report SET finished_at = now() FROM finished WHERE report.run = finished.id
), forgotten AS (
    DELETE FROM reconciliation_finding AS finding USING finished
    WHERE finding.run = finished.id AND finding.kind <> 'held'
), list_forgotten AS (
    DELETE FROM reconciliation_page AS page USING finished WHERE page.run = finished.id
)"""
"""What ends with a run, whatever its end; `finished` is the run. What it holds for approval stays."""


async def put_back(
    database: Database, run: Run, *, owner: str, delay_s: float, error: ServiceError | None, failed: bool
) -> str:
    """Give a run back for another attempt after `delay_s`; return its state: `throttled` where Clio's limit is why.

    `failed` counts it as a failure in a row.
    """
    state = "throttled" if isinstance(error, ClioRateLimited) else "queued"
    await database.pool.execute(
        """UPDATE sync_run SET state = $7, lease_owner = NULL, lease_until = NULL,
               not_before_at = now() + make_interval(secs => $3), failures = failures + $4::int,
               error_code = $5, error_message = $6, requests = requests + $8
           WHERE id = $1 AND lease_owner = $2 AND state = 'running'""",
        run.id,
        owner,
        delay_s,
        int(failed),
        error.code if error else None,
        str(error) if error else None,
        state,
        run.usage.take(),
    )
    return state


async def stop(database: Database, run: Run, *, owner: str, state: str, code: str, message: str | None) -> None:
    """Finish a run as `partial`, `failed`, or `cancelled` by whoever asked for it; its cursor stays where it was."""
    await database.pool.execute(
        f"""WITH finished AS (
               UPDATE sync_run SET state = $3, finished_at = now(), lease_owner = NULL, lease_until = NULL,
                   error_code = $4, error_message = coalesce($5, 'cancelled by ' || cancelled_by),
                   requests = requests + $6
               WHERE id = $1 AND lease_owner = $2 AND state = 'running'
               RETURNING id
           ), {_CLOSE_REPORT}
           SELECT FROM finished""",
        run.id,
        owner,
        state,
        code,
        message,
        run.usage.take(),
    )


async def finish_cancelled(database: Database) -> None:
    """End the runs whose cancelling their worker did not live to see, or saw too late."""
    await database.pool.execute(
        f"""WITH finished AS (
               UPDATE sync_run SET state = 'cancelled', finished_at = now(), lease_owner = NULL, lease_until = NULL,
                   error_code = 'CANCELLED', error_message = 'cancelled by ' || cancelled_by
               WHERE cancel_requested
                 AND (state IN ('queued', 'throttled') OR (state = 'running' AND lease_until < now()))
               RETURNING id
           ), {_CLOSE_REPORT}
           SELECT FROM finished"""
    )
