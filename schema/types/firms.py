"""Firms and the caller."""

import datetime
from enum import Enum
from typing import Any

import strawberry

from core.db import tables
from schema.fields import rows_field
from schema.global_ids import GlobalId
from schema.read.listing import table_listing
from schema.read.sources import READ, Expression
from schema.types.history import HistorySeal, history_head_field
from schema.types.mirrored import Node
from schema.types.schedules import SCHEDULES, ResourceSchedule

FIRMS = table_listing(
    "Firm", tables.Firm, firm_column="id", leave_out=("rests_from", "rests_until", "awake_since", "turn_at")
)


@strawberry.enum(name="Region", description="One of Clio's regions; they share nothing, accounts included.")
class RegionName(Enum):
    """Values are those of `core.settings.Region`."""

    US = strawberry.enum_value("us", description="United States.")
    CA = strawberry.enum_value("ca", description="Canada.")
    EU = strawberry.enum_value("eu", description="Europe.")
    AU = strawberry.enum_value("au", description="Australia.")


def _region(root: Any) -> RegionName:
    return RegionName(root.region)


def _firm_id(root: Any) -> strawberry.ID:
    return strawberry.ID(str(vars(root)["id"]))


@strawberry.type(description="Hours in which nothing is polled, read in full or compared by schedule.")
class QuietHours:
    """Made from the columns `quiet_*`."""

    from_: str = strawberry.field(name="from", description="Time of day at which they begin, HH:MM.")
    until: str = strawberry.field(description="Time of day at which they end, HH:MM; after midnight if earlier.")
    time_zone: str = strawberry.field(description="Where that time is, such as America/New_York.")


def _quiet_hours(root: Any) -> QuietHours | None:
    row = vars(root)
    if row["quiet_from"] is None:
        return None
    return QuietHours(from_=row["quiet_from"], until=row["quiet_until"], time_zone=row["quiet_time_zone"])


def _quiet_hours_sql(alias: str) -> str:
    return (
        f"CASE WHEN {alias}.quiet_from IS NOT NULL THEN jsonb_build_object('from_', {alias}.quiet_from,"
        f" 'until', {alias}.quiet_until, 'time_zone', {alias}.quiet_time_zone) END"
    )


@strawberry.type(description="A law firm: one Clio account in one region.")
class Firm(Node):
    """Fields are named as the columns of `core.db.tables.Firm`."""

    firm_id: strawberry.ID = strawberry.field(
        resolver=_firm_id, description="Number of the firm here: what the arguments `firm` and the fields `firm` hold."
    )
    region: RegionName = strawberry.field(resolver=_region, description="Where the account is.")
    clio_account_id: strawberry.ID = strawberry.field(description="Clio's id of the account.")
    name: str = strawberry.field(description="Name of the account.")
    state: str = strawberry.field(description="connected, grant_dead (somebody must connect it again) or disconnected.")
    created_at: datetime.datetime = strawberry.field(description="When it was first connected.")
    history_from_at: datetime.datetime | None = strawberry.field(
        description="Changes recorded before this were purged; null where none was."
    )
    history_head: HistorySeal | None = history_head_field(FIRMS)
    paused_at: datetime.datetime | None = strawberry.field(
        description="Since when no run of it is started; null unless it is paused."
    )
    pause_reason: str | None = strawberry.field(description="What whoever paused it said; null unless it is paused.")
    quiet_hours: QuietHours | None = strawberry.field(
        resolver=_quiet_hours,
        description="When nothing is started by schedule; null without such hours.",
        metadata={READ: Expression(_quiet_hours_sql)},
    )
    schedules: list[ResourceSchedule] = rows_field(
        FIRMS,
        list[ResourceSchedule],
        SCHEDULES,
        description="When each resource that was read once is polled next, in order of name.",
    )

    def global_id(self) -> GlobalId:
        """Return the global id: a firm belongs to itself."""
        number = vars(self)["id"]
        return GlobalId("Firm", number, number)


@strawberry.type(description="The bearer of the token.")
class Me:
    """What the token says."""

    subject: str = strawberry.field(description="Who bears it.")
    firms: list[strawberry.ID] | None = strawberry.field(description="Numbers of the firms; null for every firm.")
    scopes: list[str] = strawberry.field(description="read, write, admin.")
