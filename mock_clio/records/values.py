"""Checking and taking the parts of a write: scalars, references, and lists of child rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mock_clio.store.rows import Row, Store
from mock_clio.tables.declare import Kind
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import not_found, unprocessable

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
    return str(value)


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
    given = data[name]
    raw = given.get("id") if isinstance(given, dict) else given
    if isinstance(given, (list, str, int)) or isinstance(raw, (dict, list, bool)):
        raise unprocessable(f"'{name}' must be an object with an id")
    if raw is None or raw in {"", "null"}:
        if not nullable:
            raise unprocessable(f"'{name}' can not be null")
        draft[f"{name}_id"] = None
        return
    text = str(raw)
    if not text.isdigit():
        raise unprocessable(f"'{text}' is not a valid {name}")
    if store[schema].get(int(text)) is None:
        raise not_found()
    draft[f"{name}_id"] = int(text)


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
        operations = data.get(self.name)
        if operations is None:
            return
        if isinstance(operations, dict):
            operations = list(operations.values())
        if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
            raise unprocessable(f"'{self.name}' must be a list of objects")
        rows: list[Row] = draft[self.name]
        for item in operations:
            self._operate(store, rows, item, now)
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

    def _operate(self, store: Store, rows: list[Row], item: Data, now: int) -> None:
        if item.get("id") is None:
            row = self.blank(store, now)
            self._take(rows, row, item)
            rows.append(row)
            return
        row = next((row for row in rows if str(row["id"]) == str(item["id"])), {})
        if not row:
            raise not_found()
        if scalar("_destroy", Kind.BOOL, item.get("_destroy")):
            rows.remove(row)
            return
        before = dict(row)
        self._take(rows, row, item)
        if row != before:
            row["updated_at"] = now

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
