"""Custom fields and their sets keep the contract of every resource."""

from core.testing.contract import ResourceContract


class TestCustomField(ResourceContract):
    """Definitions of fields."""

    resource = "custom_field"
    creates = {"name": "Court file", "parent_type": "Matter", "field_type": "text_line"}
    changes = {"name": "Court file number"}


class TestCustomFieldSet(ResourceContract):
    """Fields that belong together."""

    resource = "custom_field_set"
    creates = {"name": "Court", "parent_type": "Matter"}
    changes = {"name": "Court and registry"}
