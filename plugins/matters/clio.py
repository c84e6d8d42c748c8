"""Matters at Clio: the endpoint and the payload. Source: Clio API, matters."""

import datetime
from decimal import Decimal
from typing import Annotated, Any

from core.resource import ClioEndpoint, ClioPayload, NamedReference, Nested, Reference, WhereUnfit
from plugins.contacts.clio import AccountBalance, Currency
from plugins.custom_fields.values import CustomFieldValue


def _day_of_instant(value: Any) -> Any:
    """Take the day out of an instant: the spec says date, and the name says instant."""
    return value[:10] if isinstance(value, str) else value


class StatuteOfLimitations(NamedReference):
    """The task that is due on the day after which the matter is barred."""

    due_at: Annotated[datetime.date | None, WhereUnfit(_day_of_instant)] = None
    status: str | None = None


class Relationship(Nested):
    """What a contact has to do with a matter; Clio does not document that it names the contact here."""

    id: int | None = None
    description: str | None = None


class CustomRate(Nested):
    """How the matter's own rates are charged; the rates themselves are a level deeper than Clio answers."""

    type: str | None = None
    on_invoice: bool | None = None


class MatterBudget(Nested):
    """What may be spent on the matter."""

    budget: Decimal | None = None
    include_expenses: bool | None = None


class EvergreenRetainer(Nested):
    """The balance in trust below which the firm is told."""

    minimum_threshold: Decimal | None = None


class AttorneyAllocation(Nested):
    """How the fees are parted between the attorneys."""

    originating_attorney_allocation: Decimal | None = None
    responsible_attorney_allocation: Decimal | None = None


class BillRecipient(Nested):
    """A contact to whom bills of the matter are sent."""

    id: int | None = None
    recipient: Reference | None = None


class SplitInvoicePayer(Nested):
    """A contact who pays a part of each bill."""

    id: int | None = None
    contact_id: int | None = None
    split_portion: Decimal | None = None
    send_to_bill_recipients: bool | None = None


class MatterPayload(ClioPayload):
    """The fields of a matter that the mirror keeps."""

    number: int | None = None
    display_number: str | None = None
    custom_number: str | None = None
    description: str | None = None
    status: str | None = None
    location: str | None = None
    client_reference: str | None = None
    maildrop_address: str | None = None
    billable: bool | None = None
    billing_method: str | None = None
    shared: bool | None = None
    require_utbms_codes: bool | None = None
    open_date: datetime.date | None = None
    pending_date: datetime.date | None = None
    close_date: datetime.date | None = None
    last_activity_date: datetime.date | None = None
    has_tasks: bool | None = None
    matter_stage_updated_at: datetime.datetime | None = None
    client: Reference | None = None
    user: Reference | None = None
    responsible_attorney: Reference | None = None
    originating_attorney: Reference | None = None
    responsible_staff: Reference | None = None
    practice_area: NamedReference | None = None
    matter_stage: NamedReference | None = None
    group: NamedReference | None = None
    statute_of_limitations: StatuteOfLimitations | None = None
    relationships: list[Relationship] | None = None
    currency: Currency | None = None
    account_balances: list[AccountBalance] | None = None
    custom_rate: CustomRate | None = None
    matter_budget: MatterBudget | None = None
    evergreen_retainer: EvergreenRetainer | None = None
    attorney_allocation: AttorneyAllocation | None = None
    matter_bill_recipients: list[BillRecipient] | None = None
    split_invoice_payers: list[SplitInvoicePayer] | None = None
    custom_field_values: list[CustomFieldValue] | None = None


ENDPOINT = ClioEndpoint(path="matters", payload=MatterPayload)
