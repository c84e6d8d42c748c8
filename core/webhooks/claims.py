"""Taking deliveries up and settling them: a lease per row, fenced by the number of the attempt.

`not_before_at` is when a row may next be taken: on arrival, after a back-off, or when the lease of whoever works on it
lapses. So what is due is one range of one index, and so is what is being worked on.
"""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.db.engine import Connection, Database
from core.logging import get_logger
from core.webhooks.failures import Failure
from core.webhooks.states import Executor

log = get_logger(__name__)

CLAIM_LOCK = 0x77_65_62_68_6F_6F_6B
"""Advisory lock under which claims are made, one at a time, for a few milliseconds: two claims at once could each take
a delivery of the same record."""

COMPANIONS = 10
"""So many times the batch may be claimed with it: what else is due about the same records."""

_OPEN = "status IN ('received', 'processing', 'failed')"

_FIRMS = f"""
WITH RECURSIVE firms AS (
    (SELECT firm FROM webhook_delivery WHERE {_OPEN} ORDER BY firm LIMIT 1)
    UNION ALL
    SELECT (SELECT firm FROM webhook_delivery WHERE {_OPEN} AND firm > firms.firm ORDER BY firm LIMIT 1)
    FROM firms WHERE firms.firm IS NOT NULL
)"""
"""The firms of which something is open, one probe of an index each."""

_DUE = f"""{_FIRMS}
SELECT EXISTS (
    SELECT FROM firms JOIN LATERAL (
        SELECT FROM webhook_delivery AS waiting
        WHERE {_OPEN} AND waiting.firm = firms.firm AND not_before_at <= now()
        LIMIT 1
    ) AS due ON true
)"""

_CLAIM = f"""{_FIRMS}, turns AS MATERIALIZED (
    SELECT due.*, row_number() OVER (PARTITION BY due.firm ORDER BY due.not_before_at, due.id) AS turn
    FROM firms CROSS JOIN LATERAL (
        SELECT id, firm, resource, record_clio_id, not_before_at FROM webhook_delivery AS waiting
        WHERE {_OPEN} AND waiting.firm = firms.firm AND not_before_at <= now() AND NOT EXISTS (
            SELECT FROM webhook_delivery AS busy
            WHERE busy.firm = waiting.firm AND busy.resource = waiting.resource
              AND busy.record_clio_id = waiting.record_clio_id
              AND busy.status = 'processing' AND busy.not_before_at > now()
        )
        ORDER BY not_before_at, id
        LIMIT greatest(10, ceil($1::float / (SELECT count(firm) FROM firms)))
    ) AS due
), first AS MATERIALIZED (
    SELECT id, firm, resource, record_clio_id FROM turns ORDER BY turn, not_before_at, id LIMIT $1
), companions AS MATERIALIZED (
    SELECT other.id
    FROM (SELECT DISTINCT firm, resource, record_clio_id FROM first WHERE record_clio_id IS NOT NULL) AS record
    JOIN webhook_delivery AS other USING (firm, resource, record_clio_id)
    WHERE {_OPEN} AND other.not_before_at <= now()
    ORDER BY other.id
    LIMIT $1::int * {COMPANIONS}
), due AS MATERIALIZED (
    SELECT id, status = 'processing' AS lapsed FROM webhook_delivery
    WHERE id IN (SELECT id FROM first UNION SELECT id FROM companions) AND {_OPEN} AND not_before_at <= now()
    ORDER BY id
    FOR UPDATE SKIP LOCKED
)
UPDATE webhook_delivery AS taken
SET status = 'processing', attempts = attempts + 1, lease_until = now() + make_interval(secs => $2),
    not_before_at = now() + make_interval(secs => $2), lapses = lapses + due.lapsed::int
FROM due WHERE taken.id = due.id
RETURNING taken.id, firm, resource, model, event, record_clio_id, body, attempts, received_at, replayed_at, lapses"""

_HELD = """
FROM unnest($1::bigint[], $2::int[]) AS held (id, attempt)
WHERE mine.id = held.id AND mine.attempts = held.attempt AND mine.status = 'processing'"""

_EXTEND = f"""
UPDATE webhook_delivery AS mine
SET lease_until = now() + make_interval(secs => $3), not_before_at = now() + make_interval(secs => $3) {_HELD}"""

