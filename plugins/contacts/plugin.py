"""Contacts: the people and companies a firm deals with."""

from pathlib import Path

from core.hookspecs import hookimpl
from core.resource import Resource, ToOne, WebhookModel
from plugins.contacts import clio, tables, types

requires = ("custom_fields",)

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
