"""Contacts at Clio: the endpoint and the payload. Source: Clio API, contacts."""

import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from core.resource import ClioEndpoint, ClioPayload, Nested, Part, Reference, WhereUnfit
from plugins.custom_fields.values import CustomFieldValue


class EmailAddress(Nested):
    """One of the contact's e-mail addresses."""

    id: int | None = None
    name: str | None = None
    address: str | None = None
    primary: bool | None = None


class PhoneNumber(Nested):
    """One of the contact's phone numbers."""

    id: int | None = None
    name: str | None = None
    number: str | None = None
    primary: bool | None = None


class Address(Nested):
    """One of the contact's postal addresses."""

    id: int | None = None
    name: str | None = None
    street: str | None = None
    city: str | None = None
    province: str | None = None
    postal_code: str | None = None
    country: str | None = None
    primary: bool | None = None


class WebSite(Nested):
    """One of the contact's web sites."""

    id: int | None = None
    name: str | None = None
    address: str | None = None
    default_web_site: bool | None = None


class InstantMessenger(Nested):
    """One of the contact's addresses for instant messages."""

    id: int | None = None
    name: str | None = None
    address: str | None = None


class AccountBalance(Nested):
    """What a bank account of the firm holds for the contact."""

    id: int | None = None
    name: str | None = None
    type: str | None = None
    balance: Decimal | None = None


class ActivityRate(Nested):
    """A rate agreed with the contact."""

    id: int | None = None
    rate: Decimal | None = None
    flat_rate: bool | None = None


class PaymentProfile(Nested):
    """The terms on which the contact pays."""

    name: str | None = None
    terms: int | None = None
    discount_rate: Decimal | None = None
    discount_period: int | None = None
    interest_rate: Decimal | None = None
    interest_period: int | None = None
    interest_type: str | None = None


class Currency(Part):
    """A currency; its code is what the mirror keeps."""

    code: str | None = None


class CoCounselRate(Part):
    """The rate of a contact that is co-counsel."""

    rate: Decimal | None = None


def _address_of_object(value: Any) -> Any:
    """Take the address out of an object: the spec says string, and a live client met an object."""
    return value.get("address") if isinstance(value, dict) else value


class ContactPayload(ClioPayload):
    """The fields of a contact that the mirror keeps."""

    renamed: ClassVar = {"co_counsel_rate_rate": "co_counsel_rate"}

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
    primary_email_address: Annotated[str | None, WhereUnfit(_address_of_object)] = None
    secondary_email_address: Annotated[str | None, WhereUnfit(_address_of_object)] = None
    primary_phone_number: str | None = None
    secondary_phone_number: str | None = None
    email_addresses: list[EmailAddress] | None = None
    phone_numbers: list[PhoneNumber] | None = None
    addresses: list[Address] | None = None
    web_sites: list[WebSite] | None = None
    instant_messengers: list[InstantMessenger] | None = None
    ledes_client_id: str | None = None
    sales_tax_number: str | None = None
    require_utbms_codes: bool | None = None
    currency: Currency | None = None
    account_balances: list[AccountBalance] | None = None
    activity_rates: list[ActivityRate] | None = None
    co_counsel_rate: CoCounselRate | None = None
    payment_profile: PaymentProfile | None = None
    client_connect_user_id: int | None = None
    clio_connect_email: str | None = None
    is_clio_for_client_user: bool | None = None
    has_clio_for_clients_permission: bool | None = None
    company: Reference | None = None
    related_contacts: list[Reference] | None = None
    custom_field_values: list[CustomFieldValue] | None = None


ENDPOINT = ClioEndpoint(path="contacts", payload=ContactPayload)
