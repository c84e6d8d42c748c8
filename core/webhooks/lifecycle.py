"""Subscriptions at Clio from first to last: registering, keeping alive, replacing, rotating, ending.

All of it is one reconciliation of three things: the resources that declare a webhook model, our endpoint rows, and what
Clio lists. So it can be run again at any time, by anybody, and after a crash at any point.
"""

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from core.clio.client import ClioClient
from core.clio.webhooks import delete_webhook, list_webhooks
from core.coverage import canary, intake, ledger, repair
from core.errors import BadInput, ClioError, ClioUnauthorized, NotFound, ServiceError
from core.logging import get_logger
from core.resource import Resource
from core.sync.pace import SLOWEST
from core.webhooks import succession
from core.webhooks.endpoints import ended_by_hand, live_endpoints, read_endpoint
from core.webhooks.firm_lock import firm_lock, try_firm_lock
from core.webhooks.receiver import PREFIX
from core.webhooks.states import move
from core.webhooks.subscription import Subscriber, Subscription, address

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

DELETED = "DELETED"
"""Why an endpoint is retired that a person ended: nothing but registering again makes another one."""


async def register(services: "Services", firm: int, *, resource: str | None = None) -> list[int]:
    """Subscribe to every resource of a firm that has a webhook model, or to one; return the ids of the live endpoints.

    Running it again reuses what lives and repairs what does not. A resource that Clio refuses is logged, left in state
    `failed` and tried again by `maintain`; the others are registered. About three requests for each new subscription.

    Raises:
        ClioUnauthorized: the firm must connect again (as ClioGrantDead).
        ClioError: Clio could not even be asked what there is.
        NotFound: there is no such resource, or no such firm is connected.
        BadInput: the resource has no webhook.
        SubscriptionsBusy: another worker is at it and does not finish.
    """
    wanted = _subscribed(services, resource)
    async with firm_lock(services.database, firm):
        return await _reconcile(await _look(services, firm, eager=True), wanted)


async def maintain(services: "Services", firm: int) -> None:
    """Renew what is past half of its life and replace what is missing, suspended, expired or never shook hands.

    For every minute; one request when all is well. What it sees is noted in the coverage ledger. Does nothing while
    another worker is at it. What goes wrong with Clio is logged and left to the next turn, so that one firm's trouble
    does not reach the next firm.
    """
    async with try_firm_lock(services.database, firm) as held:
        if not held:
            return
        await canary.forgive(services, firm)
        try:
            await _reconcile(await _look(services, firm, eager=False), _subscribed(services, None))
        except ServiceError as error:
            log.warning("webhooks_not_maintained", firm=firm, code=error.code)
        patience = {each.name: _patience(services, each) for each in services.registry.resources}
        await ledger.find_unwatched(services.database, firm, patience, at=services.accounts.client(firm).now())
        await repair.settle(services, firm)


async def rotate(services: "Services", firm: int, *, resource: str | None = None) -> list[int]:
    """Give every endpoint of a firm, or that of one resource, another address and secret; return the new ids.

    The new one is enabled before the old one is let go, and the old one takes deliveries for an hour more. What is not
    enabled is repaired instead, as `register` does.

    Raises:
        ClioError: Clio refused, or could not be asked; what was enabled serves as before.
        NotFound, BadInput, SubscriptionsBusy: as for `register`.
    """
    wanted = _subscribed(services, resource)
    async with firm_lock(services.database, firm):
        view = await _look(services, firm, eager=True)
        await _reconcile(view, wanted)
        before = {row["id"] for row in view.rows}
        endpoints = []
        for row in await live_endpoints(services.database, firm):
            declared = next((each for each in wanted if each.name == row["resource"]), None)
            if declared is None or row["state"] == "retiring":
                continue
            if row["state"] == "enabled" and row["id"] in before:
                endpoints.append(await succession.rotate(services.database, view.subscriber, declared, row))
            else:
                endpoints.append(row["id"])
        return endpoints


async def renew(services: "Services", firm: int, endpoint: int) -> int:
    """Extend the subscription of one endpoint to the longest life there is; one that is lost is replaced.

    Return the id of the endpoint, or of that which replaced it.

    Raises:
        NotFound: the firm has no such endpoint, or is not connected.
        BadInput: the endpoint is retired, or about to be.
        ClioError: Clio refused, or could not be asked.
        SubscriptionsBusy: as for `register`.
    """
    async with _held(services, firm, endpoint) as row:
        declared = services.registry.resource(row["resource"])
        view = await _look(services, firm, eager=True)
        found = view.find(row)
        if found is None or view.subscriber.why_replace(row, found) is not None:
            return await view.subscriber.ensure(declared, row, found) or endpoint
        await view.subscriber.renew(declared, row, found, at_once=True)
        return endpoint


