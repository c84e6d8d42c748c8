"""Contacts: the people and companies a firm deals with."""

from collections.abc import Sequence
from pathlib import Path

from core.hookspecs import hookimpl
from core.resource import Resource, ToMany, ToOne, WebhookModel
from plugins.contacts import clio, tables, types
from plugins.contacts.metrics import metrics_field
from schema.extensions import Extension, Graph, ObjectField

requires = ("custom_fields", "schema")

CONTACT = Resource(
    name="contact",
    table=tables.Contact,
    type=types.Contact,
    endpoint=clio.ENDPOINT,
    webhook=WebhookModel(model="contact"),
    edges=[
        ToOne(
            name="company",
            to="Contact",
            column="company_clio_id",
            description="The company a person works for.",
            reverse="employees",
            reverse_description="The people who work for this company.",
        ),
        ToMany(
            name="related_contacts",
            to="Contact",
            column="related_contact_clio_ids",
            description="The contacts that Clio names as related to this one.",
            reverse="relating_contacts",
            reverse_description="The contacts of which Clio names this one as related.",
        ),
    ],
)


@hookimpl
def resources() -> list[Resource]:
    """Declare contacts."""
    return [CONTACT]


@hookimpl
def migrations() -> Path:
    """Name the folder of the contacts' migrations."""
    return Path(__file__).parent / "migrations"


@hookimpl
def graphql_extensions(graph: Graph) -> Sequence[Extension]:  # noqa: ARG001 - the hook's signature
    """Add `metrics { contacts }`."""
    return [ObjectField(on="Metrics", name="contacts", field=metrics_field())]