_FINISH = f"""
UPDATE webhook_delivery AS mine
SET status = 'processed', outcome = $3::text, processed_at = now(), lease_until = NULL, error_code = NULL,
    error_message = NULL {_HELD}
RETURNING mine.id, mine.processed_at"""

_FAIL = f"""
UPDATE webhook_delivery AS mine
SET status = $3::text, attempts = attempts - $4::int, lapses = 0, lease_until = NULL, error_code = $5,
    error_message = $6, not_before_at = now() + make_interval(secs => $7),
    processed_at = CASE $3::text WHEN 'dead' THEN now() END {_HELD}
RETURNING mine.id, mine.processed_at"""


_RELEASE = f"""
UPDATE webhook_delivery AS mine
SET status = CASE WHEN error_code IS NULL THEN 'received' ELSE 'failed' END, attempts = attempts - 1,
    lease_until = NULL, not_before_at = now() + make_interval(secs => $3) {_HELD}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery this worker holds. `attempt` counts from 1 and fences off a worker that lost its lease.

    `lapses` counts the workers in a row that did not come back from it; `replayed_at` is None unless it was replayed.
    `settled_at` is the row's `processed_at`; None until it is processed or dead.
    """

    id: int
    firm: int
    resource: str
    model: str
    event: str
    record_clio_id: int | None
    body: bytes
    attempt: int
    received_at: datetime.datetime
    replayed_at: datetime.datetime | None
    lapses: int
    settled_at: datetime.datetime | None = dataclasses.field(default=None, compare=False)

    @property
    def took_s(self) -> float | None:
        """From its receipt, or its latest replay, until it was settled; None until then."""
        if self.settled_at is None:
            return None
        return (self.settled_at - (self.replayed_at or self.received_at)).total_seconds()


async def claim(database: Database, *, batch: int, lease_s: float) -> list[Claimed]:
    """Take up to `batch` due deliveries and whatever else is due about the same records; in order of receipt.

    Firms take turns, each with what fell due first, so that no backlog of one holds up another. A delivery of a record
    that another worker is at work on stays where it is. Two statements in one transaction.
    """
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", CLAIM_LOCK)
        rows = await connection.fetch(_CLAIM, batch, lease_s)
    taken = [
        Claimed(**{"attempt" if name == "attempts" else name: value for name, value in row.items()}) for row in rows
    ]
    return sorted(taken, key=lambda each: (each.received_at, each.id))


async def any_due(database: Database) -> bool:
    """Tell whether a delivery is due, in anybody's hands or none. One statement, one probe a firm."""
    return bool(await database.pool.fetchval(_DUE))


async def extend(database: Database, claimed: Sequence[Claimed], *, lease_s: float) -> None:
    """Keep what is still held for another lease."""
    await database.pool.execute(_EXTEND, *_held(claimed), lease_s)


async def finish(connection: Connection, claimed: Sequence[Claimed], outcome: str) -> list[Claimed]:
    """Mark deliveries processed and return those that were still held; call it in the transaction of the write."""
    done = await connection.fetch(_FINISH, *_held(claimed), outcome)
    return _still_held(claimed, {row["id"]: row["processed_at"] for row in done})


async def fail(database: Executor, claimed: Sequence[Claimed], failure: Failure) -> list[Claimed]:
    """Put deliveries back for a later attempt, or among the dead letters; return those that were still held."""
    failed = await database.fetch(
        _FAIL,
        *_held(claimed),
        failure.status,
        0 if failure.counts else 1,
        failure.code,
        failure.message,
        failure.delay_s,
    )
    return _still_held(claimed, {row["id"]: row["processed_at"] for row in failed})


async def release(database: Database, claimed: Sequence[Claimed], *, delay_s: float) -> None:
    """Give back deliveries that were not tried, as if they had not been claimed; those settled meanwhile are left."""
    await database.pool.execute(_RELEASE, *_held(claimed), delay_s)


def _held(claimed: Sequence[Claimed]) -> tuple[list[int], list[int]]:
    return [each.id for each in claimed], [each.attempt for each in claimed]


def _still_held(claimed: Sequence[Claimed], settled: Mapping[int, datetime.datetime | None]) -> list[Claimed]:
    lost = [each.id for each in claimed if each.id not in settled]
    if lost:
        log.warning("webhook_lease_lost", deliveries=lost)
    return [dataclasses.replace(each, settled_at=settled[each.id]) for each in claimed if each.id in settled]
