"""A record as a line of JSON: what its row is made of and, where it is created, the image that its change keeps.

A line is what PostgreSQL's `to_jsonb` gives of the row, without nulls.
"""

import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from core.resource import ClioPayload, Nested, Resource, sql_type

LINE_END = "\n"


def encode_records(resource: Resource, payloads: Iterable[ClioPayload]) -> str:
    """Return each record's columns as a line of JSON, as PostgreSQL's `to_jsonb` has them; nulls are left out."""
    rows = [_row(payload) for payload in payloads]
    for name in instants_of(resource):
        told = [row for row in rows if name in row]
        for row, text in zip(told, instant_texts([row[name] for row in told]), strict=True):
            row[name] = text
    return encode_rows(rows)


def encode_rows(rows: Sequence[Any]) -> str:
    """Return rows as lines. NUL, which PostgreSQL cannot hold in text, becomes U+FFFD."""
    encoded = _ENCODER.encode_lines(rows)
    if b"\\u0000" in encoded:
        encoded = _ENCODER.encode_lines([_without_nul(row) for row in _DECODER.decode_lines(encoded)])
    return encoded.decode().removesuffix(LINE_END)


@lru_cache(maxsize=256)
def instants_of(resource: Resource) -> tuple[str, ...]:
    """Return the columns that hold instants."""
    return tuple(name for name, column in resource.columns.items() if sql_type(column) == "timestamptz")


def instant_texts(instants: Sequence[datetime.datetime]) -> list[str]:
    """Return instants as JSON has them, all at once: each by `isoformat` would take three times as long."""
    texts = msgspec.json.decode(msgspec.json.encode([_in_utc(instant) for instant in instants]))
    return [f"{_shortened(text[:-1])}+00:00" if text.endswith("Z") else text for text in texts]


def _row(payload: ClioPayload) -> dict[str, Any]:
    row = payload.to_row()
    row["etag"], row["clio_created_at"], row["clio_updated_at"] = payload.etag, payload.created_at, payload.updated_at
    return {name: value for name, value in row.items() if value is not None}


def _shortened(instant: str) -> str:
    return instant.rstrip("0") if "." in instant else instant


def _in_utc(value: datetime.datetime) -> datetime.datetime:
    try:
        return value.astimezone(datetime.UTC)
    except OverflowError:  # so close to year 1 or 9999 that its offset leads beyond: PostgreSQL takes it as it stands
        return value


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {name: _without_nul(item) for name, item in value.items()}
        case _:
            return value


def _encode(value: object) -> object:
    if isinstance(value, Nested):
        return value.to_json()
    raise TypeError(f"a row holds a {type(value).__name__}: to_row() must return plain values")


_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(enc_hook=_encode, decimal_format="number")
