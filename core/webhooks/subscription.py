"""One subscription at Clio and the endpoint row that stands for it."""

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import asyncpg

from core.clio.client import ClioClient
from core.clio.webhooks import activate_webhook, create_webhook, delete_webhook, get_webhook, update_webhook
from core.coverage.ledger import Model, close_open, lapse, prove
from core.errors import (
    ClioError,
    ClioForbidden,
    ClioInvalidRequest,
    ClioNotFound,
    ClioUnexpectedAnswer,
    ServiceError,
)
from core.logging import get_logger
from core.resource import Resource, WebhookModel
from core.settings import Settings
from core.webhooks.endpoints import (
    insert_endpoint,
    offered_secret,
    own_secret,
    read_endpoint,
    store_subscription,
)
from core.webhooks.receiver import PREFIX
from core.webhooks.states import move

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

FIELDS_MAX = 1000
"""Longest `fields` of a subscription that Clio takes."""

LIFE_MAX = datetime.timedelta(days=31) - datetime.timedelta(hours=1)
"""Clio's 31 days, less an hour in which its clock and ours may differ."""

MISSING, SUSPENDED, EXPIRED = "MISSING_AT_CLIO", "SUSPENDED_BY_CLIO", "EXPIRED"

PENDING_MAX = datetime.timedelta(minutes=10)

FAILED_PAUSE, FAILED_PAUSE_MAX = datetime.timedelta(hours=1), datetime.timedelta(days=1)
"""How long a model rests after Clio first refused it, and at most, for the rest doubles with each refusal."""

RENEW_FROM, RENEW_TO = 0.5, 0.6
"""With this part of its life left a subscription is extended; where between the two is up to its key."""

MESSAGE_LENGTH_MAX = 500

