"""Matters: the cases a firm works on for a client."""

from pathlib import Path

from core.hookspecs import hookimpl
from core.resource import LIFECYCLE, Resource, ToOne, WebhookModel
from plugins.matters import clio, tables, types

requires = ("contacts", "custom_fields", "users")

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
