"""The table of matters."""

from piccolo.columns import JSONB, BigInt, Boolean, Date, Integer, Text, Timestamptz
from piccolo.constraints import Unique

from core.resource import MirrorTable


class Matter(MirrorTable, tablename="matters_matter"):
    """One row per Clio matter. Source: GET /api/v4/matters."""

    number = Integer(null=True, default=None)
    display_number = Text(null=True, default=None, help_text="what people call the matter")
    custom_number = Text(null=True, default=None)
    description = Text(null=True, default=None)
    status = Text(null=True, default=None, help_text="Pending | Open | Closed, an open list")
    location = Text(null=True, default=None)
    client_reference = Text(null=True, default=None)
    maildrop_address = Text(null=True, default=None)
    billable = Boolean(null=True, default=None)
    billing_method = Text(null=True, default=None, help_text="hourly | flat | contingency, an open list")
    shared = Boolean(null=True, default=None, help_text="whether shared through Clio Connect")
    require_utbms_codes = Boolean(null=True, default=None)
    open_date = Date(null=True, default=None, help_text="in the firm's time zone, not an instant")
    pending_date = Date(null=True, default=None)
    close_date = Date(null=True, default=None)
    last_activity_date = Date(null=True, default=None)
    has_tasks = Boolean(null=True, default=None)
    matter_stage_updated_at = Timestamptz(null=True, default=None)
    client_clio_id = BigInt(null=True, default=None, index=True, help_text="no foreign key: it may arrive later")
    user_clio_id = BigInt(null=True, default=None, index=True)
    responsible_attorney_clio_id = BigInt(null=True, default=None, index=True)
    originating_attorney_clio_id = BigInt(null=True, default=None, index=True)
    responsible_staff_clio_id = BigInt(null=True, default=None, index=True)
    practice_area_clio_id = BigInt(null=True, default=None)
    practice_area_name = Text(null=True, default=None)
    matter_stage_clio_id = BigInt(null=True, default=None)
    matter_stage_name = Text(null=True, default=None)
    group_clio_id = BigInt(null=True, default=None)
    group_name = Text(null=True, default=None)
    statute_of_limitations_clio_id = BigInt(null=True, default=None, help_text="Clio's id of a task")
    statute_of_limitations_name = Text(null=True, default=None)
    statute_of_limitations_due_at = Date(null=True, default=None, help_text="a day, not an instant")
    statute_of_limitations_status = Text(null=True, default=None, help_text="pending, complete, ..., an open list")
    relationships = JSONB(null=True, default=None, help_text="list of {id, description}")
    currency_code = Text(null=True, default=None, help_text="ISO 4217, such as CAD")
    account_balances = JSONB(null=True, default=None, help_text="list of {id, name, type, balance}")
    custom_rate = JSONB(null=True, default=None, help_text="{type, on_invoice}")
    matter_budget = JSONB(null=True, default=None, help_text="{budget, include_expenses}")
    evergreen_retainer = JSONB(null=True, default=None, help_text="{minimum_threshold}")
    attorney_allocation = JSONB(null=True, default=None, help_text="{originating_..., responsible_...}, percent")
    matter_bill_recipients = JSONB(null=True, default=None, help_text="list of {id, recipient_clio_id}")
    split_invoice_payers = JSONB(null=True, default=None, help_text="list of {id, contact_id, split_portion, ...}")
    custom_field_values = JSONB(null=True, default=None, help_text="as plugins.custom_fields.values keeps them")
    matters_matter_firm_clio_id = Unique(["firm", "clio_id"])
