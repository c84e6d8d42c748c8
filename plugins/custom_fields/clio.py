"""Custom fields and their sets at Clio: endpoints and payloads. Source: Clio API, custom_fields, custom_field_sets."""

import datetime

from core.resource import ClioEndpoint, ClioPayload, Nested, Reference


class PicklistOption(Nested):
    """A choice of a picklist; a removed one stays, with `deleted_at`."""

    id: int | None = None
    option: str | None = None
    deleted_at: datetime.datetime | None = None


class CustomFieldPayload(ClioPayload):
    """The fields of a definition that the mirror keeps."""

    name: str | None = None
    parent_type: str | None = None
    field_type: str | None = None
    displayed: bool | None = None
    required: bool | None = None
    deleted: bool | None = None
    display_order: int | None = None
    picklist_options: list[PicklistOption] | None = None


class CustomFieldSetPayload(ClioPayload):
    """The fields of a set that the mirror keeps."""

    name: str | None = None
    parent_type: str | None = None
    displayed: bool | None = None
    custom_fields: list[Reference] | None = None


CUSTOM_FIELDS = ClioEndpoint(path="custom_fields", payload=CustomFieldPayload, variants=({}, {"deleted": "true"}))
"""Clio does not say whether a list without `deleted` holds deleted definitions; values go on pointing to them."""

CUSTOM_FIELD_SETS = ClioEndpoint(path="custom_field_sets", payload=CustomFieldSetPayload)
