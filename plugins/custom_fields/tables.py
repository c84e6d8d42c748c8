"""The tables of definitions and sets. Values are a projection, made in the migration: see README.md."""

from piccolo.columns import JSONB, Array, BigInt, Boolean, Integer, Text
from piccolo.constraints import Unique

from core.resource import MirrorTable


class CustomField(MirrorTable, tablename="custom_fields_custom_field"):
    """One row per definition. Source: GET /api/v4/custom_fields."""

    name = Text(null=True, default=None)
    parent_type = Text(null=True, default=None, help_text="Contact | Matter, an open list; fixed at creation")
    field_type = Text(null=True, default=None, help_text="text_line, picklist, ..., an open list; fixed at creation")
    displayed = Boolean(null=True, default=None, help_text="whether every new record shows it")
    required = Boolean(null=True, default=None)
    deleted = Boolean(null=True, default=None, help_text="removed for future use; values stay on their records")
    display_order = Integer(null=True, default=None)
    picklist_options = JSONB(null=True, default=None, help_text="[{id, option, deleted_at}]; removed ones stay")
    custom_fields_custom_field_firm_clio_id = Unique(["firm", "clio_id"])


class CustomFieldSet(MirrorTable, tablename="custom_fields_custom_field_set"):
    """One row per set. Source: GET /api/v4/custom_field_sets."""

    name = Text(null=True, default=None)
    parent_type = Text(null=True, default=None, help_text="Contact | Matter, an open list")
    displayed = Boolean(null=True, default=None)
    custom_field_clio_ids = Array(base_column=BigInt(), null=True, default=None, help_text="definitions in the set")
    custom_fields_custom_field_set_firm_clio_id = Unique(["firm", "clio_id"])
