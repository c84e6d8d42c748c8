"""Contacts at Clio: the endpoint and the payload. Source: Clio API, contacts."""

import datetime
from typing import Any

from pydantic import field_validator

from core.resource import ClioEndpoint, ClioPayload, Reference
from plugins.custom_fields.values import CustomFieldValue


class ContactPayload(ClioPayload):
    """The fields of a contact that the mirror keeps."""

    type: str | None = None
    name: str | None = None
    prefix: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None
    title: str | None = None
    initials: str | None = None
    date_of_birth: datetime.date | None = None
    is_client: bool | None = None
    is_co_counsel: bool | None = None
    is_bill_recipient: bool | None = None
    primary_email_address: str | None = None
    secondary_email_address: str | None = None
    primary_phone_number: str | None = None
    secondary_phone_number: str | None = None
    ledes_client_id: str | None = None
    sales_tax_number: str | None = None
    company: Reference | None = None
    custom_field_values: list[CustomFieldValue] | None = None

    @field_validator("primary_email_address", "secondary_email_address", mode="before")
    @classmethod
    def _address_of_object(cls, value: Any) -> Any:
        """Take the address out of an object: the spec says string, and a live client met an object."""
        return value.get("address") if isinstance(value, dict) else value


ENDPOINT = ClioEndpoint(path="contacts", payload=ContactPayload)
