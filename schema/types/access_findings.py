"""What the user who connected a firm may no longer see."""

import datetime

import strawberry
from strawberry.scalars import JSON

from core.db import tables
from schema.read.listing import table_listing
from schema.types.mirrored import Node


@strawberry.type(description="Something that the connected user may no longer see at Clio, or a user who changed.")
class AccessFinding(Node):
    """Fields are named as the columns of `core.db.tables.AccessFinding`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str | None = strawberry.field(description="Name of the resource; null where it is about the user.")
    kind: str = strawberry.field(
        description="forbidden (Clio refuses the resource), fewer (too many records are gone from its list at once),"
        " user_changed (somebody else connected the firm) or rights_changed (Clio tells other rights of the user)."
    )
    found_at: datetime.datetime = strawberry.field(description="When it was first found.")
    seen_at: datetime.datetime = strawberry.field(description="When it was last found.")
    resolved_at: datetime.datetime | None = strawberry.field(
        description="When it was found to be mended; null while it stands."
    )
    details: JSON = strawberry.field(description="`before` and `after`, or the number of the run that met it.")


ACCESS_FINDINGS = table_listing("AccessFinding", tables.AccessFinding)
