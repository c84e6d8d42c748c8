"""Subscriptions at Clio from first to last: registering, keeping alive, replacing, ending.

All of it is one reconciliation of three things: the resources that declare a webhook model, our endpoint rows, and what
Clio lists. So it can be run again at any time, by anybody, and after a crash at any point.
"""

from typing import TYPE_CHECKING

import asyncpg

from core.clio.client import ClioClient
from core.clio.webhooks import delete_webhook, list_webhooks
from core.errors import ClioError, ClioUnauthorized, NotFound, ServiceError
from core.logging import get_logger
from core.webhooks.endpoints import live_endpoints
from core.webhooks.firm_lock import firm_lock, try_firm_lock
from core.webhooks.receiver import PREFIX
from core.webhooks.states import move
from core.webhooks.subscription import Subscriber, Subscription, address

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)


async def register(services: "Services", firm: int) -> list[int]:
    """Subscribe to every resource of a firm that has a webhook model; return the ids of the live endpoints.

    Running it again reuses what lives and repairs what does not. A resource that Clio refuses is logged, left in state
    `failed` and tried again by `maintain`; the others are registered. About three requests for each new subscription.

    Raises:
        ClioUnauthorized: the firm must connect again (as ClioGrantDead).
        ClioError: Clio could not even be asked what there is.
        SubscriptionsBusy: another worker is at it and does not finish.
    """
    async with firm_lock(services.database, firm):
        return await _reconcile(services, firm, eager=True)


async def maintain(services: "Services", firm: int) -> None:
    """Renew what is past half of its life and replace what is missing, suspended, expired or never shook hands.

    For every few minutes; one request when all is well. Does nothing while another worker is at it. What goes wrong
    with Clio is logged and left to the next turn, so that one firm's trouble does not reach the next firm.
    """
    async with try_firm_lock(services.database, firm) as held:
        if not held:
            return
        try:
            await _reconcile(services, firm, eager=False)
        except ServiceError as error:
            log.warning("webhooks_not_maintained", firm=firm, code=error.code)


async def unregister(services: "Services", firm: int) -> None:
    """End a firm's subscriptions, before it is disconnected: afterwards Clio no longer lets us.

    What Clio does not answer is logged; every endpoint is retired all the same and answers 410, which ends it there.
    """
    async with firm_lock(services.database, firm):
        client = services.accounts.client(firm)
        rows = await live_endpoints(services.database, firm)
        known = {row["clio_webhook_id"] for row in rows if row["clio_webhook_id"] is not None}
        try:
            base = f"{services.settings.public_base}{PREFIX}"
            ours = {each.id for each in await _at_clio(client) if each.url.startswith(base)}
        except (ClioError, NotFound) as error:
            log.warning("webhooks_not_listed", firm=firm, code=error.code)
            ours = set()
        for webhook_id in sorted(known | ours):
            await delete_quietly(client, firm, webhook_id)
        for row in rows:
            await move(services.database.pool, row["id"], "retired", error_code="DISCONNECTED")


async def delete_quietly(client: ClioClient, firm: int, webhook_id: int) -> None:
    """Delete a subscription at Clio; what goes wrong is logged, for the endpoint's 410 ends it in any case."""
    try:
        await delete_webhook(client, webhook_id)
    except (ClioError, NotFound) as error:
        log.warning("webhook_not_deleted", firm=firm, webhook=webhook_id, code=error.code)


async def _at_clio(client: ClioClient) -> list[Subscription]:
    return [Subscription.read(each) for each in await list_webhooks(client)]


async def _reconcile(services: "Services", firm: int, *, eager: bool) -> list[int]:
    client = services.accounts.client(firm)
    subscriber = Subscriber(services, client, firm, eager=eager)
    listed = await _at_clio(client)
    rows = await live_endpoints(services.database, firm)
    endpoints: list[int] = []
    for resource in services.registry.resources:
        if resource.webhook is None:
            continue
        own = [each for each in rows if each["resource"] == resource.name]
        for superfluous in own[:-1]:
            await subscriber.retire(superfluous, reason="DUPLICATE")
        row = own[-1] if own else None
        try:
            endpoint = await subscriber.ensure(resource, row, _subscription_of(services, row, listed))
        except ClioUnauthorized:
            raise
        except ClioError as error:
            log.warning("webhook_not_registered", firm=firm, resource=resource.name, code=error.code)
            continue
        if endpoint is not None:
            endpoints.append(endpoint)
    await _end_orphans(services, client, firm, [each for each in listed if each.id not in subscriber.ended])
    return endpoints


def _subscription_of(
    services: "Services", row: asyncpg.Record | None, listed: list[Subscription]
) -> Subscription | None:
    """The subscription behind an endpoint: by Clio's id, or by address where the answer to the POST was lost."""
    if row is None:
        return None
    url = address(services.settings, row["endpoint_key"])
    return next((each for each in listed if each.id == row["clio_webhook_id"] or each.url == url), None)


async def _end_orphans(services: "Services", client: ClioClient, firm: int, listed: list[Subscription]) -> None:
    """Delete subscriptions at our address that lead to no live endpoint."""
    base = f"{services.settings.public_base}{PREFIX}"
    live = {address(services.settings, row["endpoint_key"]) for row in await live_endpoints(services.database, firm)}
    for each in listed:
        if each.url.startswith(base) and each.url not in live:
            await delete_quietly(client, firm, each.id)
