"""The coverage ledger: up to when nothing of a resource can have changed at Clio unseen, on what grounds, and holes."""

import datetime
from enum import Enum
from typing import Any

import strawberry

from schema.context import Info
from schema.entities import Entity
from schema.types.sync_runs import SYNC_RUNS, SyncRun
from schema.types.webhooks import WEBHOOK_ENDPOINTS, WebhookEndpoint

_SYNC_RUN = Entity(SYNC_RUNS, SyncRun)
_ENDPOINT = Entity(WEBHOOK_ENDPOINTS, WebhookEndpoint)


@strawberry.enum(description="What covers a resource for a while.")
class CoverageBasis(Enum):
    """Values are those of the column `coverage_interval.basis`."""

    WEBHOOK = strawberry.enum_value("webhook", description="A subscription that Clio called enabled at both ends.")
    POLL = strawberry.enum_value("poll", description="Incremental runs: everything but deletions.")
    BACKFILL = strawberry.enum_value("backfill", description="A run that read everything.")


def _basis(root: Any) -> CoverageBasis:
    return CoverageBasis(vars(root)["basis"])


async def _run(root: Any, info: Info) -> SyncRun | None:
    return await _sync_run(info, root, "run")


async def _reconciliation(root: Any, info: Info) -> SyncRun | None:
    return await _sync_run(info, root, "reconciliation")


async def _endpoint(root: Any, info: Info) -> WebhookEndpoint | None:
    number = vars(root)["endpoint"]
    if number is None:
        return None
    found: WebhookEndpoint | None = await _ENDPOINT.find(info.context.readers, vars(root)["firm"], number)
    return found


async def _sync_run(info: Info, root: Any, column: str) -> SyncRun | None:
    number = vars(root)[column]
    if number is None:
        return None
    found: SyncRun | None = await _SYNC_RUN.find(info.context.readers, vars(root)["firm"], number)
    return found


@strawberry.type(description="A while in which nothing of a resource can have changed unseen. Times are Clio's.")
class CoverageInterval:
    """Fields are named as the columns of `core.db.tables.CoverageInterval`."""

    basis: CoverageBasis = strawberry.field(resolver=_basis, description="What covers it.")
    from_at: datetime.datetime | None = strawberry.field(description="When it begins; null for since ever.")
    until_at: datetime.datetime = strawberry.field(description="Up to when it is proven.")
    is_open: bool = strawberry.field(description="Whether it goes on: a webhook that is looked after.")
    proofs: int = strawberry.field(description="How often it was proven: looks at the subscription, or runs.")
    endpoint: WebhookEndpoint | None = strawberry.field(
        resolver=_endpoint, description="The webhook; null for what runs covered."
    )
    run: SyncRun | None = strawberry.field(
        resolver=_run, description="The latest of the runs; null for what a webhook covered."
    )


@strawberry.type(
    description="A while that neither a webhook nor a run covered when it was found, and what repaired it. Times are"
    " Clio's."
)
class CoverageHole:
    """Fields are named as the columns of `core.db.tables.CoverageHole`."""

    from_at: datetime.datetime = strawberry.field(description="When it begins.")
    until_at: datetime.datetime = strawberry.field(description="When it ends; moves on while it lasts.")
    reason: str = strawberry.field(
        description="NOT_WATCHED (the service was down, or polls failed), SILENT, SUSPENDED_BY_CLIO, EXPIRED,"
        " MISSING_AT_CLIO, ADDRESS_CHANGED, HANDSHAKE_OVERDUE or PENDING."
    )
    found_at: datetime.datetime = strawberry.field(description="When it was found, by our clock.")
    run: SyncRun | None = strawberry.field(
        resolver=_run, description="The run that read what changed in it, or is about to; null before one is asked for."
    )
    swept_at: datetime.datetime | None = strawberry.field(description="When that was read, by our clock; null before.")
    reconciliation: SyncRun | None = strawberry.field(
        resolver=_reconciliation,
        description="The comparison with Clio's list that found what was deleted in it; null before it has, and where"
        " Clio has no list.",
    )
    closed_at: datetime.datetime | None = strawberry.field(
        description="When nothing of it was left to find, by our clock; null before."
    )


@strawberry.type(description="Up to when one resource of one firm is covered, and its latest intervals and holes.")
class ResourceCoverage:
    """Made from the ledger's rows."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str = strawberry.field(description="Name of the resource, such as contact.")
    covered_until: datetime.datetime | None = strawberry.field(
        description="The latest instant that is covered, by Clio's clock; null before the first run or webhook."
    )
    endpoint: WebhookEndpoint | None = strawberry.field(
        resolver=_endpoint,
        description="Its live webhook endpoint, whose coverage says whether deliveries come; null where it is polled"
        " alone.",
    )
    intervals: list[CoverageInterval] = strawberry.field(description="The latest intervals, by their end.")
    holes: list[CoverageHole] = strawberry.field(description="The latest holes, by their beginning.")
