"""Firms and the caller."""

import datetime
from enum import Enum
from typing import Any

import strawberry

from core.db import tables
from schema.global_ids import GlobalId
from schema.read.listing import table_listing
from schema.types.history import HistorySeal, history_head_field
from schema.types.mirrored import Node

FIRMS = table_listing("Firm", tables.Firm, firm_column="id")


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
