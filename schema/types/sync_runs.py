"""Sync runs: how far each resource of a firm has been read."""

import datetime
from typing import Any

import strawberry

from core.db import tables
from core.sync.progress import eta_of, progress_of, rate_of
from schema.read.listing import table_listing
from schema.read.sources import READ, Expression
from schema.types.mirrored import Node

SECRET_COLUMNS = (
    "next_url",
    "lease_owner",
    "lease_until",
    "cancel_requested",
    "failures",
    "fields",
    "approves",
    "read_to",
    "cancelled_by",
)
"""Columns of the engine's own, which no client needs."""


def _progress(root: Any) -> float | None:
    return progress_of(root)


def _rate(root: Any) -> float | None:
    return rate_of(root)


def _eta(root: Any) -> float | None:
    return eta_of(root)


def _progress_sql(alias: str) -> str:
    """As `progress_of`, digit by digit: PostgreSQL writes a whole float without its point."""
    run = f"{alias}.records_seen", f"{alias}.records_total"
    return f"""CASE WHEN {alias}.state = 'succeeded' OR ({run[1]} > 0 AND {run[0]} >= {run[1]}) THEN '1.0'::json
    WHEN {run[0]} = 0 OR {run[1]} = 0 THEN CASE WHEN {run[1]} IS NOT NULL THEN '0.0'::json END
    ELSE to_json({run[0]}::float8 / {run[1]}) END"""


def _elapsed_sql(alias: str) -> str:
    return f"extract(epoch FROM coalesce({alias}.finished_at, clock_timestamp()) - {alias}.started_at)::float8"


def _rate_sql(alias: str) -> str:
    return f"round(({alias}.records_seen / nullif({_elapsed_sql(alias)}, 0))::numeric, 1)"


def _eta_sql(alias: str) -> str:
    left = f"greatest(0, {alias}.records_total - {alias}.records_seen)::float8 / {alias}.records_seen"
    by_budget_s = f"60 * ({alias}.pages * {left} / nullif({alias}.allowed_per_minute, 0) - 1)"
    return f"""CASE WHEN {alias}.state = 'running' AND {alias}.records_seen > 0 AND {alias}.records_total > 0
    THEN round(greatest({_elapsed_sql(alias)} * {left}, {by_budget_s})::numeric, 1) END"""


@strawberry.type(description="One reading of one resource of one firm from Clio.")
class SyncRun(Node):
    """Fields are named as the columns of `core.db.tables.SyncRun`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str = strawberry.field(description="Name of the resource, such as contact.")
    kind: str = strawberry.field(
        description="backfill (everything), incremental (what changed) or reconcile (Clio's list against the mirror)."
    )
    state: str = strawberry.field(
        description="queued, running, throttled (it waits for Clio's rate limit), succeeded (the last page was seen and"
        " committed), partial, failed, cancelled; errorCode says why."
    )
    progress: float | None = strawberry.field(
        resolver=_progress,
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
    requests: int = strawberry.field(
        description="Requests that Clio was sent for it, failed ones and repetitions included."
    )
    rate_per_s: float | None = strawberry.field(
        resolver=_rate,
        description="Records read per second since it began, waits included; null before it has begun.",
        metadata={READ: Expression(_rate_sql)},
    )
    plan: str | None = strawberry.field(
        description="How its list is read, such as `cursor, 200 a page, 1 ahead`; null before the first page."
    )
    allowed_per_minute: int | None = strawberry.field(
        description="Clio's limit of requests a minute when the reading was planned; null where it was not looked at."
    )
    eta_s: float | None = strawberry.field(
        resolver=_eta,
        description="Seconds left at the pace so far, or by the rate limit where that is slower; null unless it runs"
        " and its length is known.",
        metadata={READ: Expression(_eta_sql)},
    )
    attempt: int = strawberry.field(description="Times a worker took it up.")
    not_before_at: datetime.datetime = strawberry.field(
        description="Until then no worker takes it up again: of a throttled run, when Clio's limit should have room."
    )
    error_code: str | None = strawberry.field(description="Code of the latest error; null where all is well.")
    error_message: str | None = strawberry.field(description="What the latest error says.")
    created_at: datetime.datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime.datetime | None = strawberry.field(description="When it was first taken up.")
    heartbeat_at: datetime.datetime | None = strawberry.field(description="When its worker last gave a sign of life.")
    finished_at: datetime.datetime | None = strawberry.field(description="When it came to its end, whichever.")


SYNC_RUNS = table_listing("SyncRun", tables.SyncRun, leave_out=SECRET_COLUMNS)
