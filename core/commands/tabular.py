"""Rows as a table of text, as the commands print them."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any


def as_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the columns of the rows below their names; null is `-`, and an instant has whole seconds."""
    lines = [tuple(columns), *(tuple(_cell(row[name]) for name in columns) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cell(value: object) -> str:
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="seconds")
    return "-" if value is None else str(value)
