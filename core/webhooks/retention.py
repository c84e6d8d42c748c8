"""Clean-up of the raw log: what was settled long enough ago is deleted, a few rows at a time.

Nothing unprocessed is deleted, nothing of a firm under a legal hold, nothing younger than two days (Clio sends a
delivery again for an hour, and what covers and measures reads back further), and never the latest delivery of an
endpoint, by which its coverage is known.
"""

import asyncio
import datetime
from typing import TYPE_CHECKING

from core.history.holds import NOT_HELD
from core.logging import get_logger

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

BATCH = 200
"""Rows deleted in one transaction: a few milliseconds, and no row that intake or a worker holds is waited for."""

PAUSE_S = 0.05

TURN_MAX = 20_000
"""Rows that one turn deletes at most; the schedule comes again."""

_DELETE = f"""
WITH old AS (
    SELECT id, processed_at FROM webhook_delivery AS settled
    WHERE status = $1 AND processed_at < now() - make_interval(days => $2)
      AND received_at < now() - interval '2 days'
      AND ($4::timestamptz IS NULL OR (processed_at, id) > ($4, $5))
      AND {NOT_HELD.format(firm="settled.firm")}
      AND EXISTS (
          SELECT FROM webhook_delivery AS later
          WHERE later.endpoint = settled.endpoint AND later.received_at > settled.received_at
      )
    ORDER BY processed_at, id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM webhook_delivery USING old WHERE webhook_delivery.id = old.id RETURNING old.id, old.processed_at
)
SELECT id, processed_at, count(*) OVER () AS deleted FROM gone ORDER BY processed_at DESC, id DESC LIMIT 1"""
"""After the last of a batch comes the next, so that what is kept is passed over once in a turn."""


async def delete_settled(services: "Services", *, turn_max: int = TURN_MAX) -> int:
    """Delete what is past its days and return how many; a setting of 0 days keeps that outcome for ever.

    Many short transactions; any number of workers may do it at once, each finds other rows.
    """
    settings = services.settings
    deleted = 0
    kept_days = {"processed": settings.webhook_keep_processed_days, "dead": settings.webhook_keep_dead_days}
    for status, days in kept_days.items():
        after: tuple[datetime.datetime | None, int] = (None, 0)
        while days and deleted < turn_max:
            last = await services.database.pool.fetchrow(_DELETE, status, days, BATCH, *after)
            if last is None:
                break
            deleted += last["deleted"]
            if last["deleted"] < BATCH:
                break
            after = (last["processed_at"], last["id"])
            await asyncio.sleep(PAUSE_S)
    if deleted:
        log.info("webhook_deliveries_deleted", deliveries=deleted)
    return deleted
