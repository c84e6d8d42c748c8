"""Records of Clio against rows of the mirror."""

from collections.abc import Iterable
from typing import Any

import asyncpg
import msgspec

from core.mirror.lines import encode_records
from core.resource import ClioPayload, Resource, sql_type


def differences(resource: Resource, payload: ClioPayload, row: asyncpg.Record) -> list[str]:
    """Return where a row of the mirror is not what the payload says, one line for each column of `unlike`."""
    return [
        f"{name} is {found!r} where Clio has {expected!r}"[:400]
        for name, (found, expected) in unlike(resource, payload, row).items()
    ]


def unlike(resource: Resource, payload: ClioPayload, row: asyncpg.Record) -> dict[str, tuple[Any, Any]]:
    """Return the columns in which a row of the mirror is not what the payload says: what it holds, what it should.

    The row is to be present, or deleted where the record lies in the trash. Columns of JSON are compared as the JSON
    they are written as; everything else as Python has it. NUL, which PostgreSQL cannot hold, counts as U+FFFD.
    """
    written = msgspec.json.decode(encode_records(resource, [payload]))
    wanted = payload.to_row() | {
        "etag": payload.etag,
        "clio_created_at": payload.created_at,
        "clio_updated_at": payload.updated_at,
    }
    in_trash = resource.trash_column is not None and wanted[resource.trash_column] is not None
    wanted["presence"] = "deleted" if in_trash else "present"
    found = {}
    for name, value in wanted.items():
        expected = written.get(name) if sql_type(resource.columns[name]).startswith("json") else _plain(value)
        if row[name] != expected:
            found[name] = (row[name], expected)
    return found


def unlike_lines(lines: str, others: str) -> list[str]:
    """Return the columns in which records, a line of JSON each, have other values than the same records elsewhere."""
    pairs = zip(*(msgspec.json.Decoder().decode_lines(text) for text in (lines, others)), strict=True)
    return sorted({name for one, other in pairs for name in {**one, **other} if one.get(name) != other.get(name)})


def _plain(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value


def listed(problems: Iterable[object]) -> str:
    """Return problems one to a line, for a message."""
    return "".join(f"\n  {problem}" for problem in problems)
