"""The table of users."""

from piccolo.columns import Array, Boolean, Numeric, Text
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
    rate = Numeric(digits=(14, 2), null=True, default=None, help_text="default hourly rate, the firm's currency")
    roles = Array(base_column=Text(), null=True, default=None, help_text="admin, accounts, billing, reports")
    time_zone = Text(null=True, default=None, help_text="IANA name")
    users_user_firm_clio_id = Unique(["firm", "clio_id"])
