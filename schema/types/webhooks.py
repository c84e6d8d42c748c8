"""Webhook endpoints and deliveries, without addresses, secrets and bodies."""

import datetime

import strawberry

from core.db import tables
from schema.read.listing import table_listing
from schema.types.mirrored import Node

ENDPOINT_SECRETS = ("endpoint_key", "secret", "offered_secret")
DELIVERY_SECRETS = ("body", "digest", "lease_until", "not_before_at")


@strawberry.type(
    description="A subscription at Clio for one model of one firm. Its address and secret are never shown."
)
class WebhookEndpoint(Node):
    """Fields are named as the columns of `core.db.tables.WebhookEndpoint`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str = strawberry.field(description="Name of the resource it keeps up to date.")
    model: str = strawberry.field(description="Clio's webhook model.")
    clio_webhook_id: strawberry.ID | None = strawberry.field(description="Clio's id; null until Clio has answered.")
    state: str = strawberry.field(description="creating, pending, enabled, suspended, retired or failed.")
    events: list[str] = strawberry.field(description="Events subscribed to, such as updated.")
    expires_at: datetime.datetime | None = strawberry.field(description="When Clio ends it unless it is renewed.")
    error_code: str | None = strawberry.field(description="Why it failed or was suspended.")
    created_at: datetime.datetime = strawberry.field(description="When it was first asked for.")
    updated_at: datetime.datetime = strawberry.field(description="When its state last changed.")


@strawberry.type(description="One delivery of a webhook. Its body is never shown.")
class WebhookDelivery(Node):
    """Fields are named as the columns of `core.db.tables.WebhookDelivery`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    model: str = strawberry.field(description="Clio's webhook model.")
    resource: str = strawberry.field(description="Name of the resource it is about.")
    event: str = strawberry.field(description="created, updated, deleted, or one of the model's own.")
    record_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the record it is about.")
    status: str = strawberry.field(description="received, processing, processed, failed or dead.")
    outcome: str | None = strawberry.field(description="created, updated, deleted or unchanged; null until processed.")
    receipts: int = strawberry.field(description="Times Clio sent it.")
    attempts: int = strawberry.field(description="Times it was worked on.")
    error_code: str | None = strawberry.field(description="Code of the latest error.")
    error_message: str | None = strawberry.field(description="What the latest error says.")
    received_at: datetime.datetime = strawberry.field(description="When it was first received.")
    processed_at: datetime.datetime | None = strawberry.field(description="When it was processed.")


@strawberry.type(description="How many deliveries have one status.")
class StatusCount:
    """One bar of a chart."""

    status: str = strawberry.field(description="received, processing, processed, failed or dead.")
    count: int = strawberry.field(description="Deliveries with that status.")


@strawberry.type(description="What became of the deliveries of a model, or of all.")
class WebhookMetrics:
    """Counted from the inbox itself."""

    model: str | None = strawberry.field(description="The model that was asked for; null for all.")
    statuses: list[StatusCount] = strawberry.field(description="Deliveries by status, in order of its name.")


WEBHOOK_ENDPOINTS = table_listing("WebhookEndpoint", tables.WebhookEndpoint, leave_out=ENDPOINT_SECRETS)
WEBHOOK_DELIVERIES = table_listing("WebhookDelivery", tables.WebhookDelivery, leave_out=DELIVERY_SECRETS)
