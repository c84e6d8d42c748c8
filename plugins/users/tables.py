"""The table of users."""

from piccolo.columns import JSONB, Array, BigInt, Boolean, Numeric, Text
from piccolo.constraints import Unique

from core.resource import MirrorTable


class User(MirrorTable, tablename="users_user"):
    """One row per Clio user. Source: GET /api/v4/users."""

    name = Text(null=True, default=None, help_text="full name")
    first_name = Text(null=True, default=None)
    last_name = Text(null=True, default=None)
    initials = Text(null=True, default=None)
    email = Text(null=True, default=None)
    phone_number = Text(null=True, default=None)
    enabled = Boolean(null=True, default=None, help_text="false for somebody who left; Clio deletes no user")
    account_owner = Boolean(null=True, default=None)
    subscription_type = Text(null=True, default=None, help_text="Attorney | NonAttorney, an open list")
    clio_connect = Boolean(null=True, default=None, help_text="whether a user of Clio Connect")
    rate = Numeric(null=True, default=None, help_text="default rate of activities, the firm's currency")
    roles = Array(base_column=Text(), null=True, default=None, help_text="admin, accounts, billing, reports")
    time_zone = Text(null=True, default=None, help_text="IANA name")
    locale = Text(null=True, default=None, help_text="such as en-CA")
    court_rules_default_attendee = Boolean(null=True, default=None)
    default_calendar_id = BigInt(null=True, default=None, help_text="Clio's id; calendars are not mirrored")
    contact_clio_id = BigInt(null=True, default=None, help_text="the contact that the user is")
    job_title_clio_id = BigInt(null=True, default=None)
    job_title_name = Text(null=True, default=None)
    default_activity_description_clio_id = BigInt(null=True, default=None)
    default_activity_description_name = Text(null=True, default=None)
    groups = JSONB(null=True, default=None, help_text="list of {id, name, type}")
    users_user_firm_clio_id = Unique(["firm", "clio_id"])