async def end(services: "Services", firm: int, endpoint: int) -> None:
    """End one subscription for good: its endpoint answers 410, polling goes on alone until somebody registers again.

    Raises:
        NotFound, BadInput, SubscriptionsBusy: as for `renew`. What Clio does not answer is logged.
    """
    async with _held(services, firm, endpoint) as row:
        subscriber = Subscriber(services, services.accounts.client(firm), firm, eager=True)
        await subscriber.retire(row, reason=DELETED)


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
        await ledger.close_open(services.database, [row["id"] for row in rows])


async def delete_quietly(client: ClioClient, firm: int, webhook_id: int) -> None:
    """Delete a subscription at Clio; what goes wrong is logged, for the endpoint's 410 ends it in any case."""
    try:
        await delete_webhook(client, webhook_id)
    except (ClioError, NotFound) as error:
        log.warning("webhook_not_deleted", firm=firm, webhook=webhook_id, code=error.code)


def _patience(services: "Services", resource: Resource) -> datetime.timedelta:
    """Return how long a resource may go unread: twice the longest time between polls."""
    return 2 * datetime.timedelta(seconds=resource.poll_s * SLOWEST * services.settings.poll_factor)


@dataclass(frozen=True, kw_only=True)
class _View:
    """What one turn works with: the endpoints of a firm as they were, and what Clio lists."""

    services: "Services"
    firm: int
    client: ClioClient
    subscriber: Subscriber
    rows: list[asyncpg.Record]
    listed: list[Subscription]
    eager: bool

    def find(self, row: asyncpg.Record) -> Subscription | None:
        """The subscription behind an endpoint: by Clio's id, or by address where the answer to the POST was lost."""
        url = address(self.services.settings, row["endpoint_key"])
        return next((each for each in self.listed if each.id == row["clio_webhook_id"] or each.url == url), None)


async def _look(services: "Services", firm: int, *, eager: bool) -> _View:
    client = services.accounts.client(firm)
    listed = await _at_clio(client)
    receiving = await intake.is_up(services.database)
    if not receiving:
        log.warning("webhooks_taken_by_nobody", firm=firm, next_step="see why no `clio-service serve` runs")
    return _View(
        services=services,
        firm=firm,
        client=client,
        subscriber=Subscriber(services, client, firm, eager=eager, receiving=receiving),
        rows=await live_endpoints(services.database, firm),
        listed=listed,
        eager=eager,
    )


async def _at_clio(client: ClioClient) -> list[Subscription]:
    sent_at = datetime.datetime.now(datetime.UTC)
    listed = await list_webhooks(client)
    return [Subscription.read(each, sent_at + client.ahead) for each in listed]


def _subscribed(services: "Services", name: str | None) -> list[Resource]:
    """Return the resources that have a webhook, or the one named."""
    if name is None:
        return [resource for resource in services.registry.resources if resource.webhook is not None]
    resource = services.registry.resource(name)
    if resource.webhook is None:
        raise BadInput(f"clio has no webhook for {name}: it is polled")
    return [resource]


@asynccontextmanager
async def _held(services: "Services", firm: int, endpoint: int) -> AsyncIterator[asyncpg.Record]:
    """Hold the firm's lock, and one of its endpoints that is not retired."""
    async with firm_lock(services.database, firm):
        row = await read_endpoint(services.database, endpoint)
        if row is None or row["firm"] != firm:
            raise NotFound(f"firm {firm} has no webhook endpoint {endpoint}")
        if row["state"] in {"retiring", "retired"}:
            raise BadInput(f"webhook endpoint {endpoint} is {row['state']}: take the live one of {row['resource']}")
        yield row


async def _reconcile(view: _View, resources: list[Resource]) -> list[int]:
    services, firm = view.services, view.firm
    resting = set() if view.eager else await ended_by_hand(services.database, firm, DELETED)
    endpoints: list[int] = []
    for resource in resources:
        own = [each for each in view.rows if each["resource"] == resource.name]
        if not own and resource.name in resting:
            continue
        try:
            endpoint = await succession.look_after(services.database, view.subscriber, resource, own, view.find)
        except ClioUnauthorized:
            raise
        except ClioError as error:
            log.warning("webhook_not_registered", firm=firm, resource=resource.name, code=error.code)
            continue
        if endpoint is not None:
            endpoints.append(endpoint)
    await _end_orphans(view)
    return endpoints


async def _end_orphans(view: _View) -> None:
    """Delete subscriptions at our address that lead to no live endpoint; those of others are left alone."""
    services, firm = view.services, view.firm
    base = f"{services.settings.public_base}{PREFIX}"
    live = {address(services.settings, row["endpoint_key"]) for row in await live_endpoints(services.database, firm)}
    for each in view.listed:
        if each.id not in view.subscriber.ended and each.url.startswith(base) and each.url not in live:
            log.warning("webhook_unknown_at_our_address", firm=firm, webhook=each.id)
            await delete_quietly(view.client, firm, each.id)
