"""Records as Clio might send them, made from the payload model of a resource."""

import contextlib
import datetime
import enum
import hashlib
import re
import types
import typing
from decimal import Decimal
from typing import Any

from hypothesis import Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel, ValidationError

from core.payload import ClioPayload
from core.resource import Resource, sql_type

ZONES = [datetime.timezone(datetime.timedelta(hours=hours)) for hours in (-12, -8, -3.5, 0, 5.75, 14)]
HUGE = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(200))
"""Text of 12800 characters that hardly compresses: more than an index over plain text takes."""

ODD = ["", " ", "\0", "a\0b", "null", "NaN", "\u202e", "e\u0301\u20ac\U0001f469\u200d\u2696\ufe0f", "\"\\'{}[]%_", HUGE]

TEXT = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
INSTANTS = st.tuples(st.floats(-1e9, 7e9), st.sampled_from(ZONES)).map(
    lambda drawn: datetime.datetime.fromtimestamp(drawn[0], tz=drawn[1]).isoformat()
)
BIG = 2**63 - 1
SEARCH = settings(max_examples=300, database=None, phases=[Phase.generate])

SIMPLE: dict[type[Any], SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    float: st.floats(-1e9, 1e9, allow_nan=False),
    datetime.datetime: INSTANTS,
    datetime.date: st.dates(datetime.date(1000, 1, 1)).map(datetime.date.isoformat),
    datetime.time: st.times().map(datetime.time.isoformat),
}


def records_of(resource: Resource) -> SearchStrategy[dict[str, Any]]:
    """Return records within what the payload model says, without `id` and `updated_at`.

    Any field may be missing or null, words of enumerations are any text, and there are fields that nobody knows. Half
    of the records have every field, so that a few dozen meet whatever one value of one field does.
    """
    fields, unknown = _fields(resource), {"a_field_of_tomorrow": TEXT}
    sparse = {name: st.none() | values for name, values in fields.items()}
    return st.one_of(
        st.fixed_dictionaries(fields, optional=unknown), st.fixed_dictionaries({}, optional=sparse | unknown)
    )


def _fields(resource: Resource) -> dict[str, SearchStrategy[Any]]:
    return {
        field.alias or name: _values(field.annotation, _column_type(resource, name))
        for name, field in resource.endpoint.payload.model_fields.items()
        if name not in {"id", "updated_at"}
    }


def reaches(resource: Resource, field: str) -> bool:
    """Whether some value of a field, as Clio sends it, shows in the row or in a record that comes inside."""

    def kept(record: dict[str, Any]) -> Any:
        payload = resource.endpoint.payload.model_validate({**record, "id": 1})
        return [payload.to_row(), *(list(embedded.take(payload)) for embedded in resource.embeds)]

    def shows(value: Any) -> bool:
        with contextlib.suppress(ValidationError):
            return bool(kept({field: value}) != nothing)
        return False

    nothing = kept({})
    try:
        find(
            _fields(resource)[field], shows, settings=settings(max_examples=300, database=None, phases=[Phase.generate])
        )
    except NoSuchExample:
        return False
    return True


def filling(payload: type[ClioPayload], column: str, value: Any) -> dict[str, Any] | None:
    """Return the one field, as Clio sends it, that puts a value into a column: plain, or as an association."""
    ways = [value, [{"id": each} for each in value]] if isinstance(value, list) else [value, {"id": value}]
    for name, field in payload.model_fields.items():
        for way in ways:
            record = {field.alias or name: way}
            try:
                row = payload.model_validate({**record, "id": 1}).to_row()
            except ValidationError:
                continue
            if name != "id" and row.get(column) == value:
                return record
    return None


def _column_type(resource: Resource, field: str) -> str:
    column = resource.own_columns.get(field)
    return "" if column is None else sql_type(column)


def _values(annotation: Any, column: str) -> SearchStrategy[Any]:
    """Return values for an annotation; `column` is the PostgreSQL type they go into, empty where that is not known."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {typing.Union, types.UnionType}:
        return st.one_of(*(_values(each, column) for each in inner))
    if origin is typing.Annotated:
        return _values(inner[0], column)
    if origin in {list, tuple}:
        return st.lists(_values(inner[0], ""), max_size=3)
    if origin is typing.Literal or (isinstance(annotation, type) and issubclass(annotation, enum.Enum)):
        return TEXT
    if annotation is types.NoneType:
        return st.none()
    if annotation is int:
        return st.integers(-(2**31), 2**31 - 1) if column in {"integer", "smallint"} else st.integers(-BIG, BIG)
    if annotation is Decimal:
        return _decimals(column)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _objects(annotation)
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    return st.dictionaries(st.sampled_from(["a", "b"]), TEXT, max_size=2) if origin is dict else st.none()


def _objects(model: type[BaseModel]) -> SearchStrategy[dict[str, Any]]:
    fields = {
        field.alias or name: st.none() | _values(field.annotation, "") if name != "id" else st.integers(1, BIG)
        for name, field in model.model_fields.items()
    }
    return st.fixed_dictionaries({}, optional=fields)


def _decimals(column: str) -> SearchStrategy[Any]:
    """Return numbers that a column holds exactly, some as JSON numbers and some as text."""
    digits = re.search(r"\((\d+), ?(\d+)\)", column)
    whole, places = (int(digits[1]) - int(digits[2]), int(digits[2])) if digits else (9, 4)
    most = Decimal(10) ** whole - Decimal(10) ** -places
    return st.decimals(-most, most, places=places).flatmap(
        lambda number: st.sampled_from([str(number), *([float(number)] if _is_float(number) else [])])
    )


def _is_float(number: Decimal) -> bool:
    return Decimal(str(float(number))) == number
