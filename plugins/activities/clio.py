"""Activities at Clio: time entries and expenses. Source: Clio API, activities."""

import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from core.payload import LENIENT
from core.resource import ClioEndpoint, ClioPayload, NamedReference, Nested, Reference

QUANTITIES = ("quantity", "quantity_in_hours", "rounded_quantity", "rounded_quantity_in_hours")
"""Fields that Clio redacts together; `quantity_redacted` says so."""

TOTALS = ("total", "non_billable_total")
"""Fields that would tell a redacted quantity."""


class _Part(BaseModel):
    """A small record inside an activity, of which some columns are made."""

    model_config = LENIENT


class Currency(_Part):
    """The currency of the amounts."""

    code: str | None = None


class Bill(_Part):
    """The bill an activity is on."""

    id: int | None = None
    number: str | None = None
    state: str | None = None


class CalendarEntry(_Part):
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
    """The fields of an activity that the mirror keeps."""

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

    def to_row(self) -> dict[str, Any]:
        """Return the columns; of a redacted activity the quantities and totals are null, whatever Clio put there."""
        row = super().to_row()
        bill, entry, currency = row.pop("bill"), row.pop("calendar_entry"), row.pop("currency")
        row["bill_clio_id"] = bill.id if bill else None
        row["bill_number"] = bill.number if bill else None
        row["bill_state"] = bill.state if bill else None
        row["calendar_entry_clio_id"] = entry.id if entry else None
        row["currency_code"] = currency.code if currency else None
        if self.quantity_redacted:
            row |= dict.fromkeys((*QUANTITIES, *TOTALS))
        return row


ENDPOINT = ClioEndpoint(path="activities", payload=ActivityPayload)
