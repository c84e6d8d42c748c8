"""Applying a resource's whole raw log again, while the service runs: the first step of rebuilding its table.

Nothing is emptied. What the log says is written over what is there, newer only: a lost row comes back, and no good one
goes. A backfill then brings what the log does not hold and whatever is newer, and a reconcile run finds what is gone at
Clio. So a row goes only on Clio's word about it, and an empty table is never believed.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from core.errors import BadInput
from core.logging import get_logger
from core.webhooks.replay import REOPEN_BATCH, REOPEN_PACE_S, reopen

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

_NEXT = """
SELECT id FROM webhook_delivery
WHERE firm = $1 AND resource = $2 AND status IN ('processed', 'failed', 'dead') AND id > $3 AND id <= $4
ORDER BY id LIMIT $5"""

_LAST = "SELECT coalesce(max(id), 0) FROM webhook_delivery WHERE firm = $1"

_OPEN = """
SELECT count(*) FROM webhook_delivery
WHERE firm = $1 AND resource = $2 AND replays > 0 AND status IN ('received', 'processing')"""


async def open_raw_log(services: "Services", *, firm: int, resource: str) -> AsyncIterator[int]:
    """Open every delivery of a firm and resource again, in order of receipt; yields how many after each batch.

    What arrives meanwhile is not touched. Given up half way it can be begun again: nothing is done that a second time
    would spoil. Cost: an UPDATE for each 500 deliveries, which fall due a thousand a second.

    Raises:
        NotFound: there is no such resource.
        BadInput: Clio sends no webhooks for it, so there is no raw log.
    """
    if services.registry.resource(resource).webhook is None:
        raise BadInput(f"there are no webhooks of {resource}, so no raw log: ask for `clio-service sync --full`")
    pool = services.database.pool
    last, after, reopened, batches = await pool.fetchval(_LAST, firm), 0, 0, 0
    while ids := [row["id"] for row in await pool.fetch(_NEXT, firm, resource, after, last, REOPEN_BATCH)]:
        reopened += await reopen(services, ids, delay_s=batches * REOPEN_PACE_S)
        after, batches = ids[-1], batches + 1
        yield reopened
    log.info("webhook_log_opened_again", firm=firm, resource=resource, reopened=reopened)


async def still_open(services: "Services", *, firm: int, resource: str) -> int:
    """Return how many replayed deliveries were not tried since; those that failed again are not counted."""
    return int(await services.database.pool.fetchval(_OPEN, firm, resource))
