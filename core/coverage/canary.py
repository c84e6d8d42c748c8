"""The canary: what a poll finds that a webhook should have told of, and has not, proves that the webhook is silent."""

import datetime
from typing import TYPE_CHECKING

from core.coverage.ledger import Model, disprove
from core.logging import get_logger
from core.sync.runs import Run
from core.webhooks.coverage import TOLERANCE_S

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

SILENT = "SILENT"

TOLERANCE = datetime.timedelta(seconds=TOLERANCE_S)

_MISSED = """
UPDATE webhook_endpoint AS endpoint SET silent_at = now()
FROM (
    SELECT id, greatest(enabled_at, (
        SELECT max(received_at) FROM webhook_delivery WHERE webhook_delivery.endpoint = newest.id
    )) AS told_at
    FROM (
        SELECT id, enabled_at, silent_at FROM webhook_endpoint
        WHERE firm = $1 AND resource = $2 AND state = 'enabled' ORDER BY id DESC LIMIT 1
    ) AS newest WHERE silent_at IS NULL
) AS told
WHERE endpoint.id = told.id AND EXISTS (
    SELECT FROM change AS polled
    CROSS JOIN LATERAL (SELECT (polled.after ->> 'clio_updated_at')::timestamptz AS at) AS changed
    WHERE polled.firm = $1 AND polled.resource = $2 AND polled.source = 'incremental' AND polled.seen_at >= $3
      AND polled.after::jsonb - '{etag,clio_updated_at}'::text[] <> '{}'
      AND changed.at > told.told_at + $4::interval + $5::interval
      AND changed.at < polled.seen_at + $4::interval - $5::interval
)
RETURNING endpoint.id, told.told_at"""

_HEARD = """
UPDATE webhook_endpoint AS endpoint SET silent_at = NULL
WHERE firm = $1 AND silent_at IS NOT NULL AND EXISTS (
    SELECT FROM webhook_delivery AS delivery
    WHERE delivery.endpoint = endpoint.id AND delivery.received_at > endpoint.silent_at
)
RETURNING id, resource"""


async def listen(services: "Services", run: Run, *, ahead: datetime.timedelta) -> None:
    """Compare what an incremental run brought with what was delivered; a webhook that missed something is silent.

    A change counts if Clio made it two minutes or more before we read it, and two minutes or more after the endpoint
    was enabled and after its last delivery; and if it changed something the webhook tells of. One statement.
    """
    found = await services.database.pool.fetchrow(_MISSED, run.firm, run.resource, run.high_water_at, ahead, TOLERANCE)
    if found is None:
        return
    log.error(
        "webhook_silent",
        firm=run.firm,
        resource=run.resource,
        endpoint=found["id"],
        last_told_at=found["told_at"].isoformat(),
        next_step="check that Clio can reach PUBLIC_URL; polling goes on more often until a delivery comes",
    )
    model = Model(firm=run.firm, resource=run.resource)
    since, at = found["told_at"] + ahead, run.high_water_at + ahead
    await disprove(services.database, model, found["id"], since=since, at=at, reason=SILENT)


async def forgive(services: "Services", firm: int) -> None:
    """End the silence of webhooks of which a delivery has come since; what they cover begins anew. One statement."""
    for row in await services.database.pool.fetch(_HEARD, firm):
        log.info("webhook_heard_again", firm=firm, resource=row["resource"], endpoint=row["id"])
