"""Reports of reconcile runs: what comparing Clio's list with the mirror found and did."""

import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.scalars import JSON

from core.db import tables
from core.sync.verdicts import verdict_of, verdict_sql
from schema.context import Info
from schema.entities import Entity
from schema.read.listing import table_listing
from schema.read.sources import READ, Expression
from schema.types.mirrored import Node
from schema.types.sync_runs import SYNC_RUNS, SyncRun

HIDDEN_COLUMNS = ("covered_to", "listed_at")
"""Columns of the engine's own, which no client needs."""

_SYNC_RUN = Entity(SYNC_RUNS, SyncRun)


async def _run(root: Any, info: Info) -> SyncRun | None:
    run: SyncRun | None = await _SYNC_RUN.find(info.context.readers, root.firm, root.run)
    return run


@strawberry.enum(description="What a report says of the mirror of a resource.")
class ReconciliationVerdict(Enum):
    """Values are those of `core.sync.verdicts`."""

    RUNNING = strawberry.enum_value("running", description="The run has not ended yet.")
    UNFINISHED = strawberry.enum_value(
        "unfinished", description="The run ended before the whole list was compared: it says nothing of the whole."
    )
    HELD = strawberry.enum_value(
        "held", description="Too many records were gone from Clio's list at once, and wait for approval."
    )
    WHOLE = strawberry.enum_value("whole", description="The mirror has what Clio listed, record by record.")
    MOVED = strawberry.enum_value(
        "moved",
        description="The mirror has what Clio listed but for records that changed meanwhile, or that Clio answered"
        " otherwise than it listed them.",
    )
    DIFFERS = strawberry.enum_value("differs", description="Records differ, and nothing explains it.")


def _verdict(root: Any) -> ReconciliationVerdict:
    return ReconciliationVerdict(verdict_of(vars(root)))


def _verdict_sql(alias: str) -> str:
    return f"upper({verdict_sql(alias)})"


@strawberry.enum(description="What somebody decided about the records that a run held.")
class ReconciliationDecision(Enum):
    """Values are those of the column `reconciliation_report.decision`."""

    APPROVED = strawberry.enum_value("approved", description="Clio is asked for each, and its answer applied.")
    REJECTED = strawberry.enum_value("rejected", description="They stay as they are, of unknown presence.")


def _decision(root: Any) -> ReconciliationDecision | None:
    value = vars(root)["decision"]
    return None if value is None else ReconciliationDecision(value)


def _decision_sql(alias: str) -> str:
    return f"upper({alias}.decision)"


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
        description="Records that were not asked for, because too many were gone at once: they were held."
    )
    kept: int = strawberry.field(description="Records that Clio did not list, and answered for when asked.")
    requests: int = strawberry.field(description="Answers of Clio that it took.")
    from_at: datetime.datetime | None = strawberry.field(
        description="When the list was first asked for, by Clio's clock; null until the whole was compared."
    )
    until_at: datetime.datetime | None = strawberry.field(
        description="When both sides were set against each other, by Clio's clock; null until then."
    )
    root: str | None = strawberry.field(
        description="SHA-256 over every record present in the mirror at `untilAt`, to be computed again as"
        " docs/architecture.md says; null until then."
    )
    clio_root: str | None = strawberry.field(
        description="The same over Clio's list, as this run was told it; equal to `root` where both sides agree."
    )
    differing: int | None = strawberry.field(description="Records that set the two roots apart; null until then.")
    unexplained: int | None = strawberry.field(
        description="Of those, records that did not change while the run went on, and that Clio was not asked for."
    )
    presences: JSON | None = strawberry.field(
        description="Records of the mirror by presence, at `untilAt`: present, deleted, hidden and unknown."
    )
    verdict: ReconciliationVerdict = strawberry.field(
        resolver=_verdict,
        description="What that says of the mirror.",
        metadata={READ: Expression(_verdict_sql)},
    )
    held: int = strawberry.field(
        description="Records that wait for approval (approveReconciliation); one that Clio lists again waits no more."
    )
    held_at: datetime.datetime | None = strawberry.field(
        description="When records were held, because too many were gone at once; null where none were."
    )
    decision: ReconciliationDecision | None = strawberry.field(
        resolver=_decision,
        description="What was decided about them; null where nothing was yet.",
        metadata={READ: Expression(_decision_sql)},
    )
    decided_at: datetime.datetime | None = strawberry.field(description="When that was decided.")
    decided_by: str | None = strawberry.field(
        description="Who decided it: the subject of a token, or a user of the command line."
    )
    coverage: JSON | None = strawberry.field(
        description="What the coverage ledger said when the run ended: the latest `intervals` and `holes`."
    )
    samples: JSON = strawberry.field(
        description="The first findings of each kind, 20 at most, each with `clio_id`, `kind` and `outcome`: repaired,"
        " deleted, hidden, kept, held, or left."
    )


RECONCILIATIONS = table_listing("Reconciliation", tables.ReconciliationReport, leave_out=HIDDEN_COLUMNS)
