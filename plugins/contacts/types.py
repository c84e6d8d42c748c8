"""The GraphQL type of a contact."""

import datetime

import strawberry

from schema.types.mirrored import Mirrored


@strawberry.type(description="A person or a company the firm deals with.")
class Contact(Mirrored):
    """Fields are named as the columns of `plugins.contacts.tables.Contact`."""

    type: str | None = strawberry.field(description="Person or Company; Clio may add others.")
    name: str | None = strawberry.field(description="Full name, prefix included.")
    prefix: str | None = strawberry.field(description="Form of address, such as Dr.; null for a company.")
    first_name: str | None = strawberry.field(description="First name; null for a company.")
    middle_name: str | None = strawberry.field(description="Middle name; null for a company.")
    last_name: str | None = strawberry.field(description="Last name; null for a company.")
    title: str | None = strawberry.field(description="Job title.")
    initials: str | None = strawberry.field(description="Initials.")
    date_of_birth: datetime.date | None = strawberry.field(description="Date of birth; null for a company.")
    is_client: bool | None = strawberry.field(description="Whether the contact is a client of the firm.")
    is_co_counsel: bool | None = strawberry.field(description="Whether the contact is co-counsel.")
    is_bill_recipient: bool | None = strawberry.field(description="Whether bills are sent to the contact.")
    primary_email_address: str | None = strawberry.field(description="The default e-mail address.")
    secondary_email_address: str | None = strawberry.field(description="The second e-mail address.")
    primary_phone_number: str | None = strawberry.field(description="The default phone number, as typed in.")
    secondary_phone_number: str | None = strawberry.field(description="The second phone number, as typed in.")
    ledes_client_id: str | None = strawberry.field(description="Client id for LEDES bills.")
    sales_tax_number: str | None = strawberry.field(description="Sales tax number.")
