"""Repairing holes: an incremental run of exactly the hole, then a comparison that finds what was deleted in it."""

import datetime
from typing import TYPE_CHECKING

from core.coverage.ledger import settle_holes
from core.errors import ServiceError
from core.logging import get_logger
from core.sync.firm_schedule import is_awake_sql
from core.sync.requesting import request_reconciliations, request_runs

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

AFTER_FAILURE = datetime.timedelta(minutes=10)
"""How long a resource rests after a run of it failed, or ended short.

A comparison that held something back is left to the daily one, or to whoever approves it.
"""

_UNREPAIRED = f"""
SELECT hole.id, hole.firm, hole.resource, hole.from_at, hole.swept_at IS NOT NULL AS is_swept
FROM coverage_hole AS hole
JOIN firm ON firm.id = hole.firm AND {is_awake_sql("firm")}
JOIN sync_cursor AS backfilled ON backfilled.firm = hole.firm AND backfilled.resource = hole.resource
WHERE hole.closed_at IS NULL AND hole.resource = ANY ($2::text[])
  AND NOT EXISTS (
      SELECT FROM sync_run AS run WHERE run.firm = hole.firm AND run.resource = hole.resource
          AND (run.state IN ('queued', 'running', 'throttled')
               OR (run.kind = 'reconcile' AND run.state = 'partial' AND run.id > coalesce(hole.run, 0))
               OR ((run.state IN ('failed', 'cancelled') OR (run.state = 'partial' AND run.kind <> 'reconcile'))
                   AND run.finished_at > now() - $1::interval))
  )
  AND NOT (hole.swept_at IS NOT NULL AND EXISTS (
      SELECT FROM sync_run AS other WHERE other.firm = hole.firm AND other.kind = 'reconcile'
          AND other.state IN ('queued', 'running', 'throttled')
  ))
ORDER BY hole.firm, hole.resource, hole.from_at"""


async def repair_holes(services: "Services") -> int:
    """Ask for the runs that the holes of all firms need, where none is on its way; return how many.

    Those of firms that are not connected, or rest, wait.

    For every few seconds: one statement when there is nothing to do. A firm compares one resource after the other.
    """
    asked = 0
    busy: set[tuple[int, str]] = set()
    comparing: set[int] = set()
    names = [resource.name for resource in services.registry.resources]
    for row in await services.database.pool.fetch(_UNREPAIRED, AFTER_FAILURE, names):
        firm, resource = row["firm"], row["resource"]
        if (firm, resource) in busy or (row["is_swept"] and firm in comparing):
            continue
        busy.add((firm, resource))
        try:
            declared = services.registry.resource(resource)
            if row["is_swept"] and declared.has_list:
                comparing.add(firm)
                made = await request_reconciliations(services, firms=[firm], resource=resource, by_hand=False)
            else:
                since = row["from_at"] if declared.has_list else None
                made = await request_runs(
                    services, firms=[firm], resource=resource, full=False, changed_since=since, by_hand=False
                )
        except ServiceError as error:
            log.warning("coverage_hole_not_repaired", firm=firm, resource=resource, code=error.code)
            continue
        if made and not row["is_swept"]:
            await services.database.pool.execute("UPDATE coverage_hole SET run = $2 WHERE id = $1", row["id"], made[0])
        asked += len(made)
    return asked


async def settle(services: "Services", firm: int) -> None:
    """Mark what of a firm's holes has been repaired by the runs so far. Two statements."""
    with_list = [resource.name for resource in services.registry.resources if resource.has_list]
    ahead = services.accounts.clock.ahead(firm)
    await settle_holes(services.database, firm, ahead=ahead, with_list=with_list)
