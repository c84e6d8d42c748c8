"""Sync runs: how far each resource of a firm has been read."""

import datetime
from typing import Any

import strawberry

from core.db import tables
from schema.read.listing import table_listing
from schema.read.sources import READ, Expression
from schema.types.mirrored import Node

SECRET_COLUMNS = (
    "next_url",
    "lease_owner",
    "lease_until",
    "cancel_requested",
    "failures",
    "not_before_at",
    "fields",
    "approves",
)
"""Columns of the engine's own, which no client needs."""


def progress_of(root: Any) -> float | None:
    """Return the part of the records that has been read, 0 to 1; 1 for a run that succeeded, None where not known."""
    if root.state == "succeeded":
        return 1.0
    if root.records_total is None:
        return None
    return min(1.0, root.records_seen / root.records_total) if root.records_total else 0.0


def eta_of(root: Any) -> float | None:
    """Return the seconds left at the pace so far; None unless the run goes on and its length is known."""
    progress = progress_of(root)
    if root.state != "running" or not progress or root.started_at is None:
        return None
    elapsed = (datetime.datetime.now(datetime.UTC) - root.started_at).total_seconds()
    return float(round(max(0.0, elapsed * (1 - progress) / progress), 1))


def _progress_sql(alias: str) -> str:
    """As `progress_of`, digit by digit: PostgreSQL writes a whole float without its point."""
    run = f"{alias}.records_seen", f"{alias}.records_total"
    return f"""CASE WHEN {alias}.state = 'succeeded' OR ({run[1]} > 0 AND {run[0]} >= {run[1]}) THEN '1.0'::json
    WHEN {run[0]} = 0 OR {run[1]} = 0 THEN CASE WHEN {run[1]} IS NOT NULL THEN '0.0'::json END
    ELSE to_json({run[0]}::float8 / {run[1]}) END"""


def _eta_sql(alias: str) -> str:
    elapsed_s = f"extract(epoch FROM clock_timestamp() - {alias}.started_at)"
    left = f"greatest(0, {alias}.records_total - {alias}.records_seen)::float8 / {alias}.records_seen"
    return f"""CASE WHEN {alias}.state = 'running' AND {alias}.records_seen > 0 AND {alias}.records_total > 0
    THEN round(({elapsed_s} * {left})::numeric, 1) END"""


@strawberry.type(description="One reading of one resource of one firm from Clio.")
class SyncRun(Node):
    """Fields are named as the columns of `core.db.tables.SyncRun`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str = strawberry.field(description="Name of the resource, such as contact.")
    kind: str = strawberry.field(
        description="backfill (everything), incremental (what changed) or reconcile (Clio's list against the mirror)."
    )
    state: str = strawberry.field(
        description="queued, running, succeeded, partial (a reconcile run that held something back), failed, cancelled."
    )
    progress: float | None = strawberry.field(
        resolver=progress_of,
        description="Part of the records read, 0 to 1; null while Clio has not said how many.",
        metadata={READ: Expression(_progress_sql)},
    )
    since_at: datetime.datetime | None = strawberry.field(
        description="An incremental run asks for what Clio changed since then; null for all other runs."
    )
    records_seen: int = strawberry.field(description="Records read.")
    records_created: int = strawberry.field(description="Records new to the mirror.")
    records_updated: int = strawberry.field(description="Records that changed in the mirror.")
    records_total: int | None = strawberry.field(description="Records there are to read; null where not told.")
    pages: int = strawberry.field(description="Pages read.")
    eta_s: float | None = strawberry.field(
        resolver=eta_of,
        description="Seconds left at the pace so far; null unless it runs and its length is known.",
        metadata={READ: Expression(_eta_sql)},
    )
    attempt: int = strawberry.field(description="Times a worker took it up.")
    error_code: str | None = strawberry.field(description="Code of the latest error; null where all is well.")
    error_message: str | None = strawberry.field(description="What the latest error says.")
    created_at: datetime.datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime.datetime | None = strawberry.field(description="When it was first taken up.")
    heartbeat_at: datetime.datetime | None = strawberry.field(description="When its worker last gave a sign of life.")
    finished_at: datetime.datetime | None = strawberry.field(description="When it came to its end, whichever.")


SYNC_RUNS = table_listing("SyncRun", tables.SyncRun, leave_out=SECRET_COLUMNS)
