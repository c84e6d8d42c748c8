"""Clean-up of the raw log: what was settled long enough ago is deleted, a few rows at a time.

Nothing unprocessed is deleted, nothing younger than two days (Clio sends a delivery again for an hour, and what covers
and measures reads back further), and never the latest delivery of an endpoint, by which its coverage is known.
"""

import asyncio
from typing import TYPE_CHECKING

from core.logging import get_logger

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

BATCH = 200
"""Rows deleted in one transaction: a few milliseconds, and no row that intake or a worker holds is waited for."""

PAUSE_S = 0.05

TURN_MAX = 20_000
"""Rows that one turn deletes at most; the schedule comes again."""

_DELETE = """
WITH old AS (
    SELECT id FROM webhook_delivery AS settled
    WHERE status = $1 AND processed_at < now() - make_interval(days => $2)
      AND received_at < now() - interval '2 days'
      AND EXISTS (
          SELECT FROM webhook_delivery AS later
          WHERE later.endpoint = settled.endpoint AND later.received_at > settled.received_at
      )
    ORDER BY processed_at, id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
)
DELETE FROM webhook_delivery AS gone USING old WHERE gone.id = old.id"""


async def delete_settled(services: "Services", *, turn_max: int = TURN_MAX) -> int:
    """Delete what is past its days and return how many; a setting of 0 days keeps that outcome for ever.

    Many short transactions; any number of workers may do it at once, each finds other rows.
    """
    settings = services.settings
    deleted = 0
    kept_days = {"processed": settings.webhook_keep_processed_days, "dead": settings.webhook_keep_dead_days}
    for status, days in kept_days.items():
        while days and deleted < turn_max:
            answer = await services.database.pool.execute(_DELETE, status, days, BATCH)
            count = int(answer.rpartition(" ")[2])
            deleted += count
            if count < BATCH:
                break
            await asyncio.sleep(PAUSE_S)
    if deleted:
        log.info("webhook_deliveries_deleted", deliveries=deleted)
    return deleted
