"""Checking and taking the parts of a write: scalars, references, and lists of child rows."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from mock_clio.store.rows import Row, Store
from mock_clio.tables.declare import Kind
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import not_found, unprocessable

_INTEGER = re.compile(r"-?\d{1,9}")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}
MAX_CHILDREN = 20
"""E-mail addresses, phone numbers or addresses that one contact can have, since API 4.0.13."""


def scalar(name: str, kind: Kind, value: object) -> object:
    """One value in its type; null clears a field.

    Raises:
        ApiError: 422 when it does not fit.
    """
    if value is None:
        return None
    if kind is Kind.BOOL:
        truth = value if isinstance(value, bool) else _TRUTH.get(str(value).lower())
        if truth is None:
            raise unprocessable(f"'{value}' is not a valid {name}")
        return truth
    if isinstance(value, (dict, list, bool)):
        raise unprocessable(f"'{name}' has the wrong type")
    if kind is Kind.DATE:
        return _day(name, str(value))
    if kind is Kind.I32:
        if not _INTEGER.fullmatch(str(value)):
            raise unprocessable(f"'{value}' is not a valid {name}")
        return int(str(value))
    if kind is Kind.F64:
        number = decimal_of(str(value))
        if number is None and value != "":
            raise unprocessable(f"'{value}' is not a valid {name}")
        return float(number) if number is not None else None
    return str(value)


def decimal_of(text: str) -> Decimal | None:
    """A finite number as written; None where the text is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _day(name: str, text: str) -> str | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise unprocessable(f"'{text}' is not a valid {name}") from None


def assign(draft: Row, data: Data, writable: Mapping[str, Kind]) -> None:
    """Take every writable scalar that the body names; anything else in it is ignored."""
    for name, kind in writable.items():
        if name in data:
            draft[name] = scalar(name, kind, data[name])


def refer(store: Store, draft: Row, data: Data, name: str, schema: str, *, nullable: bool = True) -> None:
    """Take a reference, `{"<name>": {"id": 1}}`; a null id, or null itself, clears it where that is allowed.

    Raises:
        ApiError: 404 for an id that does not exist, 422 for null where a record is needed.
    """
    if name not in data:
        return
    record_id = identify(name, data[name])
    if record_id is None:
        if not nullable:
            raise unprocessable(f"'{name}' can not be null")
    elif store[schema].get(record_id) is None:
        raise not_found()
    draft[f"{name}_id"] = record_id


def identify(name: str, given: object) -> int | None:
    """The id in a reference, `{"id": 1}`; None for a null id or null itself.

    Raises:
        ApiError: 422 where it is no reference.
    """
    raw = given.get("id") if isinstance(given, dict) else given
    if isinstance(given, (list, str, int)) or isinstance(raw, (dict, list, bool)):
        raise unprocessable(f"'{name}' must be an object with an id")
    if raw is None or raw in {"", "null"}:
        return None
    text = str(raw)
    if not text.isdigit():
        raise unprocessable(f"'{text}' is not a valid {name}")
    return int(text)


def operations(data: Data, name: str) -> list[Data]:
    """The operations that a body asks of a list of child rows; empty where it names none.

    Raises:
        ApiError: 422 where they are no list of objects.
    """
    given = data.get(name)
    if given is None:
        return []
    if isinstance(given, dict):
        given = list(given.values())
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise unprocessable(f"'{name}' must be a list of objects")
    return given


def operate(
    rows: list[Row],
    item: Data,
    now: int,
    *,
    make: Callable[[], Row],
    take: Callable[[Row, Data], None],
    destroy: str | None = "_destroy",
) -> None:
    """Carry out one operation on child rows: no id makes a row, an id changes it, or takes it away with `destroy`.

    Raises:
        ApiError: 404 for the id of no row here, and whatever `take` raises.
    """
    if item.get("id") is None:
        row = make()
        take(row, item)
        rows.append(row)
        return
    found = next((row for row in rows if str(row["id"]) == str(item["id"])), None)
    if found is None:
        raise not_found()
    if destroy is not None and scalar(destroy, Kind.BOOL, item.get(destroy)):
        rows.remove(found)
        return
    before = dict(found)
    take(found, item)
    if found != before:
        found["updated_at"] = now


@dataclass(frozen=True, slots=True)
class ChildList:
    """A list of child rows inside a record, written as a set of operations."""

    name: str
    schema: str
    writable: Mapping[str, Kind]
    labels: tuple[str, ...]
    flag: str | None = None
    """Body key that makes a row the default one."""
    mark: str = "primary"
    """Field of the row that says it is the default one."""
    limit: int | None = None

    def apply(self, store: Store, draft: Row, data: Data, now: int) -> None:
        """Carry out the operations: no id creates, an id updates, an id with `_destroy` deletes, the rest stays.

        Raises:
            ApiError: 404 for the id of no row of this record, 422 for bad values or too many rows.
        """
        asked = operations(data, self.name)
        rows: list[Row] = draft[self.name]
        for item in asked:
            operate(
                rows,
                item,
                now,
                make=lambda: self.blank(store, now),
                take=lambda row, given: self._take(rows, row, given),
            )
        if self.limit is not None and len(rows) > self.limit:
            raise unprocessable(f"a contact can have at most {self.limit} {self.name.replace('_', ' ')}")
        self.settle(rows)

    def settle(self, rows: list[Row]) -> None:
        """See that exactly one row is the default, the first where none was chosen."""
        if self.flag is None or not rows:
            return
        chosen = next((row for row in rows if row[self.mark]), rows[0])
        for row in rows:
            row[self.mark] = row[self.flag] = row is chosen

    def blank(self, store: Store, now: int) -> Row:
        """A new row with an id and nothing else."""
        row: Row = {"id": store.next_id(self.schema), "name": "Other", "created_at": now, "updated_at": now}
        row.update(dict.fromkeys(self.writable))
        if self.flag is not None:
            row[self.mark] = row[self.flag] = False
        return row

    def _take(self, rows: list[Row], row: Row, item: Data) -> None:
        assign(row, item, self.writable)
        label: Any = item.get("name", row["name"])
        if label not in self.labels:
            raise unprocessable(f"'{label}' is not a valid name")
        row["name"] = label
        if self.flag is not None and scalar(self.flag, Kind.BOOL, item.get(self.flag)):
            for other in [*rows, row]:
                other[self.mark] = other[self.flag] = other is row
