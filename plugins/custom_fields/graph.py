"""Custom field values in GraphQL: one type for each kind, on every type whose table keeps such values."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from plugins.custom_fields.filtering import condition, order
from plugins.custom_fields.history import values_as_of
from plugins.custom_fields.metrics import metrics_field
from plugins.custom_fields.types import PicklistOption
from schema.entities import Entity, Kinds
from schema.extensions import Connection, Extension, Graph, ObjectField
from schema.fields import computed_field, rows_field, to_one_field
from schema.global_ids import read_number
from schema.read.listing import Kind, ListColumn, Listing
from schema.read.parameters import Parameters
from schema.read.sources import Expression, Rows
from schema.read.statements import Owned

REQUIRED = frozenset({"id", "firm", "parent_type", "parent_clio_id", "place", "by_name"})
"""Columns of a value that are never null."""

COLUMN = "custom_field_values"
"""The jsonb column by which a table says that its records have custom field values."""

KINDS: Mapping[str, tuple[str, str, str]] = {
    "text_line": ("TextLine", "text", "A line of text."),
    "text_area": ("TextArea", "text", "Text of several lines."),
    "email": ("Email", "text", "An e-mail address."),
    "url": ("Url", "text", "A web address."),
    "numeric": ("Numeric", "number", "A whole number."),
    "currency": ("Currency", "number", "An amount of money, in the firm's currency, major units."),
    "date": ("Date", "date", "A day."),
    "time": ("Time", "time", "A time of day."),
    "checkbox": ("Checkbox", "checked", "Yes or no."),
    "picklist": ("Picklist", "reference", "A choice from a list."),
    "contact": ("Contact", "reference", "A contact."),
    "matter": ("Matter", "reference", "A matter."),
}
"""Clio's types of field: the name of the GraphQL type, the column that holds the value, and what the value is."""

OTHER = ("Other", "text", "A value of a type that this service does not know yet, as text.")


VALUES = Listing(
    type_name="CustomFieldValue",
    table="custom_fields_value",
    columns={
        name: ListColumn(name=name, kind=kind, nullable=name not in REQUIRED)
        for name, kind in (
            ("id", Kind.ID),
            ("firm", Kind.ID),
            ("parent_type", Kind.TEXT),
            ("parent_clio_id", Kind.ID),
            ("place", Kind.INT),
            ("value_id", Kind.TEXT),
            ("field_name", Kind.TEXT),
            ("field_type", Kind.TEXT),
            ("custom_field_clio_id", Kind.ID),
            ("by_name", Kind.BOOL),
            ("soft_deleted", Kind.BOOL),
            ("text", Kind.TEXT),
            ("number", Kind.DECIMAL),
            ("date", Kind.DATE),
            ("time", Kind.OTHER),
            ("checked", Kind.BOOL),
            ("reference", Kind.ID),
        )
    },
    key="id",
    ties=("id",),
    has_presence=False,
)
"""The table that triggers keep; see migrations/0001."""


class Value:
    """The parts that all kinds of value share; an object's attributes are the columns of `custom_fields_value`."""


def extensions(graph: Graph) -> list[Extension]:
    """Return what makes custom field values readable, filterable and orderable, wherever records have them."""
    definition = graph.entity("CustomField")
    values = _values(graph, definition)
    made: list[Extension] = [
        ObjectField(on="Metrics", name="custom_fields", field=metrics_field()),
        values_as_of([each for each in graph.resources.values() if COLUMN in each.columns]),
    ]
    for type_name, entity in graph.entities.items():
        if COLUMN not in entity.listing.columns:
            continue
        made += [
            ObjectField(
                on=type_name,
                name=COLUMN,
                field=_values_field(entity, values),
                types=_object_types(values),
            ),
            ObjectField(on=type_name, name="custom_field_value", field=_value_field(entity, values)),
            condition(type_name),
            order(type_name),
            Connection(
                on="CustomField",
                name=graph.resources[type_name].plural,
                to=type_name,
                owned=_has_value(type_name),
                description=f"Every {type_name} with a value for this field.",
            ),
        ]
    return made


def _has_value(type_name: str) -> Owned:
    return lambda alias, firm, number: (
        f"EXISTS (SELECT FROM custom_fields_value AS v WHERE v.firm = {firm} AND v.parent_type = '{type_name}'"
        f" AND v.parent_clio_id = {alias}.clio_id AND v.custom_field_clio_id = {number} AND v.text IS NOT NULL)"
    )


def _values_sql(type_name: str, alias: str) -> str:
    return (
        f"SELECT v.*, v.place AS _place FROM custom_fields_value AS v WHERE v.firm = {alias}.firm"
        f" AND v.parent_type = '{type_name}' AND v.parent_clio_id = {alias}.clio_id"
    )


def _values_field(near: Entity, values: Entity) -> Any:
    return rows_field(
        near.listing,
        list[values.type],  # type: ignore[name-defined]  # a class made at run time
        Rows(values, lambda alias, _given, _parameters: _values_sql(near.name, alias), many=True),
        description="The values of its custom fields, in Clio's order.",
    )


