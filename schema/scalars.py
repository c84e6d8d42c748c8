"""Scalars as the API writes and reads them: decimals as text, instants with their zone."""

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

AnyScalar = NewType("AnyScalar", object)
"""Text, a number or a boolean, for conditions whose type is only known by what they are compared with."""

BigInt = NewType("BigInt", int)
"""A whole number beyond GraphQL's Int of 32 bits."""


_FRACTION = re.compile(r"(\.\d+)")


def _read_big_int(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise GraphQLError("a BigInt is a whole number")


def _read_scalar(value: object) -> object:
    if isinstance(value, str | int | float):
        return value
    raise GraphQLError("a Scalar is text, a number, true or false")


def _write_decimal(value: Decimal | str) -> str:
    """Write a decimal; text comes from a jsonb column, which keeps what the API writes (`core.payload.Nested`)."""
    return value if isinstance(value, str) else format(value, "f")


def _read_decimal(value: object) -> Decimal:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except DecimalException:
            number = Decimal("NaN")
        if number.is_finite() and abs(number.adjusted()) < 100:
            return number
    raise GraphQLError('a Decimal is a number written out, such as "1250.50"')


def _write_instant(value: datetime.datetime | str) -> str:
    return value if isinstance(value, str) else _shorten(value.astimezone(datetime.UTC).isoformat())


def _write_date(value: datetime.date | str) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _write_time(value: datetime.time | str) -> str:
    return value if isinstance(value, str) else _shorten(value.isoformat())


def _shorten(text: str) -> str:
    """Return ISO 8601 text without the zeros that end a fraction of a second: as PostgreSQL writes it in JSON."""
    return _FRACTION.sub(lambda found: found[1].rstrip("0"), text, count=1)


def _read_time(value: object) -> datetime.time:
    try:
        if isinstance(value, str):
            return datetime.time.fromisoformat(value)
    except ValueError as error:
        raise GraphQLError("a Time is a time of day in ISO 8601, such as 14:30:00") from error
    raise GraphQLError("a Time is a time of day in ISO 8601, such as 14:30:00")


def _read_instant(value: object) -> datetime.datetime:
    try:
        instant = datetime.datetime.fromisoformat(value) if isinstance(value, str) else None
        if instant is not None and instant.tzinfo is not None:
            return instant.astimezone(datetime.UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError("a DateTime is ISO 8601 with a zone, such as 2024-05-31T09:30:00Z") from error
    raise GraphQLError("a DateTime is ISO 8601 with a zone, such as 2024-05-31T09:30:00Z")


def _read_date(value: object) -> datetime.date:
    try:
        if isinstance(value, str):
            return datetime.date.fromisoformat(value)
    except ValueError as error:
        raise GraphQLError("a Date is a day in ISO 8601, such as 2024-05-31") from error
    raise GraphQLError("a Date is a day in ISO 8601, such as 2024-05-31")


SCALARS: Mapping[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description="A decimal number as text, so that no digit is lost; numbers are taken, too.",
        serialize=_write_decimal,
        parse_value=_read_decimal,
    ),
    AnyScalar: strawberry.scalar(
        name="Scalar",
        description="Text, a number, true or false.",
        serialize=lambda value: value,
        parse_value=_read_scalar,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number that may exceed 32 bits, as a JSON number.",
        serialize=int,
        parse_value=_read_big_int,
    ),
    datetime.datetime: strawberry.scalar(
        name="DateTime",
        description="An instant, ISO 8601 with a zone; answers are in UTC, as 2024-05-31T09:30:00+00:00.",
        serialize=_write_instant,
        parse_value=_read_instant,
    ),
    datetime.date: strawberry.scalar(
        name="Date",
        description="A day, ISO 8601, as 2024-05-31; not an instant.",
        serialize=_write_date,
        parse_value=_read_date,
    ),
    datetime.time: strawberry.scalar(
        name="Time",
        description="A time of day, ISO 8601, as 14:30:00; in no zone.",
        serialize=_write_time,
        parse_value=_read_time,
    ),
}
"""Python type -> scalar, for `StrawberryConfig.scalar_map`."""
