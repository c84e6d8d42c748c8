"""Conditions on custom field values, and orders by them, each addressed by the definition's Clio id."""

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from typing import Any

import strawberry

from core.errors import BadInput
from schema.extensions import ListColumn, ListCondition, ListOrder
from schema.filters import COMPARED, EQUAL, LISTS, NULL, PYTHON_NAMES, TEXTUAL, make_input
from schema.global_ids import read_number
from schema.read.listing import Kind
from schema.read.parameters import Parameters
from schema.scalars import AnyScalar

COMPARISONS = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
TYPED = ("number", "date", "time", "checked", "reference")
"""Columns of a value that is more than text."""

MOST_VALUES = 1000


def _fields() -> dict[str, tuple[Any, Any]]:
    fields: dict[str, tuple[Any, Any]] = {
        "definition": (strawberry.ID, strawberry.field(description="Clio's id of the definition."))
    }
    for operator, described in (EQUAL | COMPARED | TEXTUAL | NULL).items():
        annotation: Any = AnyScalar
        if operator in LISTS:
            annotation = list[AnyScalar]
        elif operator in TEXTUAL:
            annotation = str
        elif operator in NULL:
            annotation = bool
        name = PYTHON_NAMES.get(operator, operator)
        fields[name] = (
            annotation | None,
            strawberry.field(default=strawberry.UNSET, description=described, name=operator),
        )
    return fields


CustomFieldCondition = make_input(
    "CustomFieldCondition",
    "Conditions on the value of one custom field; all given must hold. A number is compared with numbers and ids, true "
    "and false with checkboxes, text with text and, where it reads as one, with a date, a time of day, a number or an "
    "id; a picklist is compared by the id of its option.",
    _fields(),
)
"""`{definition: "9120340", gte: 100}`."""


def condition(type_name: str) -> ListCondition:
    """Return the condition `customField` for lists of a type."""
    return ListCondition(
        on=type_name,
        name="custom_field",
        input=CustomFieldCondition,
        description="Conditions on the value of one custom field; use `and` for several fields.",
        read=_read,
        predicate=lambda alias, given, parameters: _predicate(type_name, alias, given, parameters),
    )


def order(type_name: str) -> ListOrder:
    """Return the order `customField` for lists of a type: by number where values are numbers, else by what they say."""
    return ListOrder(
        on=type_name,
        name="custom_field",
        input=strawberry.ID,
        description="The value of a custom field, by Clio's id of its definition; picklists by the name of the choice.",
        columns=lambda definition: _columns(type_name, read_number(definition, name="orderBy.customField")),
    )


def _read(given: Any) -> dict[str, Any]:
    operators = {PYTHON_NAMES.get(name, name): name for name in (*EQUAL, *COMPARED, *TEXTUAL, *NULL)}
    found: dict[str, Any] = {"definition": read_number(given.definition, name="filter.customField.definition")}
    for attribute, value in vars(given).items():
        if attribute == "definition" or value is strawberry.UNSET:
            continue
        if value is None:
            raise BadInput(f"filter: {operators[attribute]} of customField is null: leave it out, or use isNull")
        found[operators[attribute]] = value
    if len(found) == 1:
        raise BadInput("filter: customField names a definition and no condition: add one, such as isNull: false")
    return found


def _predicate(type_name: str, alias: str, given: Mapping[str, Any], parameters: Parameters) -> str:
    row = f"{alias}_value"
    definition = parameters.add_one(given["definition"], Kind.ID)

    def some(holds: str) -> str:
        return (
            f"EXISTS (SELECT FROM custom_fields_value AS {row} WHERE {row}.firm = {alias}.firm"
            f" AND {row}.parent_type = '{type_name}' AND {row}.parent_clio_id = {alias}.clio_id"
            f" AND {row}.custom_field_clio_id = {definition} AND {holds})"
        )

    conditions = [(operator, value) for operator, value in given.items() if operator != "definition"]
    parts = [_part(operator, value, row, some, parameters) for operator, value in conditions]
    return " AND ".join(f"({part})" for part in parts)