def _value_field(near: Entity, values: Entity) -> Any:
    def sql(alias: str, given: Mapping[str, Any], parameters: Parameters) -> str:
        definition = parameters.add_one(read_number(given["definition"], name="definition"), Kind.ID)
        return f"{_values_sql(near.name, alias)} AND v.custom_field_clio_id = {definition} ORDER BY v.place LIMIT 1"

    return rows_field(
        near.listing,
        values.type | None,
        Rows(values, sql, many=False),
        description="Its value of one custom field; null where the record does not show the field.",
        arguments={
            "definition": Annotated[strawberry.ID, strawberry.argument(description="Clio's id of the definition.")]
        },
    )


def _values(graph: Graph, definition: Entity) -> Entity:
    """Return the interface of values for one schema, with an object type for each type of field."""
    interface = _interface(definition)
    made: dict[str, type[Any]] = {}
    for field_type, (name, column, description) in {**KINDS, "other": OTHER}.items():
        annotations: dict[str, Any] = {}
        fields: dict[str, Any] = {}
        if column == "reference":
            fields = _reference_fields(graph, field_type)
        elif column != "text":
            annotations[column] = _PYTHON[column] | None
            fields[column] = strawberry.field(
                description=f"{description} Null where there is none, or where Clio's text is no such value."
            )
        namespace = {"__doc__": description, "__module__": __name__, "__annotations__": annotations, **fields}
        cls = type(f"CustomField{name}Value", (interface,), namespace)
        made[field_type] = strawberry.type(cls, description=description)
    other = made.pop("other")
    return Entity(VALUES, interface, Kinds("field_type", made, other))


def _object_types(values: Entity) -> list[type[Any]]:
    return [] if values.kinds is None else [*values.kinds.types.values(), values.kinds.other]


_PYTHON: Mapping[str, Any] = {"number": Decimal, "date": datetime.date, "time": datetime.time, "checked": bool}


OPTION = """(SELECT option.value FROM custom_fields_custom_field AS d,
    jsonb_array_elements(d.picklist_options) AS option
    WHERE d.firm = {alias}.firm AND d.clio_id = {alias}.custom_field_clio_id
      AND option.value ->> 'id' = {alias}.reference::text LIMIT 1)"""
"""The choice that a picklist value points to, removed ones included; null until the definition has arrived."""


def _option_sql(alias: str) -> str:
    return f"CASE WHEN {alias}.field_type = 'picklist' THEN {OPTION.format(alias=alias)} END"


def _text_sql(alias: str) -> str:
    return f"coalesce({_option_sql(alias)} ->> 'option', {alias}.text)"


def _interface(definition: Entity) -> type[Any]:
    described = "What the value says: a picklist's choice by its name, anything else as Clio has it. Null without one."
    fields = {
        "value_id": (str | None, strawberry.field(description="Clio's id of this value; null until it was filled.")),
        "field_name": (str | None, strawberry.field(description="What the field was called when Clio sent the value.")),
        "field_type": (str | None, strawberry.field(description="Clio's type of the field.")),
        "soft_deleted": (bool | None, strawberry.field(description="Whether the field was removed for future use.")),
        "custom_field_clio_id": (
            strawberry.ID | None,
            strawberry.field(description="Clio's id of the definition; null where neither id nor name tells it."),
        ),
        "by_name": (
            bool,
            strawberry.field(description="Whether the definition was found by its name, because Clio hid its id."),
        ),
        "custom_field": (
            None,
            to_one_field(definition, "custom_field_clio_id", description="The definition, once it has arrived."),
        ),
        "text": (None, computed_field(VALUES, str | None, Expression(_text_sql), description=described)),
    }
    namespace = {"__doc__": "A value.", "__module__": __name__, **{name: field for name, (_, field) in fields.items()}}
    cls = type("CustomFieldValue", (Value,), namespace)
    cls.__annotations__ = {name: annotation for name, (annotation, _) in fields.items() if annotation is not None}
    return strawberry.interface(cls, description="The value of a custom field on one record.")


def _reference_fields(graph: Graph, field_type: str) -> dict[str, Any]:
    """Return the fields of a value that points to something: its id, and the thing itself."""
    number = Expression(lambda alias: f"{alias}.reference::text")
    if field_type == "picklist":
        return {
            "option_id": computed_field(VALUES, strawberry.ID | None, number, description="Clio's id of the choice."),
            "option": computed_field(
                VALUES, PicklistOption | None, Expression(_option_sql), description="The choice, removed ones included."
            ),
        }
    described = f"Clio's id of the {field_type}."
    fields = {f"{field_type}_clio_id": computed_field(VALUES, strawberry.ID | None, number, description=described)}
    if (target := graph.entities.get(field_type.capitalize())) is not None:
        fields[field_type] = to_one_field(
            target, "reference", description=f"The {field_type}. Null until its record has arrived."
        )
    return fields
