"""The GraphQL types of a matter and of the records inside it."""

import datetime
from decimal import Decimal

import strawberry

from plugins.contacts.types import AccountBalance
from schema.types.mirrored import Mirrored


@strawberry.type(description="What a contact is to a matter.")
class Relationship:
    """Fields are those of `plugins.matters.clio.Relationship`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the relationship.")
    description: str | None = strawberry.field(description="What the contact is, such as Judge, as typed in.")


@strawberry.type(description="How the rates of a matter's own are charged.")
class CustomRate:
    """Fields are those of `plugins.matters.clio.CustomRate`."""

    type: str | None = strawberry.field(description="FlatRate, HourlyRate or ContingencyFee; Clio may add others.")
    on_invoice: bool | None = strawberry.field(description="Whether it is on a bill.")


@strawberry.type(description="What may be spent on a matter.")
class MatterBudget:
    """Fields are those of `plugins.matters.clio.MatterBudget`."""

    budget: Decimal | None = strawberry.field(description="The amount, major units.")
    include_expenses: bool | None = strawberry.field(description="Whether expenses count against it.")


@strawberry.type(description="The balance in trust that a matter should not fall below.")
class EvergreenRetainer:
    """Fields are those of `plugins.matters.clio.EvergreenRetainer`."""

    minimum_threshold: Decimal | None = strawberry.field(description="The balance, major units.")


@strawberry.type(description="How the fees of a matter are parted between its attorneys.")
class AttorneyAllocation:
    """Fields are those of `plugins.matters.clio.AttorneyAllocation`."""

    originating_attorney_allocation: Decimal | None = strawberry.field(
        description="Percent of the fees for the originating attorney, 0 to 100."
    )
    responsible_attorney_allocation: Decimal | None = strawberry.field(
        description="Percent of the fees for the responsible attorney, 0 to 100."
    )


@strawberry.type(description="A contact to whom the bills of a matter are sent.")
class BillRecipient:
    """Fields are those of `plugins.matters.clio.BillRecipient`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the entry.")
    recipient_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the contact.")


@strawberry.type(description="A contact who pays a part of each bill of a matter.")
class SplitInvoicePayer:
    """Fields are those of `plugins.matters.clio.SplitInvoicePayer`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of the entry.")
    contact_id: strawberry.ID | None = strawberry.field(description="Clio's id of the contact.")
    split_portion: Decimal | None = strawberry.field(description="Percent of the bill that the contact pays.")
    send_to_bill_recipients: bool | None = strawberry.field(
        description="Whether bills sent to the payer go to the bill recipients as well, unless said otherwise."
    )


@strawberry.type(description="A case the firm works on for a client.")
class Matter(Mirrored):
    """Fields are named as the columns of `plugins.matters.tables.Matter`."""

    number: int | None = strawberry.field(description="Running number of the matter.")
    display_number: str | None = strawberry.field(description="What people call the matter, such as 00412-Silva.")
    custom_number: str | None = strawberry.field(description="Number given by the firm; null unless it numbers itself.")
    description: str | None = strawberry.field(description="What the matter is about.")
    status: str | None = strawberry.field(description="Pending, Open or Closed; Clio may add others.")
    location: str | None = strawberry.field(description="Place, as typed in.")
    client_reference: str | None = strawberry.field(description="The client's own reference.")
    maildrop_address: str | None = strawberry.field(description="Address to which e-mail is sent to be filed here.")
    billable: bool | None = strawberry.field(description="Whether work on the matter is billed.")
    billing_method: str | None = strawberry.field(description="hourly, flat or contingency; Clio may add others.")
    shared: bool | None = strawberry.field(description="Whether the matter is shared through Clio Connect.")
    require_utbms_codes: bool | None = strawberry.field(description="Whether billable entries must have UTBMS codes.")
    open_date: datetime.date | None = strawberry.field(description="Day it was opened, in the firm's time zone.")
    pending_date: datetime.date | None = strawberry.field(description="Day it became pending, in the firm's time zone.")
    close_date: datetime.date | None = strawberry.field(description="Day it was closed, in the firm's time zone.")
    last_activity_date: datetime.date | None = strawberry.field(description="Day of the latest activity.")
    has_tasks: bool | None = strawberry.field(description="Whether the matter has tasks.")
    matter_stage_updated_at: datetime.datetime | None = strawberry.field(description="When it entered its stage.")
    practice_area_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the practice area.")
    practice_area_name: str | None = strawberry.field(description="Name of the practice area.")
    matter_stage_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the stage.")
    matter_stage_name: str | None = strawberry.field(description="Name of the stage.")
    group_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the matter's group.")
    group_name: str | None = strawberry.field(description="Name of the matter's group.")
    statute_of_limitations_clio_id: strawberry.ID | None = strawberry.field(
        description="Clio's id of the task that stands for the statute of limitations."
    )
    statute_of_limitations_name: str | None = strawberry.field(description="Name of that task.")
    statute_of_limitations_due_at: datetime.date | None = strawberry.field(
        description="Day on which the statute of limitations runs out."
    )
    statute_of_limitations_status: str | None = strawberry.field(
        description="pending, in_progress, in_review, complete or draft; Clio may add others."
    )
    relationships: list[Relationship] | None = strawberry.field(description="Who else has to do with the matter.")
    currency_code: str | None = strawberry.field(description="Currency, such as CAD.")
    account_balances: list[AccountBalance] | None = strawberry.field(
        description="What the firm's bank accounts hold for the matter, one entry for each account."
    )
    custom_rate: CustomRate | None = strawberry.field(description="Rates of the matter's own.")
    matter_budget: MatterBudget | None = strawberry.field(description="Budget of the matter.")
    evergreen_retainer: EvergreenRetainer | None = strawberry.field(description="Balance in trust to be kept up.")
    attorney_allocation: AttorneyAllocation | None = strawberry.field(description="How the fees are parted.")
    matter_bill_recipients: list[BillRecipient] | None = strawberry.field(description="To whom bills are sent.")
    split_invoice_payers: list[SplitInvoicePayer] | None = strawberry.field(description="Who pays parts of the bills.")
