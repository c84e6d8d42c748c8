"""Reports of reconcile runs: what comparing Clio's list with the mirror found and did."""

import datetime
from typing import Any

import strawberry

from core.db import tables
from schema.context import Info
from schema.entities import Entity
from schema.read.listing import table_listing
from schema.types.mirrored import Node
from schema.types.sync_runs import SYNC_RUNS, SyncRun

HIDDEN_COLUMNS = ("covered_to", "listed_at", "held")
"""Columns of the engine's own, which no client needs."""

_SYNC_RUN = Entity(SYNC_RUNS, SyncRun)


async def _run(root: Any, info: Info) -> SyncRun | None:
    run: SyncRun | None = await _SYNC_RUN.find(info.context.readers, root.firm, root.run)
    return run


@strawberry.type(description="What one comparison of Clio's list of a resource with the mirror found and did.")
class Reconciliation(Node):
    """Fields are named as the columns of `core.db.tables.ReconciliationReport`."""

    run: SyncRun | None = strawberry.field(resolver=_run, description="The run, which has state and errors.")
    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str = strawberry.field(description="Name of the resource, such as contact.")
    started_at: datetime.datetime = strawberry.field(description="When the run was first taken up.")
    finished_at: datetime.datetime | None = strawberry.field(description="When the run ended; null before that.")
    listed: int = strawberry.field(description="Records that Clio listed.")
    missing: int = strawberry.field(description="Listed records that were not present in the mirror.")
    stale: int = strawberry.field(description="Listed records that were newer than in the mirror.")
    extra: int = strawberry.field(description="Records present in the mirror that Clio did not list.")
    repaired: int = strawberry.field(description="Missing and stale records that were read again and written.")
    deleted: int = strawberry.field(description="Records that Clio said are gone, asked one by one.")
    hidden: int = strawberry.field(description="Records that Clio said the connected user may not see.")
    unknown: int = strawberry.field(
        description="Records that were not asked for, because too many were gone at once; see reconcile."
    )
    requests: int = strawberry.field(description="Answers of Clio that it took.")


RECONCILIATIONS = table_listing("Reconciliation", tables.ReconciliationReport, leave_out=HIDDEN_COLUMNS)
