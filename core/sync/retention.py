"""Clean-up of runs: polls that succeeded are deleted after a while, some rows at a time.

They are what a service makes most of, one a resource and firm every few minutes. What they brought stays, with the way
it came: a change only no longer leads to its run. Kept are all other runs, the latest of a resource, by which the next
is due, what coverage rests on, and every run of a firm under a legal hold.
"""

import asyncio
import datetime
from typing import TYPE_CHECKING

from core.history.holds import NOT_HELD
from core.logging import get_logger

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

BATCH = 1_000
"""Rows deleted in one transaction."""

PAUSE_S = 0.05

TURN_MAX = 100_000
"""Rows that one turn deletes at most; the schedule comes again."""

_DELETE = f"""
WITH old AS (
    SELECT id, finished_at FROM sync_run AS ended
    WHERE kind = 'incremental' AND state = 'succeeded' AND finished_at < now() - make_interval(days => $1)
      AND ($3::timestamptz IS NULL OR (finished_at, id) > ($3, $4))
      AND {NOT_HELD.format(firm="ended.firm")}
      AND EXISTS (
          SELECT FROM sync_run AS later WHERE later.firm = ended.firm AND later.resource = ended.resource
              AND later.kind <> 'reconcile' AND later.id > ended.id
      )
      AND NOT EXISTS (SELECT FROM coverage_interval AS known WHERE known.firm = ended.firm AND known.run = ended.id)
      AND NOT EXISTS (SELECT FROM coverage_hole AS hole WHERE hole.firm = ended.firm AND hole.run = ended.id)
    ORDER BY finished_at, id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM sync_run USING old WHERE sync_run.id = old.id RETURNING old.id, old.finished_at
)
SELECT id, finished_at, count(*) OVER () AS deleted FROM gone ORDER BY finished_at DESC, id DESC LIMIT 1"""
"""After the last of a batch comes the next, so that what is kept is passed over once in a turn."""


async def delete_polls(services: "Services", *, turn_max: int = TURN_MAX) -> int:
    """Delete polls that succeeded longer ago than SYNC_RUN_KEEP_DAYS, and return how many; 0 days keep them for ever.

    Many short transactions; any number of workers may do it at once, each finds other rows.
    """
    days = services.settings.sync_run_keep_days
    deleted = 0
    after: tuple[datetime.datetime | None, int] = (None, 0)
    while days and deleted < turn_max:
        last = await services.database.pool.fetchrow(_DELETE, days, BATCH, *after)
        if last is None:
            break
        deleted += last["deleted"]
        if last["deleted"] < BATCH:
            break
        after = (last["finished_at"], last["id"])
        await asyncio.sleep(PAUSE_S)
    if deleted:
        log.info("sync_runs_deleted", runs=deleted)
    return deleted
