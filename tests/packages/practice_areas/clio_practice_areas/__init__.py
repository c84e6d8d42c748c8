"""Practice areas: the kinds of law a firm works in. Clio has no webhook for them, so they are polled."""

from pathlib import Path

import strawberry
from piccolo.columns import Text
from piccolo.constraints import Unique

from core.hookspecs import hookimpl
from core.resource import ClioEndpoint, ClioPayload, MirrorTable, Resource
from schema.types.mirrored import Mirrored

requires: tuple[str, ...] = ()


class PracticeAreaTable(MirrorTable, tablename="practice_areas_practice_area"):
    """One row per practice area. Source: GET /api/v4/practice_areas."""

    name = Text(null=True, default=None)
    code = Text(null=True, default=None)
    practice_areas_practice_area_firm_clio_id = Unique(["firm", "clio_id"])


class PracticeAreaPayload(ClioPayload):
    """The fields of a practice area that the mirror keeps."""

    name: str | None = None
    code: str | None = None


@strawberry.type(description="A kind of law the firm works in.")
class PracticeArea(Mirrored):
    """Fields are named as the columns of the table."""

    name: str | None = strawberry.field(description="Name.")
    code: str | None = strawberry.field(description="Short code.")


@hookimpl
def resources() -> list[Resource]:
    """Declare practice areas."""
    return [
        Resource(
            name="practice_area",
            table=PracticeAreaTable,
            type=PracticeArea,
            endpoint=ClioEndpoint(path="practice_areas", payload=PracticeAreaPayload),
        )
    ]


@hookimpl
def migrations() -> Path:
    """Name the folder of the migrations."""
    return Path(__file__).parent / "migrations"
