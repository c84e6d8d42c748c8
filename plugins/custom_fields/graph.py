"""Custom field values in GraphQL: one type for each kind, on every type whose table keeps such values."""

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from core.db.engine import Pool
from plugins.custom_fields.filtering import condition, order
from plugins.custom_fields.metrics import metrics_field
from plugins.custom_fields.types import PicklistOption
from schema.context import Info, place_of
from schema.entities import Entity
from schema.extensions import Connection, Extension, Graph, ObjectField
from schema.global_ids import read_number
from schema.read.parameters import Parameters
from schema.read.readers import Record, fetch
from schema.read.statements import Statement

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


class Value:
    """The parts that all kinds of value share; an object's attributes are the columns of `custom_fields_value`."""


async def load_values(
    pool: Pool, firms: frozenset[int] | None, owners: Sequence[tuple[int, str, int]]
) -> list[list[Record]]:
    """Return the values of each record (firm, type, Clio id), in Clio's order. One statement."""
    parameters = Parameters()
    wanted = ", ".join(
        parameters.add([owner[place] for owner in owners], cast)
        for place, cast in enumerate(("bigint[]", "text[]", "bigint[]"))
    )
    allowed = "" if firms is None else f" AND wanted.firm = ANY ({parameters.add(sorted(firms), 'bigint[]')})"
    text = (
        f"SELECT wanted.owner, v.* FROM unnest({wanted}) WITH ORDINALITY AS wanted (firm, parent_type, parent, owner)"
        " JOIN custom_fields_value AS v ON v.firm = wanted.firm AND v.parent_type = wanted.parent_type"
        f" AND v.parent_clio_id = wanted.parent{allowed} ORDER BY wanted.owner, v.place"
    )
    found: list[list[Record]] = [[] for _ in owners]
    for row in await fetch(pool, Statement(text, parameters.values)):
        found[row["owner"] - 1].append(row)
    return found


def extensions(graph: Graph) -> list[Extension]:
    """Return what makes custom field values readable, filterable and orderable, wherever records have them."""
    definition = graph.entity("CustomField")
    value_types = _value_types(graph, definition)
    made: list[Extension] = [ObjectField(on="Metrics", name="custom_fields", field=metrics_field())]
    for type_name, entity in graph.entities.items():
        if COLUMN not in entity.listing.columns:
            continue
        made += [
            ObjectField(
                on=type_name,
                name=COLUMN,
                field=_values_field(type_name, value_types),
                types=[made for name, made in value_types.items() if name != "interface"],
            ),
            ObjectField(on=type_name, name="custom_field_value", field=_value_field(type_name, value_types)),
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


def _has_value(type_name: str) -> Any:
    return lambda alias: (
        f"EXISTS (SELECT FROM custom_fields_value AS v WHERE v.firm = {alias}.firm AND v.parent_type = '{type_name}'"
        f" AND v.parent_clio_id = {alias}.clio_id AND v.custom_field_clio_id = owner.number AND v.text IS NOT NULL)"
    )


def _values_field(type_name: str, value_types: Mapping[str, type[Any]]) -> Any:
    interface = value_types["interface"]

    async def resolve(root: Any, info: Info) -> Any:
        loader = info.context.readers.loader((load_values, place_of(info.path)[1:]), load_values)
        rows = await loader.load((root.firm, type_name, int(root.clio_id)))
        return [_make(value_types, row) for row in rows]

    answer: Any = list[interface]  # type: ignore[valid-type]  # a class made at run time
    resolve.__annotations__ = {"root": Any, "info": strawberry.Info, "return": answer}
    return strawberry.field(resolver=resolve, description="The values of its custom fields, in Clio's order.")


def _value_field(type_name: str, value_types: Mapping[str, type[Any]]) -> Any:
    async def resolve(
        root: Any,
        info: Info,
        definition: Annotated[strawberry.ID, strawberry.argument(description="Clio's id of the definition.")],
    ) -> Any:
        loader = info.context.readers.loader((load_values, place_of(info.path)[1:]), load_values)
        wanted = read_number(definition, name="definition")
        rows = await loader.load((root.firm, type_name, int(root.clio_id)))
        return next((_make(value_types, row) for row in rows if row["custom_field_clio_id"] == wanted), None)

    resolve.__annotations__ |= {"root": Any, "info": strawberry.Info, "return": value_types["interface"] | None}
    return strawberry.field(
        resolver=resolve, description="Its value of one custom field; null where the record does not show the field."
    )


def _make(value_types: Mapping[str, type[Any]], row: Record) -> Any:
    known = row["field_type"] in KINDS
    made = object.__new__(value_types[row["field_type"] if known else "other"])
    vars(made).update(row.items())
    return made


def _value_types(graph: Graph, definition: Entity) -> dict[str, type[Any]]:
    """Return the interface and the object types of values for one schema, by type of field."""
    interface = _interface(definition)
    made = {"interface": interface}
    for field_type, (name, column, description) in {**KINDS, "other": OTHER}.items():
        annotations: dict[str, Any] = {}
        fields: dict[str, Any] = {}
        if column == "reference":
            fields = _reference_fields(graph, definition, field_type)
        elif column != "text":
            annotations[column] = _PYTHON[column] | None
            fields[column] = strawberry.field(
                description=f"{description} Null where there is none, or where Clio's text is no such value."
            )
        namespace = {"__doc__": description, "__module__": __name__, "__annotations__": annotations, **fields}
        cls = type(f"CustomField{name}Value", (interface,), namespace)
        made[field_type] = strawberry.type(cls, description=description)
    return made


_PYTHON: Mapping[str, Any] = {"number": Decimal, "date": datetime.date, "time": datetime.time, "checked": bool}


def _interface(definition: Entity) -> type[Any]:
    async def defined(root: Any, info: Info) -> Any:
        number = root.custom_field_clio_id
        return None if number is None else await _definition_of(definition, root, info)

    async def text(root: Any, info: Info) -> str | None:
        option = await _option(definition, root, info) if root.field_type == "picklist" else None
        said: str | None = option["option"] if option else root.text
        return said

    defined.__annotations__["return"] = definition.type | None
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
        "custom_field": (None, strawberry.field(resolver=defined, description="The definition, once it has arrived.")),
        "text": (None, strawberry.field(resolver=text, description=described)),
    }
    namespace = {"__doc__": "A value.", "__module__": __name__, **{name: field for name, (_, field) in fields.items()}}
    cls = type("CustomFieldValue", (Value,), namespace)
    cls.__annotations__ = {name: annotation for name, (annotation, _) in fields.items() if annotation is not None}
    return strawberry.interface(cls, description="The value of a custom field on one record.")


