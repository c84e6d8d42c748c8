"""One subscription at Clio and the endpoint row that stands for it."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import asyncpg

from core.clio.client import ClioClient
from core.clio.webhooks import activate_webhook, create_webhook, delete_webhook, get_webhook, update_webhook
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

MISSING, SUSPENDED = "MISSING_AT_CLIO", "SUSPENDED_BY_CLIO"

PENDING_MAX = datetime.timedelta(minutes=10)
FAILED_PAUSE = datetime.timedelta(hours=1)

ClioStatus = Literal["pending", "enabled", "suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as Clio describes it."""

    id: int
    url: str
    status: ClioStatus
    shared_secret: str | None
    expires_at: datetime.datetime | None

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> "Subscription":
        """Take a subscription out of an answer of Clio.

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


class Subscriber:
    """Makes, checks, renews and ends the subscriptions of one firm; the caller holds the firm's lock.

    `eager` retries what Clio refused at once, for when a person asks; else it rests for an hour.
    """

    def __init__(self, services: "Services", client: ClioClient, firm: int, *, eager: bool) -> None:
        self._services = services
        self._client = client
        self._firm = firm
        self._eager = eager
        self.ended: set[int] = set()
        """Clio's ids of the subscriptions it has ended."""

    async def ensure(self, resource: Resource, row: asyncpg.Record | None, found: Subscription | None) -> int | None:
        """See to it that a resource has a live subscription; return the id of its endpoint, None while it rests.

        `row` is its endpoint, `found` what Clio lists of it.

        Raises:
            ClioError: Clio refused, or could not be asked; the row says where it stands.
        """
        if row is None:
            return await self._create(resource)
        if row["state"] == "failed":
            if not self._eager and row["updated_at"] > _now() - FAILED_PAUSE:
                return None
            await move(self._services.database.pool, row["id"], "creating")
        if found is None and row["clio_webhook_id"] is None:
            return await self._subscribe(row["id"], resource)
        reason = self._why_replace(row, found)
        if found is None or reason is not None:
            return await self._replace(resource, row, reason or MISSING)
        found = await self._take_in(row["id"], found, confirm=True)
        if found.status == "pending" and row["created_at"] < _now() - PENDING_MAX:
            return await self._replace(resource, row, "HANDSHAKE_OVERDUE")
        await self._renew(resource, row, found)
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

    def _why_replace(self, row: asyncpg.Record, found: Subscription | None) -> str | None:
        if found is None:
            return MISSING
        if found.url != address(self._services.settings, row["endpoint_key"]):
            return "ADDRESS_CHANGED"
        if found.status == "suspended":
            return SUSPENDED
        if found.expires_at is not None and found.expires_at <= _now():
            return "EXPIRED"
        return None

    async def _replace(self, resource: Resource, row: asyncpg.Record, reason: str) -> int:
        if reason == SUSPENDED:
            await move(self._services.database.pool, row["id"], "suspended", error_code=reason)
        await self.retire(row, reason=reason)
        return await self._create(resource)

    async def _create(self, resource: Resource) -> int:
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
        return await self._subscribe(endpoint, resource)

    async def _subscribe(self, endpoint: int, resource: Resource) -> int:
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
            await move(self._services.database.pool, endpoint, "failed", error_code=error.code)
            raise
        found = Subscription.read(await get_webhook(self._client, int(answer["id"])))
        await self._take_in(endpoint, found, confirm=False)
        return endpoint

    async def _take_in(self, endpoint: int, found: Subscription, *, confirm: bool) -> Subscription:
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

    async def _activate(self, endpoint: int, found: Subscription, secret: str) -> Subscription:
        try:
            await activate_webhook(self._client, found.id, secret)
        except (ClioInvalidRequest, ClioNotFound) as error:
            log.warning("webhook_not_activated", firm=self._firm, endpoint=endpoint, code=error.code)
            return found
        return Subscription.read(await get_webhook(self._client, found.id))

    async def _renew(self, resource: Resource, row: asyncpg.Record, found: Subscription) -> None:
        """Extend a subscription past half of its life, or whose declaration has changed."""
        webhook = _webhook_of(resource)
        fields = wanted_fields(resource, webhook)
        halfway = found.expires_at is not None and found.expires_at - _now() < self._life() / 2
        if not halfway and row["fields"] == fields and set(row["events"]) == set(webhook.events):
            return
        await update_webhook(self._client, found.id, expires_at=self._expiry(), fields=fields, events=webhook.events)
        renewed = Subscription.read(await get_webhook(self._client, found.id))
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

    async def _row(self, endpoint: int) -> asyncpg.Record:
        row = await read_endpoint(self._services.database, endpoint)
        if row is None:
            raise ServiceError(f"webhook endpoint {endpoint} is gone: register the firm's webhooks again")
        return row

    def _life(self) -> datetime.timedelta:
        return min(datetime.timedelta(days=self._services.settings.webhook_days), LIFE_MAX)

    def _expiry(self) -> datetime.datetime:
        return (_now() + self._life()).replace(microsecond=0)


def _webhook_of(resource: Resource) -> WebhookModel:
    if resource.webhook is None:
        raise ServiceError(f"resource {resource.name} declares no webhook model")
    return resource.webhook


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
