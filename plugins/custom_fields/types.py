"""The GraphQL types of definitions and sets."""

import datetime

import strawberry

from schema.types.mirrored import Mirrored


@strawberry.type(description="A choice of a picklist.")
class PicklistOption:
    """Fields are named as in `plugins.custom_fields.clio.PicklistOption`."""

    id: strawberry.ID = strawberry.field(description="Clio's id of the option: what a value of the field holds.")
    option: str | None = strawberry.field(description="What the choice says.")
    deleted_at: datetime.datetime | None = strawberry.field(
        description="When it was removed; values keep pointing to it. Null while it can be chosen."
    )


@strawberry.type(description="The definition of a custom field.")
class CustomField(Mirrored):
    """Fields are named as the columns of `plugins.custom_fields.tables.CustomField`."""

    name: str | None = strawberry.field(description="What the field is called.")
    parent_type: str | None = strawberry.field(description="Contact or Matter; Clio may add others.")
    field_type: str | None = strawberry.field(
        description="checkbox, contact, currency, date, email, matter, numeric, picklist, text_area, text_line, time "
        "or url; Clio may add others."
    )
    displayed: bool | None = strawberry.field(description="Whether every new record shows it.")
    required: bool | None = strawberry.field(description="Whether a record must have a value.")
    deleted: bool | None = strawberry.field(description="Whether it was removed for future use; its values stay.")
    display_order: int | None = strawberry.field(description="Where it stands among the fields of its parent type.")
    picklist_options: list[PicklistOption] | None = strawberry.field(
        description="The choices of a picklist, removed ones included."
    )


@strawberry.type(description="Custom fields that are put on a record together.")
class CustomFieldSet(Mirrored):
    """Fields are named as the columns of `plugins.custom_fields.tables.CustomFieldSet`."""

    name: str | None = strawberry.field(description="What the set is called.")
    parent_type: str | None = strawberry.field(description="Contact or Matter; Clio may add others.")
    displayed: bool | None = strawberry.field(description="Whether every new record shows it.")
