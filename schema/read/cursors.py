"""Cursors: base64url of `[version, fingerprint, [position]]`. Opaque to clients, and good for one list in one order."""

import base64
import binascii
import datetime
import functools
import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal, DecimalException
from typing import Any

from core.errors import BadInput
from schema.read.listing import Kind
from schema.read.order import Order, order_text
from schema.read.parameters import checked

VERSION = 1


CURSOR = "_cursor"
"""The column of a page that holds each row's cursor."""


@functools.lru_cache(maxsize=1024)
def fingerprint(list_name: str, order: Order) -> str:
    """Return what tells one list in one order from any other: `Contact` or `Contact.matters`, and the order."""
    return hashlib.sha256(f"{list_name}|{order_text(order)}".encode()).hexdigest()[:12]


def cursor_sql(list_name: str, order: Order, alias: str, *, computed: bool = True) -> str:
    """Return the cursor of a row in SQL; `computed` false is for an alias that has computed columns as columns."""
    names = (
        (term.column.sql(alias) if computed else f"{alias}.{term.column.name}", term.column.kind) for term in order
    )
    position = ", ".join(f"{name}::text" if kind is Kind.DECIMAL else name for name, kind in names)
    text = f"json_build_array({VERSION}, '{fingerprint(list_name, order)}', json_build_array({position}))::text"
    return _base64url_sql(text)


def cursor_text(list_name: str, order: Order, position: Sequence[Any]) -> str:
    """Return the cursor of a position of whole numbers, as `cursor_sql` writes it."""
    text = json.dumps([VERSION, fingerprint(list_name, order), list(position)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(list_name: str, order: Order, text: str, *, name: str) -> tuple[Any, ...]:
    """Return the position a cursor holds.

    Raises:
        BadInput: it is not a cursor, or one of another list or another order.
    """
    try:
        version, mark, position = json.loads(base64.b64decode(_pad(text), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"{name} is not a cursor: pass what pageInfo or an edge returned") from error
    if version != VERSION or mark != fingerprint(list_name, order):
        raise BadInput(f"{name} is a cursor of another list or another orderBy: start again without it")
    try:
        pairs = zip(order, position, strict=True)
        return tuple(_from_json(value, term.column.kind, nullable=term.column.nullable) for term, value in pairs)
    except (ValueError, TypeError, OverflowError, DecimalException, BadInput) as error:
        raise BadInput(f"{name} is not a cursor: pass what pageInfo or an edge returned") from error


def _from_json(value: Any, kind: Kind, *, nullable: bool) -> Any:
    if value is None and nullable:
        return None
    match kind, value:
        case Kind.INSTANT, str():
            return _instant(value)
        case Kind.DATE, str():
            return datetime.date.fromisoformat(value)
        case Kind.DECIMAL, str():
            return Decimal(value)
        case Kind.BOOL, bool():
            return value
        case Kind.FLOAT, float():
            return value
        case ((Kind.ID | Kind.QUANTITY | Kind.INT), int()) if type(value) is int:
            return checked(value, kind)
        case ((Kind.TEXT | Kind.PRESENCE), str()):
            return checked(value, kind)
        case _:
            raise ValueError("not a value of the column")


def _instant(text: str) -> datetime.datetime:
    value = datetime.datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("an instant without a zone")
    return value.astimezone(datetime.UTC)


def _base64url_sql(text: str) -> str:
    """Return SQL for the base64url form, without padding, of SQL that is text; encode() breaks lines, which go, too."""
    return f"translate(encode(convert_to({text}, 'UTF8'), 'base64'), E'+/=\\n', '-_')"


def _pad(text: str) -> bytes:
    """Return base64url text with its padding, as bytes; what is not ASCII becomes `?`, which no alphabet has."""
    data = text.rstrip("=").encode("ascii", "replace")
    return data + b"=" * (-len(data) % 4)