async def _definition_of(definition: Entity, root: Any, info: Info) -> Any:
    """Return a value's definition; its fields share what they read."""
    readers, place = info.context.readers, place_of(info.path)[1:]
    return await definition.find(readers, root.firm, root.custom_field_clio_id, place=place)


async def _option(definition: Entity, root: Any, info: Info) -> Mapping[str, Any] | None:
    """Return the choice that a picklist value points to, removed ones included; None until the definition arrived."""
    if root.reference is None or root.custom_field_clio_id is None:
        return None
    found = await _definition_of(definition, root, info)
    options: Sequence[Mapping[str, Any]] = (found.picklist_options if found else None) or ()
    return next((option for option in options if option["id"] == str(root.reference)), None)


def _reference_fields(graph: Graph, definition: Entity, field_type: str) -> dict[str, Any]:
    """Return the fields of a value that points to something: its id, and the thing itself."""

    def number(root: Any) -> strawberry.ID | None:
        return None if root.reference is None else strawberry.ID(str(root.reference))

    if field_type == "picklist":

        async def option(root: Any, info: Info) -> PicklistOption | None:
            return await _option(definition, root, info)  # type: ignore[return-value]  # a dict is read as the type

        return {
            "option_id": strawberry.field(resolver=number, description="Clio's id of the choice."),
            "option": strawberry.field(resolver=option, description="The choice, removed ones included."),
        }
    target = graph.entities.get(field_type.capitalize())
    fields = {f"{field_type}_clio_id": strawberry.field(resolver=number, description=f"Clio's id of the {field_type}.")}
    if target is not None:

        async def referred(root: Any, info: Info) -> Any:
            found = root.reference
            readers, place = info.context.readers, place_of(info.path)
            return None if found is None else await target.find(readers, root.firm, found, place=place)

        referred.__annotations__["return"] = target.type | None
        fields[field_type] = strawberry.field(
            resolver=referred, description=f"The {field_type}. Null until its record has arrived."
        )
    return fields
