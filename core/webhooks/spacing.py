"""Fetches of one record are kept apart, so that a burst of incomplete events about it does not use up the budget.

The first event is answered at once. What comes within `WEBHOOK_FETCH_SPACING_S` after a fetch waits for the end of that
time, all of it together, for one fetch more. So a change is never seen later than that, and a record costs at most one
request in that time. The marks are keys in Redis that end by themselves; without Redis nothing waits.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.redis_pool import REDIS_ERRORS
from core.webhooks.settlement import RecordDeliveries

if TYPE_CHECKING:
    from core.services import Services


async def waits_s(services: "Services", records: Sequence[RecordDeliveries]) -> list[float]:
    """Return for each record how long a fetch of it has to wait, 0 for those that may go now, which are marked.

    One round trip to Redis, whatever the number of records.
    """
    spacing_ms = int(services.settings.webhook_fetch_spacing_s * 1000)
    if not spacing_ms or not records:
        return [0.0] * len(records)
    keys = [f"webhooks:fetched:{record.firm}:{record.resource.name}:{record.clio_id}" for record in records]
    try:
        async with services.redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.set(key, b"", px=spacing_ms, nx=True)
                pipeline.pttl(key)
            answers = await pipeline.execute()
    except REDIS_ERRORS:
        return [0.0] * len(records)
    pairs = zip(answers[::2], answers[1::2], strict=True)
    return [0.0 if marked else max(left_ms, 1) / 1000 for marked, left_ms in pairs]
