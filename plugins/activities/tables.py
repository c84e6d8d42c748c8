"""The table of activities."""

from piccolo.columns import JSONB, BigInt, Boolean, Date, Numeric, Text
from piccolo.constraints import Unique

from core.resource import MirrorTable


class Activity(MirrorTable, tablename="activities_activity"):
    """One row per Clio activity. Source: GET /api/v4/activities."""

    type = Text(null=True, default=None, help_text="TimeEntry | ExpenseEntry | HardCostEntry | SoftCostEntry, open")
    date = Date(null=True, default=None, help_text="in the firm's time zone, not an instant")
    quantity = Numeric(digits=None, null=True, default=None, help_text="seconds of a TimeEntry, else a count")
    quantity_in_hours = Numeric(digits=None, null=True, default=None, help_text="hours")
    rounded_quantity = Numeric(digits=None, null=True, default=None, help_text="as quantity, as it is billed")
    rounded_quantity_in_hours = Numeric(digits=None, null=True, default=None, help_text="hours, as they are billed")
    quantity_redacted = Boolean(null=True, default=None, help_text="true: quantities and totals are null, not zero")
    price = Numeric(digits=None, null=True, default=None, help_text="per hour or piece, major units; null if hidden")
    total = Numeric(digits=None, null=True, default=None, help_text="major units; null if hidden")
    non_billable_total = Numeric(digits=None, null=True, default=None, help_text="major units")
    non_billable = Boolean(null=True, default=None)
    no_charge = Boolean(null=True, default=None)
    flat_rate = Boolean(null=True, default=None)
    contingency_fee = Boolean(null=True, default=None)
    billed = Boolean(null=True, default=None, help_text="on a bill that awaits payment or is paid")
    on_bill = Boolean(null=True, default=None, help_text="on any bill, drafts included")
    note = Text(null=True, default=None)
    reference = Text(null=True, default=None, help_text="of a HardCostEntry")
    tax_setting = Text(null=True, default=None, help_text="no_tax | tax_1_only | tax_2_only | tax_1_and_tax_2, open")
    tax_settings = JSONB(null=True, default=None, help_text="see plugins.activities.clio.TaxSetting")
    input_tax_settings = JSONB(null=True, default=None, help_text="as tax_settings")
    subject = JSONB(null=True, default=None, help_text="{id, type, identifier}")
    currency_code = Text(null=True, default=None, help_text="ISO 4217")
    matter_clio_id = BigInt(null=True, default=None, index=True, help_text="no foreign key: it may arrive later")
    user_clio_id = BigInt(null=True, default=None, index=True)
    vendor_clio_id = BigInt(null=True, default=None, index=True, help_text="of a HardCostEntry")
    activity_description_clio_id = BigInt(null=True, default=None)
    activity_description_name = Text(null=True, default=None)
    expense_category_clio_id = BigInt(null=True, default=None)
    expense_category_name = Text(null=True, default=None)
    utbms_expense_clio_id = BigInt(null=True, default=None)
    utbms_expense_name = Text(null=True, default=None)
    bill_clio_id = BigInt(null=True, default=None)
    bill_number = Text(null=True, default=None)
    bill_state = Text(null=True, default=None, help_text="draft | awaiting_approval | awaiting_payment | paid | ...")
    task_clio_id = BigInt(null=True, default=None)
    communication_clio_id = BigInt(null=True, default=None)
    calendar_entry_clio_id = Text(null=True, default=None, help_text="text at Clio")
    matter_note_clio_id = BigInt(null=True, default=None)
    contact_note_clio_id = BigInt(null=True, default=None)
    document_version_clio_id = BigInt(null=True, default=None, index=True)
    text_message_conversation_clio_id = BigInt(null=True, default=None)
    client_portal_clio_id = BigInt(null=True, default=None)
    activities_activity_firm_clio_id = Unique(["firm", "clio_id"])
