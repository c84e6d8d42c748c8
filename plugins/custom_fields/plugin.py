"""Custom fields: their definitions and sets, and the values they have on contacts and matters."""

from collections.abc import Sequence
from pathlib import Path

from core.hookspecs import hookimpl
from core.resource import Resource, ToMany
from plugins.custom_fields import clio, tables, types
from plugins.custom_fields.graph import extensions
from schema.extensions import Extension, Graph

requires = ("schema",)

CUSTOM_FIELD = Resource(
    name="custom_field", table=tables.CustomField, type=types.CustomField, endpoint=clio.CUSTOM_FIELDS
)
CUSTOM_FIELD_SET = Resource(
    name="custom_field_set",
    table=tables.CustomFieldSet,
    type=types.CustomFieldSet,
    endpoint=clio.CUSTOM_FIELD_SETS,
    edges=[
        ToMany(
            name="custom_fields",
            to="CustomField",
            column="custom_field_clio_ids",
            description="The fields in the set.",
            reverse="custom_field_sets",
            reverse_description="The sets the field is in.",
        )
    ],
)


@hookimpl
def resources() -> list[Resource]:
    """Declare definitions and sets; Clio has no webhook for either, so they are polled."""
    return [CUSTOM_FIELD, CUSTOM_FIELD_SET]


@hookimpl
def migrations() -> Path:
    """Name the folder of the custom fields' migrations."""
    return Path(__file__).parent / "migrations"


@hookimpl
def graphql_extensions(graph: Graph) -> Sequence[Extension]:
    """Add the values to every type whose records have them."""
    return extensions(graph)
