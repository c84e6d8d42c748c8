"""Filter inputs: one reusable input per kind of column, one input per type, and their values as plain data."""

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from schema.global_ids import read_number
from schema.read.listing import Kind, Listing
from schema.scalars import BigInt
from schema.types.mirrored import Presence

EQUAL = {"eq": "Equal.", "ne": "Not equal; null counts as not equal.", "in": "One of these.", "notIn": "None of these."}
COMPARED = {"lt": "Less.", "lte": "Less or equal.", "gt": "Greater.", "gte": "Greater or equal."}
TEXTUAL = {"contains": "Holds this text, upper and lower case told apart.", "startsWith": "Begins with this text."}
NULL = {"isNull": "Whether there is no value."}
LISTS = frozenset({"in", "notIn"})

PYTHON_NAMES = {"in": "in_", "notIn": "not_in", "isNull": "is_null", "startsWith": "starts_with"}
LOGIC = {"and_": "and", "or_": "or", "not_": "not"}


def _optional(annotation: Any, description: str, name: str | None = None) -> tuple[Any, Any]:
    return annotation | None, strawberry.field(default=strawberry.UNSET, description=description, name=name)


def make_input(name: str, description: str, fields: Mapping[str, tuple[Any, Any]]) -> type[Any]:
    """Return an input class with the given fields: Python name -> annotation, strawberry field."""
    made = type(name, (), {"__doc__": description, "__module__": __name__})
    fill_input(made, description, fields)
    return made


def fill_input(made: type[Any], description: str, fields: Mapping[str, tuple[Any, Any]]) -> None:
    """Give an empty class its fields and make it an input; the fields may name the class itself."""
    made.__annotations__ = {name: annotation for name, (annotation, _) in fields.items()}
    for name, (_, field) in fields.items():
        setattr(made, name, field)
    strawberry.input(made, description=description)


def _kind_input(name: str, value: Any, what: str, operators: Mapping[str, str]) -> type[Any]:
    fields = {}
    for operator, description in operators.items():
        annotation = bool if operator == "isNull" else list[value] if operator in LISTS else value
        fields[PYTHON_NAMES.get(operator, operator)] = _optional(annotation, description, operator)
    return make_input(name, f"Conditions on {what}; all given must hold.", fields)


KIND_INPUTS: Mapping[Kind, type[Any]] = {
    Kind.TEXT: _kind_input("StringFilter", str, "text", EQUAL | COMPARED | TEXTUAL | NULL),
    Kind.ID: _kind_input("IDFilter", strawberry.ID, "a number that names a record", EQUAL | COMPARED | NULL),
    Kind.QUANTITY: _kind_input("BigIntFilter", BigInt, "a whole number", EQUAL | COMPARED | NULL),
    Kind.INT: _kind_input("IntFilter", int, "a whole number", EQUAL | COMPARED | NULL),
    Kind.FLOAT: _kind_input("FloatFilter", float, "a number", EQUAL | COMPARED | NULL),
    Kind.DECIMAL: _kind_input("DecimalFilter", Decimal, "a decimal number", EQUAL | COMPARED | NULL),
    Kind.DATE: _kind_input("DateFilter", datetime.date, "a day", EQUAL | COMPARED | NULL),
    Kind.INSTANT: _kind_input("DateTimeFilter", datetime.datetime, "an instant", EQUAL | COMPARED | NULL),
    Kind.BOOL: _kind_input("BooleanFilter", bool, "yes or no", {"eq": EQUAL["eq"], "ne": EQUAL["ne"]} | NULL),
    Kind.PRESENCE: _kind_input("PresenceFilter", Presence, "presence", EQUAL),
    Kind.TEXTS: _kind_input("StringListFilter", str, "a list of text", {"contains": "Has this item."} | NULL),
}
"""The input for each kind of column; shared by every schema of the process."""