ClioStatus = Literal["pending", "enabled", "suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as Clio describes it."""

    id: int
    url: str
    status: ClioStatus
    shared_secret: str | None
    expires_at: datetime.datetime | None
    seen_at: datetime.datetime

    @classmethod
    def read(cls, answer: Mapping[str, Any], seen_at: datetime.datetime) -> "Subscription":
        """Take a subscription out of an answer of Clio to a request that was sent at `seen_at`, by Clio's clock.

        Raises:
            ClioUnexpectedAnswer: it names no id or no known status.
        """
        try:
            expires_at = answer.get("expires_at")
            status = answer["status"]
            if status not in {"pending", "enabled", "suspended"}:
                raise ValueError(status)
            return cls(
                id=int(answer["id"]),
                url=str(answer.get("url") or ""),
                status=status,
                shared_secret=answer.get("shared_secret") or None,
                expires_at=datetime.datetime.fromisoformat(expires_at) if expires_at else None,
                seen_at=seen_at,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ClioUnexpectedAnswer(
                "clio described a webhook without the documented id, status or expires_at: see its API changelog"
            ) from error


def address(settings: Settings, endpoint_key: str) -> str:
    """Return the URL that Clio delivers to."""
    return f"{settings.public_base}{PREFIX}{endpoint_key}"


def wanted_fields(resource: Resource, webhook: WebhookModel) -> str:
    """Return the fields to ask for; where they are too many for Clio, only what says that something changed."""
    fields = webhook.fields or resource.endpoint.fields
    return fields if len(fields) <= FIELDS_MAX else "id,etag"


def renewal_left(key: str, life: datetime.timedelta) -> datetime.timedelta:
    """Return with how much of its life left a subscription is extended: at a point of its own, the same in any process.

    So the subscriptions that a firm made together, and all firms' after an outage, are not extended together.
    """
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 2**32
    return life * (RENEW_FROM + (RENEW_TO - RENEW_FROM) * share)


class Subscriber:
    """Makes, checks, renews and ends the subscriptions of one firm; the caller holds the firm's lock.

    `eager` retries what Clio refused at once, for when a person asks; else it rests, longer each time. Without
    `receiving`, deliveries are taken by nobody just now, and nothing proves coverage.
    """

    def __init__(
        self, services: "Services", client: ClioClient, firm: int, *, eager: bool, receiving: bool = True
    ) -> None:
        self._services = services
        self._client = client
        self._firm = firm
        self._eager = eager
        self._receiving = receiving
        self.ended: set[int] = set()
        """Clio's ids of the subscriptions it has ended."""

    async def ensure(self, resource: Resource, row: asyncpg.Record | None, found: Subscription | None) -> int | None:
        """See to it that a resource has a live subscription; return the id of its endpoint, None while it rests.

        `row` is its endpoint, `found` what Clio lists of it.

        Raises:
            ClioError: Clio refused, or could not be asked; the row says where it stands.
        """
        if row is None:
            return await self._create_first(resource)
        if row["state"] == "failed":
            if not self._eager and row["updated_at"] > _now() - _pause(row["refusals"]):
                return None
            await move(self._services.database.pool, row["id"], "creating")
        if found is None and row["clio_webhook_id"] is None:
            await self.prove(resource, row["id"], await self._subscribe(row["id"], resource))
            return int(row["id"])
        reason = self.why_replace(row, found)
        if found is None or reason is not None:
            return await self._replace(resource, row, found, reason or MISSING)
        if not self._is_known(row, found):
            found = await self.take_in(row["id"], found, confirm=True)
        if found.status == "pending" and row["created_at"] < _now() - PENDING_MAX:
            return await self._replace(resource, row, found, "HANDSHAKE_OVERDUE")
        await self.renew(resource, row, found)
        if row["silent_at"] is None:
            await self.prove(resource, row["id"], found)
        return int(row["id"])

    async def retire(self, row: asyncpg.Record, *, reason: str) -> None:
        """End a subscription, at Clio as far as it lets us, and its endpoint for good."""
        log.info("webhook_endpoint_retired", firm=self._firm, endpoint=row["id"], reason=reason)
        if row["clio_webhook_id"] is not None and reason != MISSING:
            self.ended.add(row["clio_webhook_id"])
            try:
                await delete_webhook(self._client, row["clio_webhook_id"])
            except ClioError as error:
                log.warning("webhook_not_deleted", firm=self._firm, endpoint=row["id"], code=error.code)
        await move(self._services.database.pool, row["id"], "retired", error_code=reason)
        await close_open(self._services.database, [row["id"]])

    async def create(self, resource: Resource) -> tuple[int, Subscription]:
        """Subscribe at an address of its own; return the new endpoint and what Clio says of it."""
        webhook = _webhook_of(resource)
        endpoint = await insert_endpoint(
            self._services.database,
            self._services.cipher,
            firm=self._firm,
            resource=resource.name,
            model=webhook.model,
            events=webhook.events,
            fields=wanted_fields(resource, webhook),
        )
        return endpoint, await self._subscribe(endpoint, resource)

    async def look(self, clio_webhook_id: int) -> Subscription:
        """Ask Clio for one subscription.

        Raises:
            ClioNotFound: it is not there any more.
        """
        sent_at = _now()
        return Subscription.read(await get_webhook(self._client, clio_webhook_id), sent_at + self._client.ahead)

    async def take_in(self, endpoint: int, found: Subscription, *, confirm: bool) -> Subscription:
        """Keep what Clio says of a subscription, finishing its handshake where that is still open.

        `confirm` finishes it even where no handshake arrived, with the secret that the API reports.
        """
        row = await self._row(endpoint)
        offered = offered_secret(self._services.cipher, row)
        if found.status == "pending":
            secret = offered or (found.shared_secret if confirm else None)
            if secret is not None:
                found = await self._activate(endpoint, found, secret)
        await store_subscription(
            self._services.database,
            self._services.cipher,
            endpoint,
            clio_webhook_id=found.id,
            expires_at=found.expires_at,
            secret=found.shared_secret or offered,
        )
        await move(self._services.database.pool, endpoint, found.status)
        return found

    async def prove(self, resource: Resource, endpoint: int, found: Subscription) -> None:
        """Note in the ledger whether a subscription covers its resource, as Clio describes it."""
        database, model = self._services.database, Model(firm=self._firm, resource=resource.name)
        if found.status == "enabled" and self._receiving:
            await prove(database, model, endpoint, at=found.seen_at, ahead=self._client.ahead)
        elif found.status != "enabled":
            await lapse(database, model, endpoint, at=found.seen_at, reason=found.status.upper())

    async def renew(
        self, resource: Resource, row: asyncpg.Record, found: Subscription, *, at_once: bool = False
    ) -> None:
        """Extend a subscription past half of its life, or whose declaration has changed; any other with `at_once`."""
        webhook = _webhook_of(resource)
        fields = wanted_fields(resource, webhook)
        left = None if found.expires_at is None else found.expires_at - self._client.now()
        is_due = at_once or (left is not None and left < renewal_left(row["endpoint_key"], self._life()))
        if not is_due and row["fields"] == fields and set(row["events"]) == set(webhook.events):
            return
        await update_webhook(self._client, found.id, expires_at=self._expiry(), fields=fields, events=webhook.events)
        renewed = await self.look(found.id)
        await store_subscription(
            self._services.database,
            self._services.cipher,
            row["id"],
            clio_webhook_id=renewed.id,
            expires_at=renewed.expires_at,
            secret=renewed.shared_secret,
            fields=fields,
            events=webhook.events,
        )
        log.info("webhook_renewed", firm=self._firm, endpoint=row["id"])

    def why_replace(self, row: asyncpg.Record, found: Subscription | None) -> str | None:
        """Return why an endpoint cannot go on with the subscription that Clio lists, or None where it can."""
        if found is None:
            return MISSING
        if found.url != address(self._services.settings, row["endpoint_key"]):
            return "ADDRESS_CHANGED"
        if found.status == "suspended":
            return SUSPENDED
        if found.expires_at is not None and found.expires_at <= self._client.now():
            return EXPIRED
        return None

    async def _create_first(self, resource: Resource) -> int:
        endpoint, found = await self.create(resource)
        await self.prove(resource, endpoint, found)
        return endpoint

    async def _replace(self, resource: Resource, row: asyncpg.Record, found: Subscription | None, reason: str) -> int:
        await lapse(
            self._services.database,
            Model(firm=self._firm, resource=resource.name),
            row["id"],
            at=self._client.now(),
            reason=reason,
            held_until=found.expires_at if found is not None and reason == EXPIRED else None,
        )
        if reason == SUSPENDED:
            await move(self._services.database.pool, row["id"], "suspended", error_code=reason)
        await self.retire(row, reason=reason)
        return await self._create_first(resource)

    async def _subscribe(self, endpoint: int, resource: Resource) -> Subscription:
        """POST the subscription of an endpoint whose row and secret are committed: the handshake may come first."""
        webhook = _webhook_of(resource)
        row = await self._row(endpoint)
        try:
            answer = await create_webhook(
                self._client,
                url=address(self._services.settings, row["endpoint_key"]),
                model=webhook.model,
                events=webhook.events,
                fields=wanted_fields(resource, webhook),
                expires_at=self._expiry(),
                shared_secret=own_secret(self._services.cipher, row) or "",
            )
        except (ClioForbidden, ClioInvalidRequest) as error:
            reason = str(error)[:MESSAGE_LENGTH_MAX]
            await move(self._services.database.pool, endpoint, "failed", error_code=error.code, error_message=reason)
            raise
        return await self.take_in(endpoint, await self.look(int(answer["id"])), confirm=False)

    def _is_known(self, row: asyncpg.Record, found: Subscription) -> bool:
        """Whether a row says of an enabled subscription what Clio says."""
        kept = (row["state"], row["clio_webhook_id"], row["expires_at"], own_secret(self._services.cipher, row))
        return kept == ("enabled", found.id, found.expires_at, found.shared_secret) and found.status == "enabled"

    async def _activate(self, endpoint: int, found: Subscription, secret: str) -> Subscription:
        try:
            await activate_webhook(self._client, found.id, secret)
        except (ClioInvalidRequest, ClioNotFound) as error:
            log.warning("webhook_not_activated", firm=self._firm, endpoint=endpoint, code=error.code)
            return found
        return await self.look(found.id)

    async def _row(self, endpoint: int) -> asyncpg.Record:
        row = await read_endpoint(self._services.database, endpoint)
        if row is None:
            raise ServiceError(f"webhook endpoint {endpoint} is gone: register the firm's webhooks again")
        return row

    def _life(self) -> datetime.timedelta:
        return min(datetime.timedelta(days=self._services.settings.webhook_days), LIFE_MAX)

    def _expiry(self) -> datetime.datetime:
        return (self._client.now() + self._life()).replace(microsecond=0)


def _webhook_of(resource: Resource) -> WebhookModel:
    if resource.webhook is None:
        raise ServiceError(f"resource {resource.name} declares no webhook model")
    return resource.webhook


def _pause(refusals: int) -> datetime.timedelta:
    return min(FAILED_PAUSE * (1 << min(max(refusals - 1, 0), 8)), FAILED_PAUSE_MAX)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
