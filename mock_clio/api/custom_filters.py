"""The list parameter `custom_field_values[<id>]`: an operator glued to a value, compared as the definition's type."""

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from mock_clio.records.custom_values import comparable
from mock_clio.store.rows import Row
from mock_clio.wire.errors import bad_argument

Test = Callable[[Row], bool]
VALUES = re.compile(r"custom_field_values\[(\d{1,19})\](?:\[\])?")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_GLUED = re.compile(r"\s*(>=|<=|>|<|=)\s*(.*)", re.DOTALL)
_ORDERED = frozenset({"currency", "date", "time", "numeric"})


def value_test(definition: Row | None, parent_type: str, texts: list[str]) -> Test:
    """Whether a record has a value that meets every condition; no record does for an unknown or foreign definition.

    Raises:
        ApiError: 400 for an operator that the type lacks, a missing one where it has several, or an unreadable value.
    """
    if definition is None or definition["parent_type"] != parent_type:
        return lambda _row: False
    field_id, field_type = definition["id"], definition["field_type"]
    conditions = [_condition(field_type, part) for text in texts for part in _parts(text)]

    def test(row: Row) -> bool:
        for value in row["custom_field_values"]:
            if value["custom_field_id"] == field_id and value["value"] is not None:
                held = _key(field_type, value["value"])
                return all(compare(held, bound) for compare, bound in conditions)
        return False

    return test


def _parts(text: str) -> list[str]:
    """Several conditions come as a list in brackets."""
    whole = text.strip()
    return whole[1:-1].split(",") if whole.startswith("[") and whole.endswith("]") else [text]


def _condition(field_type: str, text: str) -> tuple[Callable[[Any, Any], bool], Any]:
    found = _GLUED.fullmatch(text)
    sign, operand = (found[1], found[2]) if found else ("", text)
    if sign not in ({*OPERATORS} if field_type in _ORDERED else {"", "="}):
        raise bad_argument(f"'{text}' has no operator that custom fields of type {field_type} support")
    read = comparable(field_type, operand)
    if read is None:
        raise bad_argument(f"'{operand}' is not a valid {field_type}")
    return OPERATORS[sign or "="], _key(field_type, read)


def _key(field_type: str, text: str) -> object:
    """A stored value as what it is ordered by; days and times are in the order of their text."""
    return Decimal(text) if field_type in {"numeric", "currency"} else text