def _part(operator: str, value: Any, row: str, some: Callable[[str], str], parameters: Parameters) -> str:
    match operator:
        case "isNull":
            return f"{'NOT ' if value else ''}{some(f'{row}.text IS NOT NULL')}"
        case "ne":
            return f"NOT {some(_compared(row, '=', value, parameters))}"
        case "in" | "notIn":
            if len(value) > MOST_VALUES:
                raise BadInput(f"a list in a filter of customField holds at most {MOST_VALUES} values")
            any_of = " OR ".join(_compared(row, "=", each, parameters) for each in value) or "false"
            return f"{'NOT ' if operator == 'notIn' else ''}{some(f'({any_of})')}"
        case "contains":
            return some(f"strpos({row}.text, {parameters.add_one(value, Kind.TEXT)}) > 0")
        case "startsWith":
            return some(f"starts_with({row}.text, {parameters.add_one(value, Kind.TEXT)})")
        case _:
            return some(_compared(row, COMPARISONS[operator], value, parameters))


def _compared(row: str, sign: str, value: Any, parameters: Parameters) -> str:
    """Return the comparison with every kind of value that a literal can be; a value has one kind, so one can hold."""
    parts = [f"{row}.{column} {sign} {parameters.add(typed, cast)}" for column, cast, typed in _readings(value)]
    if isinstance(value, str):
        text = parameters.add_one(value, Kind.TEXT)
        untyped = " AND ".join(f"{row}.{column} IS NULL" for column in TYPED)
        parts.append(f"({row}.text {sign} {text} AND {untyped})")
    return f"({' OR '.join(parts)})" if parts else "false"


def _readings(value: Any) -> list[tuple[str, str, Any]]:
    """Return what a literal can be compared with: column, cast, and the literal in that type."""
    if isinstance(value, bool):
        return [("checked", "boolean", value)]
    readers: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
        ("number", "numeric", _decimal),
        ("reference", "bigint", _id),
        ("date", "date", datetime.date.fromisoformat),
        ("time", "time", datetime.time.fromisoformat),
        ("checked", "boolean", {"true": True, "false": False}.__getitem__),
    )
    found = []
    for column, cast, read in readers[:2] if not isinstance(value, str) else readers:
        try:
            found.append((column, cast, read(str(value))))
        except (ValueError, KeyError, DecimalException):
            continue
    return found


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) >= 1000:
        raise ValueError(text)
    return number


def _id(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError(text)
    return number


def _columns(type_name: str, definition: int) -> list[ListColumn]:
    """Return the two computed columns of an order: the number, then what else the value says."""
    option = (
        "(SELECT option.value ->> 'option' FROM custom_fields_custom_field AS d,"
        " jsonb_array_elements(d.picklist_options) AS option WHERE d.firm = v.firm"
        " AND d.clio_id = v.custom_field_clio_id AND option.value ->> 'id' = v.reference::text LIMIT 1)"
    )
    said = f"CASE WHEN v.number IS NULL THEN coalesce({option}, v.date::text, v.time::text, v.text) END"

    def computed(name: str, kind: Kind, what: str) -> ListColumn:
        return ListColumn(
            name=f"custom_field_{definition}_{name}",
            kind=kind,
            nullable=True,
            expression=lambda alias: (
                f"(SELECT {what} FROM custom_fields_value AS v WHERE v.firm = {alias}.firm"
                f" AND v.parent_type = '{type_name}' AND v.parent_clio_id = {alias}.clio_id"
                f" AND v.custom_field_clio_id = {definition} ORDER BY v.place LIMIT 1)"
            ),
        )

    return [computed("number", Kind.DECIMAL, "v.number"), computed("text", Kind.TEXT, said)]
