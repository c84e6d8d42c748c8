"""What every object with a global id, and every mirrored record, has in GraphQL."""

import datetime
from enum import Enum
from typing import Any

import strawberry

from schema.global_ids import GlobalId
from schema.read.sources import GLOBAL_ID, READ, Expression


@strawberry.enum(description="Whether a record is known to be at Clio. Absent is not deleted: only evidence moves it.")
class Presence(Enum):
    """Values are those of the `presence` column."""

    PRESENT = strawberry.enum_value("present", description="Clio had it when it was last read.")
    DELETED = strawberry.enum_value("deleted", description="Clio said that it was deleted.")
    HIDDEN = strawberry.enum_value("hidden", description="The connected user may not see it any more.")
    UNKNOWN = strawberry.enum_value("unknown", description="It was missing from a listing, and nothing says why yet.")


def _global_id(root: Any) -> strawberry.ID:
    return strawberry.ID(str(root.global_id()))


def _presence(root: Any) -> Presence:
    """Return UNKNOWN for a state that a newer service may have written."""
    try:
        return Presence(root.presence)
    except ValueError:
        return Presence.UNKNOWN


def _presence_sql(alias: str) -> str:
    known = ", ".join(f"'{each.value}'" for each in Presence)
    return f"CASE WHEN {alias}.presence IN ({known}) THEN upper({alias}.presence) ELSE 'UNKNOWN' END"


@strawberry.interface(description="An object with a global id.")
class Node:
    """Relay's Node. Source: Relay, Global Object Identification."""

    id: strawberry.ID = strawberry.field(
        resolver=_global_id,
        description="Global id; opaque, and stable for the life of the record.",
        metadata={READ: GLOBAL_ID},
    )

    def global_id(self) -> GlobalId:
        """Return the global id of an object that is a row of core's; its attributes are the row's columns."""
        values = vars(self)
        return GlobalId(type(self).__name__, values["firm"], values["id"])


@strawberry.interface(description="A record mirrored from Clio.")
class Mirrored(Node):
    """The base class of every plugin's type; its fields are filled from the columns of `core.resource.MirrorTable`."""

    clio_id: strawberry.ID = strawberry.field(description="Clio's id of the record, unique within the firm.")
    firm: strawberry.ID = strawberry.field(description="Number of the firm the record belongs to.")
    etag: str | None = strawberry.field(description="Clio's etag, with its own double quotes.")
    clio_created_at: datetime.datetime | None = strawberry.field(description="When Clio created the record.")
    clio_updated_at: datetime.datetime | None = strawberry.field(
        description="When Clio last changed the record; whole seconds."
    )
    presence: Presence = strawberry.field(
        resolver=_presence,
        description="Whether the record is known to be at Clio.",
        metadata={READ: Expression(_presence_sql)},
    )
    seen_at: datetime.datetime = strawberry.field(
        description="When the request or delivery that last changed the mirrored record began."
    )

    def global_id(self) -> GlobalId:
        """Return the global id, which holds Clio's id and so outlives a mirror that is built again."""
        values = vars(self)
        return GlobalId(type(self).__name__, values["firm"], values["clio_id"])
