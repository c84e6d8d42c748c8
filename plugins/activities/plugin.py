"""Activities: the time and expenses that people record on matters."""

from collections.abc import Sequence
from pathlib import Path

from core.hookspecs import hookimpl
from core.resource import Resource, ToOne, WebhookModel
from plugins.activities import clio, tables, types
from plugins.activities.metrics import metrics_field
from schema.extensions import Extension, Graph, ObjectField

requires = ("contacts", "documents", "matters", "schema", "users")

ACTIVITY = Resource(
    name="activity",
    table=tables.Activity,
    type=types.Activity,
    endpoint=clio.ENDPOINT,
    webhook=WebhookModel(model="activity"),
    redacted="quantity_redacted",
    edges=[
        ToOne(
            name="matter",
            to="Matter",
            column="matter_clio_id",
            description="The matter it is for.",
            reverse="activities",
            reverse_description="The time and expenses recorded on the matter.",
        ),
        ToOne(
            name="user",
            to="User",
            column="user_clio_id",
            description="Who did it.",
            reverse="activities",
            reverse_description="The time and expenses of the user.",
        ),
        ToOne(
            name="vendor",
            to="Contact",
            column="vendor_clio_id",
            description="Who was paid, for a hard cost.",
            reverse="vendor_activities",
            reverse_description="The hard costs paid to the contact.",
        ),
        ToOne(
            name="document_version",
            to="DocumentVersion",
            column="document_version_clio_id",
            description="The version of a document it was recorded from.",
            reverse="activities",
            reverse_description="The time recorded from this version.",
        ),
    ],
)


@hookimpl
def resources() -> list[Resource]:
    """Declare activities."""
    return [ACTIVITY]


@hookimpl
def migrations() -> Path:
    """Name the folder of the activities' migrations."""
    return Path(__file__).parent / "migrations"


@hookimpl
def graphql_extensions(graph: Graph) -> Sequence[Extension]:
    """Add the figures about time and money."""
    return [ObjectField(on="Metrics", name="activities", field=metrics_field(graph))]
