"""The table of contacts."""

from piccolo.columns import JSONB, Array, BigInt, Boolean, Date, Numeric, Text
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
    email_addresses = JSONB(null=True, default=None, help_text="list of {id, name, address, primary}")
    phone_numbers = JSONB(null=True, default=None, help_text="list of {id, name, number, primary}")
    addresses = JSONB(null=True, default=None, help_text="list of {id, name, street, city, ..., primary}")
    web_sites = JSONB(null=True, default=None, help_text="list of {id, name, address, default_web_site}")
    instant_messengers = JSONB(null=True, default=None, help_text="list of {id, name, address}")
    ledes_client_id = Text(null=True, default=None)
    sales_tax_number = Text(null=True, default=None)
    require_utbms_codes = Boolean(null=True, default=None)
    currency_code = Text(null=True, default=None, help_text="ISO 4217, such as CAD")
    account_balances = JSONB(null=True, default=None, help_text="list of {id, name, type, balance}")
    activity_rates = JSONB(null=True, default=None, help_text="list of {id, rate, flat_rate}")
    co_counsel_rate = Numeric(null=True, default=None, help_text="major units")
    payment_profile = JSONB(null=True, default=None, help_text="{name, terms, discount_*, interest_*}")
    client_connect_user_id = BigInt(null=True, default=None, help_text="Clio's id of the contact as a portal user")
    clio_connect_email = Text(null=True, default=None)
    is_clio_for_client_user = Boolean(null=True, default=None)
    has_clio_for_clients_permission = Boolean(null=True, default=None)
    company_clio_id = BigInt(null=True, default=None, index=True, help_text="no foreign key: it may arrive later")
    related_contact_clio_ids = Array(base_column=BigInt(), null=True, default=None)
    custom_field_values = JSONB(null=True, default=None, help_text="as plugins.custom_fields.values keeps them")
    contacts_contact_firm_clio_id = Unique(["firm", "clio_id"])
