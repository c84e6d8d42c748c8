"""Records held for approval: too many were gone from Clio's list at once, and a person decides.

To approve is to have Clio asked for each of them: a run of its own does it, and applies what Clio answers, no more. To
reject leaves them as they are, of unknown presence. What Clio lists again is released by the next run, whatever was
decided.
"""

from typing import TYPE_CHECKING

from core.db.engine import Database
from core.errors import BadInput, NotFound, ServiceError
from core.logging import get_logger
from core.sync.progress import publish_progress
from core.sync.runs import Run

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

AFTER_FAILURE_S = 600
"""How long an approval rests after a run of it did not succeed."""


async def approve(services: "Services", run: int, *, by: str) -> int | None:
    """Have Clio asked for every record that a reconcile run still holds; return the run that does it.

    None while another run of the resource is on its way: the workers ask for this one after it. What was rejected may
    be approved later, and what a failed run left over once more. `by` is kept with the report.

    Raises:
        NotFound: there is no report of such a run.
        BadInput: the run holds nothing, or holds nothing any more.
        ServiceError: the firm is not connected; what was decided is kept, and asked for once it is.
    """
    await _decide(services, run, "approved", by=by)
    return await request_approval(services, run)


async def request_approval(services: "Services", run: int) -> int | None:
    """Ask for the run of one approval, as `approve` does, also shortly after one that did not succeed.

    Raises:
        ServiceError: as `approve` does.
    """
    asked = await request_approved(services, run=run)
    if asked is None and await services.database.pool.fetchval(_CONNECTED, run) is None:
        raise ServiceError("the firm is not connected: connect it, and clio is asked for what was approved")
    return asked


_CONNECTED = """
SELECT true FROM firm JOIN reconciliation_report AS report ON report.firm = firm.id
WHERE report.run = $1 AND firm.state = 'connected'"""


async def reject(services: "Services", run: int, *, by: str) -> None:
    """Leave every record that a reconcile run still holds of unknown presence; `by` is kept with the report.

    Raises:
        NotFound: there is no report of such a run.
        BadInput: the run holds nothing, or a run that was approved is asking Clio already.
    """
    await _decide(services, run, "rejected", by=by)


async def _decide(services: "Services", run: int, decision: str, *, by: str) -> None:
    row = await services.database.pool.fetchrow(_DECIDE, run, decision, by)
    if row is None or row["firm"] is None:
        raise NotFound(f"there is no reconciliation report of run {run}")
    if row["held"] == 0:
        raise BadInput(f"run {run} holds no records: there is nothing to decide")
    if row["asking"] is not None:
        raise BadInput(f"run {row['asking']} was approved and asks clio already: cancel it first")
    log.info("held_records_decided", run_id=run, firm=row["firm"], decision=decision, records=row["held"])


_DECIDE = """
WITH asking AS (
    SELECT id FROM sync_run
    WHERE approves = $1 AND state IN ('queued', 'running', 'throttled') AND $2 = 'rejected' LIMIT 1
), decided AS (
    UPDATE reconciliation_report SET decision = $2, decided_at = now(), decided_by = $3
    WHERE run = $1 AND held > 0 AND NOT EXISTS (SELECT FROM asking)
)
SELECT firm, held, (SELECT id FROM asking) AS asking FROM reconciliation_report WHERE run = $1"""


async def request_approved(services: "Services", *, run: int | None = None) -> int | None:
    """Ask for the run of one approval, or of all that have none under way; return the last run asked for.

    One at a time for each resource, and not within minutes after one that did not succeed. For every few seconds: one
    statement when there is nothing to do.
    """
    asked = None
    for row in await services.database.pool.fetch(_REQUEST, run, AFTER_FAILURE_S):
        asked = int(row["id"])
        await services.queue.wake_sync()
        await publish_progress(services.redis, firm=row["firm"], run=row["id"])
    return asked


_REQUEST = """
INSERT INTO sync_run (firm, resource, kind, approves, by_hand)
SELECT DISTINCT ON (report.firm, report.resource) report.firm, report.resource, 'reconcile', report.run, true
FROM reconciliation_report AS report JOIN firm ON firm.id = report.firm AND firm.state = 'connected'
WHERE report.held > 0 AND report.decision = 'approved' AND (report.run = $1 OR ($1::bigint IS NULL AND NOT EXISTS (
    SELECT FROM sync_run AS tried
    WHERE tried.approves = report.run AND tried.finished_at > now() - make_interval(secs => $2)
)))
ORDER BY report.firm, report.resource, report.run
ON CONFLICT (firm, resource) WHERE state IN ('queued', 'running', 'throttled') DO NOTHING
RETURNING id, firm"""


async def is_held(database: Database, run: Run) -> bool:
    """Whether records of the run's resource are still held, by whichever run."""
    return bool(
        await database.pool.fetchval(
            "SELECT EXISTS (SELECT FROM reconciliation_report WHERE firm = $1 AND resource = $2 AND held > 0)",
            run.firm,
            run.resource,
        )
    )
