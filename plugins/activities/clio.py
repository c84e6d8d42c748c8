"""Activities at Clio: time entries and expenses. Source: Clio API, activities."""

import datetime
from decimal import Decimal
from typing import ClassVar

from core.resource import ClioEndpoint, ClioPayload, NamedReference, Nested, Part, Reference

QUANTITIES = ("quantity", "quantity_in_hours", "rounded_quantity", "rounded_quantity_in_hours")
"""Fields that Clio redacts together; `quantity_redacted` says so."""

TOTALS = ("total", "non_billable_total")
"""Fields that would tell a redacted quantity."""


class Currency(Part):
    """The currency of the amounts."""

    code: str | None = None


class Bill(Reference):
    """The bill an activity is on."""

    number: str | None = None
    state: str | None = None


class CalendarEntry(Part):
    """The calendar entry an activity was recorded from; its id is text, for it may be one of a series."""

    id: str | None = None


class TaxSetting(Nested):
    """A tax on an activity."""

    order: int | None = None
    rule: str | None = None
    tax_rate_configuration_id: int | None = None
    tax_rate_configuration_name: str | None = None
    tax_rate_configuration_rate: Decimal | None = None


class Subject(Nested):
    """What an activity was recorded from, such as a task or a note."""

    id: int | None = None
    type: str | None = None
    identifier: str | None = None


class ActivityPayload(ClioPayload):
    """The fields of an activity that the mirror keeps.

    Of a redacted activity the quantities and totals are null, whatever Clio put there.
    """

    hidden_by: ClassVar = {"quantity_redacted": (*QUANTITIES, *TOTALS)}

    type: str | None = None
    date: datetime.date | None = None
    quantity: Decimal | None = None
    quantity_in_hours: Decimal | None = None
    rounded_quantity: Decimal | None = None
    rounded_quantity_in_hours: Decimal | None = None
    quantity_redacted: bool | None = None
    price: Decimal | None = None
    total: Decimal | None = None
    non_billable_total: Decimal | None = None
    non_billable: bool | None = None
    no_charge: bool | None = None
    flat_rate: bool | None = None
    contingency_fee: bool | None = None
    billed: bool | None = None
    on_bill: bool | None = None
    note: str | None = None
    reference: str | None = None
    tax_setting: str | None = None
    tax_settings: list[TaxSetting] | None = None
    input_tax_settings: list[TaxSetting] | None = None
    subject: Subject | None = None
    currency: Currency | None = None
    matter: Reference | None = None
    user: Reference | None = None
    vendor: Reference | None = None
    activity_description: NamedReference | None = None
    expense_category: NamedReference | None = None
    utbms_expense: NamedReference | None = None
    bill: Bill | None = None
    task: Reference | None = None
    communication: Reference | None = None
    calendar_entry: CalendarEntry | None = None
    matter_note: Reference | None = None
    contact_note: Reference | None = None
    document_version: Reference | None = None
    text_message_conversation: Reference | None = None
    client_portal: Reference | None = None


ENDPOINT = ClioEndpoint(path="activities", payload=ActivityPayload)
