"""The GraphQL types of a contact and of the records inside it."""

import datetime
from decimal import Decimal

import strawberry

from schema.types.mirrored import Mirrored


@strawberry.type(description="An e-mail address of a contact.")
class EmailAddress:
    """Fields are those of `plugins.contacts.clio.EmailAddress`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the e-mail address.")
    name: str | None = strawberry.field(description="Label, such as Work or Home.")
    address: str | None = strawberry.field(description="The e-mail address.")
    primary: bool | None = strawberry.field(description="Whether it is the contact's default.")


@strawberry.type(description="A phone number of a contact.")
class PhoneNumber:
    """Fields are those of `plugins.contacts.clio.PhoneNumber`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the phone number.")
    name: str | None = strawberry.field(description="Label, such as Work or Mobile.")
    number: str | None = strawberry.field(description="The number, as typed in.")
    primary: bool | None = strawberry.field(description="Whether it is the contact's default.")


@strawberry.type(description="A postal address of a contact.")
class Address:
    """Fields are those of `plugins.contacts.clio.Address`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the address.")
    name: str | None = strawberry.field(description="Label, such as Work, Home or Billing.")
    street: str | None = strawberry.field(description="Street and number; may hold several lines.")
    city: str | None = strawberry.field(description="City.")
    province: str | None = strawberry.field(description="Province, state or county, as typed in.")
    postal_code: str | None = strawberry.field(description="Postal code.")
    country: str | None = strawberry.field(description="Country, as Clio spells it.")
    primary: bool | None = strawberry.field(description="Whether it is the contact's default.")


@strawberry.type(description="A web site of a contact.")
class WebSite:
    """Fields are those of `plugins.contacts.clio.WebSite`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the web site.")
    name: str | None = strawberry.field(description="Label, such as Work or LinkedIn.")
    address: str | None = strawberry.field(description="The address, as typed in.")
    default_web_site: bool | None = strawberry.field(description="Whether it is the contact's default.")


@strawberry.type(description="An address of a contact for instant messages.")
class InstantMessenger:
    """Fields are those of `plugins.contacts.clio.InstantMessenger`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the address.")
    name: str | None = strawberry.field(description="Label, such as Work or Personal.")
    address: str | None = strawberry.field(description="The address, as typed in.")


@strawberry.type(description="What a bank account of the firm holds for a contact or a matter.")
class AccountBalance:
    """Fields are those of `plugins.contacts.clio.AccountBalance`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the balance.")
    name: str | None = strawberry.field(description="Name of the bank account.")
    type: str | None = strawberry.field(description="Operating or Trust; Clio may add others.")
    balance: Decimal | None = strawberry.field(description="Balance, in the account's currency, major units.")


@strawberry.type(description="A rate agreed with a contact.")
class ActivityRate:
    """Fields are those of `plugins.contacts.clio.ActivityRate`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the rate.")
    rate: Decimal | None = strawberry.field(description="The rate, major units: per hour unless flat.")
    flat_rate: bool | None = strawberry.field(description="Whether it is a flat rate.")


@strawberry.type(description="The terms on which a contact pays.")
class PaymentProfile:
    """Fields are those of `plugins.contacts.clio.PaymentProfile`."""

    name: str | None = strawberry.field(description="Name of the terms.")
    terms: int | None = strawberry.field(description="Grace period, as a whole number in Clio's unit.")
    discount_rate: Decimal | None = strawberry.field(description="Discount for early payment, as Clio writes it.")
    discount_period: int | None = strawberry.field(description="Period of the discount, in Clio's unit.")
    interest_rate: Decimal | None = strawberry.field(description="Interest on late payment, as Clio writes it.")
    interest_period: int | None = strawberry.field(description="Interval of the interest, in Clio's unit.")
    interest_type: str | None = strawberry.field(description="simple or compound; Clio may add others.")


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
    email_addresses: list[EmailAddress] | None = strawberry.field(description="E-mail addresses, at most 200.")
    phone_numbers: list[PhoneNumber] | None = strawberry.field(description="Phone numbers, at most 200.")
    addresses: list[Address] | None = strawberry.field(description="Postal addresses, at most 200.")
    web_sites: list[WebSite] | None = strawberry.field(description="Web sites.")
    instant_messengers: list[InstantMessenger] | None = strawberry.field(description="Addresses for instant messages.")
    ledes_client_id: str | None = strawberry.field(description="Client id for LEDES bills.")
    sales_tax_number: str | None = strawberry.field(description="Sales tax number.")
    require_utbms_codes: bool | None = strawberry.field(
        description="Whether new matters of this client ask for UTBMS codes on their entries."
    )
    currency_code: str | None = strawberry.field(description="Currency, such as CAD.")
    account_balances: list[AccountBalance] | None = strawberry.field(
        description="What the firm's bank accounts hold for the contact, one entry for each account."
    )
    activity_rates: list[ActivityRate] | None = strawberry.field(description="Rates agreed with the contact.")
    co_counsel_rate: Decimal | None = strawberry.field(description="Rate as co-counsel, major units.")
    payment_profile: PaymentProfile | None = strawberry.field(description="Terms on which the contact pays.")
    client_connect_user_id: strawberry.ID | None = strawberry.field(
        description="Clio's id of the contact as a user of Clio Connect; not the id of a User."
    )
    clio_connect_email: str | None = strawberry.field(description="E-mail address used in Clio Connect.")
    is_clio_for_client_user: bool | None = strawberry.field(
        description="Whether the contact can sign in to Clio for Clients."
    )
    has_clio_for_clients_permission: bool | None = strawberry.field(
        description="Whether something is shared with the contact through Clio for Clients."
    )
