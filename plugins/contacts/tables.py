"""The table of contacts."""

from piccolo.columns import JSONB, BigInt, Boolean, Date, Text
from piccolo.constraints import Unique

from core.resource import MirrorTable


class Contact(MirrorTable, tablename="contacts_contact"):
    """One row per Clio contact, person or company. Source: GET /api/v4/contacts."""

    type = Text(null=True, default=None, help_text="Person | Company, an open list")
    name = Text(null=True, default=None, help_text="full name, prefix included")
    prefix = Text(null=True, default=None)
    first_name = Text(null=True, default=None, help_text="persons only")
    middle_name = Text(null=True, default=None, help_text="persons only")
    last_name = Text(null=True, default=None, help_text="persons only")
    title = Text(null=True, default=None, help_text="job title")
    initials = Text(null=True, default=None)
    date_of_birth = Date(null=True, default=None)
    is_client = Boolean(null=True, default=None)
    is_co_counsel = Boolean(null=True, default=None)
    is_bill_recipient = Boolean(null=True, default=None)
    primary_email_address = Text(null=True, default=None)
    secondary_email_address = Text(null=True, default=None)
    primary_phone_number = Text(null=True, default=None)
    secondary_phone_number = Text(null=True, default=None)
    ledes_client_id = Text(null=True, default=None)
    sales_tax_number = Text(null=True, default=None)
    company_clio_id = BigInt(null=True, default=None, index=True, help_text="no foreign key: it may arrive later")
    custom_field_values = JSONB(null=True, default=None, help_text="as plugins.custom_fields.values keeps them")
    contacts_contact_firm_clio_id = Unique(["firm", "clio_id"])
