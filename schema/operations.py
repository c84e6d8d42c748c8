"""The lists that core owns: firms, sync runs and their reports, webhook endpoints and deliveries, and counts."""

import datetime
import time
from typing import Any

import strawberry

from core.metrics.queries import read_report, read_span
from schema.arguments import argument, list_arguments, with_arguments
from schema.connections import connection_field, connection_type
from schema.context import Info
from schema.coverage import coverage_field
from schema.entities import Entity, describe_fields
from schema.filters import FilterInputs
from schema.global_ids import read_firm
from schema.read.parameters import Parameters, firm_predicate
from schema.read.readers import fetch
from schema.read.statements import Statement
from schema.types.access_findings import ACCESS_FINDINGS, AccessFinding
from schema.types.changes import CHANGE, CHANGE_CONNECTION
from schema.types.firms import FIRMS, Firm, Me
from schema.types.history import LEGAL_HOLDS, LegalHold
from schema.types.reconciliations import RECONCILIATIONS, Reconciliation
from schema.types.request_budget import request_budget_field
from schema.types.sync_runs import SYNC_RUNS, SyncRun
from schema.types.webhook_metrics import MetricsResolution, WebhookMetrics, resolution_of
from schema.types.webhooks import (
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WebhookDelivery,
    WebhookEndpoint,
)

FIRM = Entity(FIRMS, Firm)
SYNC_RUN = Entity(SYNC_RUNS, SyncRun)
RECONCILIATION = Entity(RECONCILIATIONS, Reconciliation)
WEBHOOK_ENDPOINT = Entity(WEBHOOK_ENDPOINTS, WebhookEndpoint)
WEBHOOK_DELIVERY = Entity(WEBHOOK_DELIVERIES, WebhookDelivery)

ACCESS_FINDING = Entity(ACCESS_FINDINGS, AccessFinding)
LEGAL_HOLD = Entity(LEGAL_HOLDS, LegalHold)

ENTITIES = (FIRM, SYNC_RUN, RECONCILIATION, WEBHOOK_ENDPOINT, WEBHOOK_DELIVERY, CHANGE, ACCESS_FINDING, LEGAL_HOLD)
"""Every object type of core's that has a global id."""

_LISTS = (
    ("sync_runs", SYNC_RUN, ("resource", "state", "kind"), "Sync runs, oldest first."),
    (
        "reconciliations",
        RECONCILIATION,
        ("resource", "started_at", "missing", "stale", "extra", "unknown"),
        "Reports of reconcile runs, oldest first.",
    ),
    (
        "access_findings",
        ACCESS_FINDING,
        ("resource", "kind", "found_at", "resolved_at"),
        "What connected users may no longer see, oldest first; what stands has no `resolvedAt`.",
    ),
    (
        "legal_holds",
        LEGAL_HOLD,
        ("placed_at", "released_at"),
        "Legal holds, oldest first; one that is open has no `releasedAt`.",
    ),
    ("webhook_endpoints", WEBHOOK_ENDPOINT, ("resource", "model", "state"), "Webhook endpoints, oldest first."),
    (
        "webhook_deliveries",
        WEBHOOK_DELIVERY,
        (
            "status",
            "model",
            "event",
            "received_at",
            "record_clio_id",
            "resource",
            "endpoint",
            "outcome",
            "error_code",
            "error_message",
            "attempts",
            "replays",
            "processed_at",
        ),
        "Webhook deliveries, oldest first; `last` gives the latest.",
    ),
)


def operation_fields() -> dict[str, Any]:
    """Return the fields of Query that core owns; new ones for every schema."""
    inputs = FilterInputs({entity.name: describe_fields(entity.type) for entity in ENTITIES})
    fields: dict[str, Any] = {
        "firms": strawberry.field(resolver=_firms, description="The firms the caller may see, in order of number."),
        "me": strawberry.field(resolver=_me, description="The bearer of the token."),
        "coverage": coverage_field(),
        "request_budget": request_budget_field(),
        "webhook_metrics": strawberry.field(
            resolver=with_arguments(
                _webhook_metrics,
                {
                    "model": argument(str, "One of Clio's webhook models; all unless given."),
                    "firm": argument(
                        strawberry.ID, "One firm, by number or global id; all of the caller's unless given."
                    ),
                    "from_": argument(
                        datetime.datetime, "Instant in the first bucket; a day before `to` unless given.", name="from"
                    ),
                    "to": argument(datetime.datetime, "Instant in the last bucket; now unless given."),
                    "resolution": argument(
                        MetricsResolution,
                        "Length of the buckets, of which there may be 1,500; unless given the shortest that is kept for"
                        " so long and makes no more than 200.",
                    ),
                },
                WebhookMetrics,
            ),
            description="What became of the webhook deliveries received in a time.",
        ),
    }
    fields["changes"] = connection_field(
        CHANGE,
        CHANGE_CONNECTION,
        {
            **list_arguments(None, None, with_firm=True),
            "resource": argument(str, "One resource, such as contact; all unless given."),
        },
        description="Every change of every record in the order of commits, oldest first: page on with `after` and none "
        "is missed. A change is shown once every transaction that began before its own has ended.",
    )
    for name, entity, columns, description in _LISTS:
        arguments = list_arguments(inputs.of(entity.listing, columns=columns), None, with_firm=True)
        fields[name] = connection_field(entity, connection_type(entity), arguments, description=description)
    return fields


async def _firms(info: Info) -> list[Firm]:
    parameters = Parameters()
    condition = firm_predicate(FIRMS, "t", info.context.principal.firms, parameters)
    text = f"SELECT {FIRMS.select('t')} FROM firm AS t WHERE {condition} ORDER BY t.id"
    rows = await fetch(info.context.readers.pool, Statement(text, parameters.values))
    return [FIRM.make(row) for row in rows]


async def _me(info: Info) -> Me:
    principal = info.context.principal
    firms = None if principal.firms is None else [strawberry.ID(str(firm)) for firm in sorted(principal.firms)]
    return Me(subject=principal.subject, firms=firms, scopes=sorted(principal.scopes))


async def _webhook_metrics(
    root: Any,  # noqa: ARG001 - strawberry passes it
    info: Info,
    model: str | None = None,
    firm: str | None = None,
    from_: datetime.datetime | None = None,
    to: datetime.datetime | None = None,
    resolution: MetricsResolution | None = None,
) -> WebhookMetrics:
    firms = info.context.principal.allowed_firms(read_firm(firm))
    span = read_span(from_, to, None if resolution is None else resolution_of(resolution), now=time.time())
    report = await read_report(info.context.services.redis, firms, model, span)
    return WebhookMetrics(report=report, firms=firms, model=model, since=from_, until=to)
