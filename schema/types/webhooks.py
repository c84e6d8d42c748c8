"""Webhook endpoints and deliveries, without addresses, secrets and bodies."""

import datetime
from collections.abc import Sequence
from enum import Enum
from typing import Any

import strawberry

from core.db import tables
from core.db.reading import Reading
from core.webhooks.coverage import coverage_sql
from schema.context import Info
from schema.read.listing import table_listing
from schema.types.mirrored import Node

ENDPOINT_SECRETS = ("endpoint_key", "secret", "offered_secret")
DELIVERY_SECRETS = ("body", "digest", "lease_until", "not_before_at", "copy", "lapses")


@strawberry.enum(description="Whether what changes at Clio is told by webhook.")
class WebhookCoverage(Enum):
    """Values are those of `core.webhooks.coverage.Coverage`."""

    DELIVERING = strawberry.enum_value("delivering", description="Deliveries come, and tell of what changes.")
    UNPROVEN = strawberry.enum_value("unproven", description="Enabled; nothing was delivered yet, and nothing missed.")
    SILENT = strawberry.enum_value(
        "silent",
        description="Enabled, and polls found changes that no delivery told of; polled more often until one comes.",
    )
    POLLING = strawberry.enum_value(
        "polling", description="Not enabled: refused, suspended or pending; polled more often until it is."
    )


async def load_coverage(pool: Reading, firms: frozenset[int] | None, endpoints: Sequence[int]) -> list[str | None]:
    """Return the coverage of each endpoint by its number; None for a retired one. One statement."""
    text = f"""SELECT t.id, {coverage_sql("t")} AS coverage FROM webhook_endpoint AS t
        WHERE t.id = ANY ($1::bigint[]) AND ($2::bigint[] IS NULL OR t.firm = ANY ($2::bigint[]))"""
    rows = await pool.fetch(text, list(endpoints), None if firms is None else sorted(firms))
    found = {row["id"]: row["coverage"] for row in rows}
    return [found.get(endpoint) for endpoint in endpoints]


async def _coverage(root: Any, info: Info) -> WebhookCoverage | None:
    loader = info.context.readers.loader("webhook_coverage", load_coverage)
    found = await loader.load(vars(root)["id"])
    return None if found is None else WebhookCoverage(found)


@strawberry.type(
    description="A subscription at Clio for one model of one firm. Its address and secret are never shown."
)
class WebhookEndpoint(Node):
    """Fields are named as the columns of `core.db.tables.WebhookEndpoint`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str = strawberry.field(description="Name of the resource it keeps up to date.")
    model: str = strawberry.field(description="Clio's webhook model.")
    clio_webhook_id: strawberry.ID | None = strawberry.field(description="Clio's id; null until Clio has answered.")
    state: str = strawberry.field(description="creating, pending, enabled, suspended, failed, retiring or retired.")
    events: list[str] = strawberry.field(description="Events subscribed to, such as updated.")
    expires_at: datetime.datetime | None = strawberry.field(description="When Clio ends it unless it is renewed.")
    error_code: str | None = strawberry.field(description="Why it failed, was suspended or retired.")
    error_message: str | None = strawberry.field(description="What Clio said when it refused it; else null.")
    refusals: int = strawberry.field(
        description="How often in a row Clio refused it: asked again after an hour, then ever more rarely."
    )
    silent_at: datetime.datetime | None = strawberry.field(
        description="When a poll found a change that it had not told of; null while there is no such finding."
    )
    created_at: datetime.datetime = strawberry.field(description="When it was first asked for.")
    updated_at: datetime.datetime = strawberry.field(description="When its state last changed.")
    enabled_at: datetime.datetime | None = strawberry.field(description="When it last became enabled.")
    coverage: WebhookCoverage | None = strawberry.field(
        resolver=_coverage,
        description="Whether what changes at Clio is told by it; null once it was replaced.",
    )


@strawberry.type(description="A header of a request.")
class RequestHeader:
    """One of those that hold no secret; see `core.webhooks.receiver.KEPT_HEADERS`."""

    name: str = strawberry.field(description="In lower case.")
    value: str = strawberry.field(description="Its first 256 characters.")


def _headers(root: Any) -> list[RequestHeader]:
    return [RequestHeader(name=name, value=value) for name, value in sorted(vars(root)["headers"].items())]


@strawberry.type(description="One delivery of a webhook. Its body is never shown.")
class WebhookDelivery(Node):
    """Fields are named as the columns of `core.db.tables.WebhookDelivery`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    endpoint: strawberry.ID = strawberry.field(description="Number of the endpoint it came to.")
    model: str = strawberry.field(description="Clio's webhook model.")
    resource: str = strawberry.field(description="Name of the resource it is about.")
    event: str = strawberry.field(description="created, updated, deleted, or one of the model's own.")
    record_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the record it is about.")
    status: str = strawberry.field(description="received, processing, processed, failed or dead.")
    outcome: str | None = strawberry.field(
        description="created, updated, deleted, hidden or unchanged; null until processed."
    )
    receipts: int = strawberry.field(description="Times Clio sent it.")
    attempts: int = strawberry.field(description="Times it was worked on.")
    error_code: str | None = strawberry.field(description="Code of the latest error.")
    error_message: str | None = strawberry.field(description="What the latest error says.")
    received_at: datetime.datetime = strawberry.field(description="When it was first received.")
    processed_at: datetime.datetime | None = strawberry.field(description="When it was processed.")
    replays: int = strawberry.field(description="Times somebody had it applied again.")
    replayed_at: datetime.datetime | None = strawberry.field(description="When that was last done.")
    headers: list[RequestHeader] = strawberry.field(
        resolver=_headers,
        description="Of the request that brought it first: user agent, content type and length, request ids; no other.",
    )


WEBHOOK_ENDPOINTS = table_listing("WebhookEndpoint", tables.WebhookEndpoint, leave_out=ENDPOINT_SECRETS)
WEBHOOK_DELIVERIES = table_listing("WebhookDelivery", tables.WebhookDelivery, leave_out=DELIVERY_SECRETS)
