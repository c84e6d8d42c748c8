"""Matters: the cases a firm works on for a client."""

from collections.abc import Sequence
from pathlib import Path

from core.hookspecs import hookimpl
from core.resource import LIFECYCLE, Resource, ToOne, WebhookModel
from plugins.matters import clio, tables, types
from plugins.matters.metrics import metrics_field
from schema.extensions import Extension, Graph, ObjectField

requires = ("contacts", "custom_fields", "schema", "users")

MATTER = Resource(
    name="matter",
    table=tables.Matter,
    type=types.Matter,
    endpoint=clio.ENDPOINT,
    webhook=WebhookModel(model="matter", events=(*LIFECYCLE, "matter_opened", "matter_pended", "matter_closed")),
    edges=[
        ToOne(
            name="client",
            to="Contact",
            column="client_clio_id",
            description="The contact the firm works for.",
            reverse="matters",
            reverse_description="The matters in which this contact is the client.",
        ),
        ToOne(
            name="user",
            to="User",
            column="user_clio_id",
            description="The user Clio names for the matter, without saying as what.",
            reverse="matters",
            reverse_description="The matters for which Clio names this user, without saying as what.",
        ),
        ToOne(
            name="responsible_attorney",
            to="User",
            column="responsible_attorney_clio_id",
            description="The attorney who answers for the matter.",
            reverse="responsible_matters",
            reverse_description="The matters this user answers for as attorney.",
        ),
        ToOne(
            name="originating_attorney",
            to="User",
            column="originating_attorney_clio_id",
            description="The attorney who brought the matter in.",
            reverse="originated_matters",
            reverse_description="The matters this user brought in.",
        ),
        ToOne(
            name="responsible_staff",
            to="User",
            column="responsible_staff_clio_id",
            description="The member of staff who looks after the matter.",
            reverse="staffed_matters",
            reverse_description="The matters this user looks after as staff.",
        ),
    ],
)


@hookimpl
def resources() -> list[Resource]:
    """Declare matters."""
    return [MATTER]


@hookimpl
def migrations() -> Path:
    """Name the folder of the matters' migrations."""
    return Path(__file__).parent / "migrations"


@hookimpl
def graphql_extensions(graph: Graph) -> Sequence[Extension]:  # noqa: ARG001 - the hook's signature
    """Add `metrics { matters }`."""
    return [ObjectField(on="Metrics", name="matters", field=metrics_field())]
