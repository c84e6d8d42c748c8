"""The GraphQL type of an activity."""

import datetime
from decimal import Decimal

import strawberry

from schema.types.mirrored import Mirrored


@strawberry.type(description="A tax on an activity.")
class TaxSetting:
    """Fields are named as in `plugins.activities.clio.TaxSetting`."""

    order: int | None = strawberry.field(description="Which of the taxes it is, counted from one.")
    rule: str | None = strawberry.field(description="Pre or Post; Clio may add others.")
    tax_rate_configuration_id: strawberry.ID | None = strawberry.field(description="Clio's id of the tax rate.")
    tax_rate_configuration_name: str | None = strawberry.field(description="Name of the tax rate.")
    tax_rate_configuration_rate: Decimal | None = strawberry.field(description="The rate, in percent.")


@strawberry.type(description="What an activity was recorded from, such as a task or a note.")
class ActivitySubject:
    """Fields are named as in `plugins.activities.clio.Subject`."""

    id: strawberry.ID | None = strawberry.field(description="Clio's id of it.")
    type: str | None = strawberry.field(description="What it is, such as Task or MatterNote.")
    identifier: str | None = strawberry.field(description="What people call it.")


@strawberry.type(description="A time entry or an expense.")
class Activity(Mirrored):
    """Fields are named as the columns of `plugins.activities.tables.Activity`."""

    type: str | None = strawberry.field(
        description="TimeEntry, ExpenseEntry, HardCostEntry or SoftCostEntry; Clio may add others."
    )
    date: datetime.date | None = strawberry.field(description="Day of the work or expense, in the firm's time zone.")
    quantity: Decimal | None = strawberry.field(
        description="Seconds of a TimeEntry, a count of anything else; null where it is redacted."
    )
    quantity_in_hours: Decimal | None = strawberry.field(
        description="Hours worked; null where they are redacted, or there are none."
    )
    rounded_quantity: Decimal | None = strawberry.field(
        description="The quantity as it is billed, in the unit of `quantity`; null where it is redacted."
    )
    rounded_quantity_in_hours: Decimal | None = strawberry.field(
        description="Hours as they are billed; null where they are redacted, or there are none."
    )
    quantity_redacted: bool | None = strawberry.field(
        description="Whether Clio hides the quantity from the connected user: quantities and totals are null then."
    )
    price: Decimal | None = strawberry.field(
        description="Rate per hour, or price of one, major units; null where the connected user may not see it."
    )
    total: Decimal | None = strawberry.field(
        description="What it is billed at, major units; null where the connected user may not see it."
    )
    non_billable_total: Decimal | None = strawberry.field(description="What it is worth without being billed.")
    non_billable: bool | None = strawberry.field(description="Whether it is kept off bills.")
    no_charge: bool | None = strawberry.field(description="Whether it is shown on bills without a charge.")
    flat_rate: bool | None = strawberry.field(description="Whether the price is for the whole and not by the hour.")
    contingency_fee: bool | None = strawberry.field(description="Whether it is a contingency fee.")
    billed: bool | None = strawberry.field(description="Whether it is on a bill that awaits payment or is paid.")
    on_bill: bool | None = strawberry.field(description="Whether it is on any bill, drafts included.")
    note: str | None = strawberry.field(description="What was done or bought.")
    reference: str | None = strawberry.field(description="Reference of a hard cost, such as the vendor's invoice.")
    tax_setting: str | None = strawberry.field(
        description="no_tax, tax_1_only, tax_2_only or tax_1_and_tax_2; Clio may add others."
    )
    tax_settings: list[TaxSetting] | None = strawberry.field(description="Taxes that are charged.")
    input_tax_settings: list[TaxSetting] | None = strawberry.field(description="Taxes that were paid.")
    subject: ActivitySubject | None = strawberry.field(description="What it was recorded from.")
    currency_code: str | None = strawberry.field(description="Currency of its amounts, ISO 4217.")
    activity_description_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the description.")
    activity_description_name: str | None = strawberry.field(description="Kind of work, from the firm's list.")
    expense_category_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the category.")
    expense_category_name: str | None = strawberry.field(description="Kind of expense, from the firm's list.")
    utbms_expense_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the UTBMS code.")
    utbms_expense_name: str | None = strawberry.field(description="Name of the UTBMS code of an expense.")
    bill_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the bill it is on.")
    bill_number: str | None = strawberry.field(description="Number of the bill it is on.")
    bill_state: str | None = strawberry.field(
        description="draft, awaiting_approval, awaiting_payment, paid, void or deleted; Clio may add others."
    )
    task_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the task it was recorded from.")
    communication_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the communication.")
    calendar_entry_clio_id: str | None = strawberry.field(description="Clio's id of the calendar entry, which is text.")
    matter_note_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the note on a matter.")
    contact_note_clio_id: strawberry.ID | None = strawberry.field(description="Clio's id of the note on a contact.")
    text_message_conversation_clio_id: strawberry.ID | None = strawberry.field(
        description="Clio's id of the conversation."
    )
    client_portal_clio_id: strawberry.ID | None = strawberry.field(
        description="Clio's id of the client portal message thread."
    )