class FilterInputs:
    """The filter inputs of one schema, one per type and one per type seen through an edge.

    `descriptions` are those of the fields, by type and Python name.
    """

    def __init__(self, descriptions: Mapping[str, Mapping[str, str]]) -> None:
        self._descriptions = descriptions
        self._made: dict[tuple[str, bool], type[Any]] = {}

    def of(self, listing: Listing, *, columns: Iterable[str] | None = None) -> type[Any]:
        """Return the filter input of a listing, through its edges as well; `columns` names fewer than all."""
        return self._input(listing, columns, edges=True)

    def _input(self, listing: Listing, columns: Iterable[str] | None, *, edges: bool) -> type[Any]:
        known = (listing.type_name, edges)
        if known in self._made:
            return self._made[known]
        name = f"{listing.type_name}{'Filter' if edges else 'FieldsFilter'}"
        made = self._made[known] = type(name, (), {"__doc__": name, "__module__": __name__})
        descriptions = self._descriptions[listing.type_name]
        fields = {
            column: _optional(KIND_INPUTS[listing.columns[column].kind], descriptions.get(column) or _named(column))
            for column in (listing.filterable if columns is None else columns)
        }
        for edge in listing.edges.values() if edges else ():
            inner = self._input(edge.target, None, edges=False)
            fields[edge.name] = _optional(inner, f"Conditions on {_words(edge.name)}, which must be there.")
        for condition in listing.conditions.values():
            fields[condition.name] = _optional(condition.input, condition.description)
        fields["and_"] = _optional(list[made], "All of these hold.", "and")  # type: ignore[valid-type]
        fields["or_"] = _optional(list[made], "One of these holds.", "or")  # type: ignore[valid-type]
        fields["not_"] = _optional(made, "This does not hold.", "not")
        fill_input(made, _purpose(listing, edges=edges), fields)
        return made


def _purpose(listing: Listing, *, edges: bool) -> str:
    text = f"Conditions on a {listing.type_name}{'' if edges else ' at the other end of an edge'}; all given must hold."
    if listing.has_presence and edges:
        text += " Records that are not present are left out unless the filter speaks of presence."
    return text


def _words(name: str) -> str:
    return "the " + name.replace("_", " ")


def _named(column: str) -> str:
    words = column.removesuffix("_clio_id").replace("_", " ")
    return f"Clio's id of the {words}." if column.endswith("_clio_id") else f"The {words}."


def plain(listing: Listing, where: Any) -> dict[str, Any]:
    """Return a filter input as plain data for `schema.read.predicates`; what was not given is left out.

    Raises:
        BadInput: an id is not a number.
    """
    found: dict[str, Any] = {}
    for attribute, value in vars(where).items():
        if value is strawberry.UNSET:
            continue
        name = LOGIC.get(attribute, attribute)
        if value is None:
            found[name] = None
        elif name in {"and", "or"}:
            found[name] = [plain(listing, each) for each in value]
        elif name == "not":
            found[name] = plain(listing, value)
        elif name in listing.edges:
            found[name] = plain(listing.edges[name].target, value)
        elif name in listing.conditions:
            found[name] = listing.conditions[name].read(value)
        else:
            found[name] = _plain_column(name, listing.columns[name].kind, value)
    return found


def _plain_column(name: str, kind: Kind, conditions: Any) -> dict[str, Any]:
    operators = {PYTHON_NAMES.get(operator, operator): operator for operator in (*EQUAL, *COMPARED, *TEXTUAL, *NULL)}
    return {
        operators[attribute]: [_plain_value(name, kind, each) for each in value]
        if isinstance(value, list)
        else _plain_value(name, kind, value)
        for attribute, value in vars(conditions).items()
        if value is not strawberry.UNSET
    }


def _plain_value(name: str, kind: Kind, value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if kind is Kind.ID and isinstance(value, str):
        return read_number(value, name=f"filter.{to_camel_case(name)}")
    return value
