"""What writing custom field values means: the first value, a change, a clearing; and the value in its stored text."""

import re
from collections.abc import Callable, Mapping
from datetime import date

from mock_clio.records.values import decimal_of, identify, operate, operations, refer, scalar
from mock_clio.store.custom_values import unfilled_id
from mock_clio.store.rows import Row, Store
from mock_clio.switches import Switches
from mock_clio.tables.declare import Kind, Schema
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import not_found, unprocessable

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_TRUTH = {"true": "true", "false": "false", "1": "true", "0": "false"}


def fill(store: Store, switches: Switches, draft: Row, parent: Schema, data: Data, now: int, *, new: bool) -> None:
    """Apply a body's custom field values, and its custom field sets, to a contact or matter.

    A new record has no rows yet, whatever the switch for those never filled says.

    Raises:
        ApiError: 404 for an unknown definition, set or row; 422 for a second row of a definition, a definition that
            is deleted or for the other type of parent, or a value that does not fit.
    """
    materialised = not new and switches.unfilled_value_ids == "materialised"
    writes = _Writes(store, draft, parent.name, now, materialised=materialised)
    for item in operations(data, "custom_field_values"):
        writes.operate(item)
    for item in operations(data, "custom_field_set_associations"):
        operate(
            draft["custom_field_set_associations"],
            item,
            now,
            make=lambda: set_association(store, draft, now),
            take=lambda row, given: _associate(store, row, given, parent.name),
        )


class _Writes:
    """Operations on the values of one record."""

    def __init__(self, store: Store, draft: Row, parent_type: str, now: int, *, materialised: bool) -> None:
        self._store = store
        self._materialised = materialised
        self._draft = draft
        self._rows: list[Row] = draft["custom_field_values"]
        self._parent_type = parent_type
        self._now = now

    def operate(self, item: Data) -> None:
        if item.get("id") is None:
            self._add(item)
            return
        row_id = str(item["id"])
        row = next((row for row in self._rows if row["id"] == row_id), None)
        destroy = scalar("_destroy", Kind.BOOL, item.get("_destroy"))
        if row is not None and destroy:
            self._rows.remove(row)
        elif row is not None:
            self._change(row, item)
        else:
            definition = self._unfilled(row_id)
            if not destroy and "value" in item:
                self._append(definition, item["value"], row_id)

    def _add(self, item: Data) -> None:
        field_id = identify("custom_field", item.get("custom_field"))
        if field_id is None:
            raise unprocessable("'custom_field' is required")
        definition = self._store["CustomField"].get(field_id)
        if definition is None:
            raise not_found()
        if definition["parent_type"] != self._parent_type:
            raise unprocessable(f"custom field {field_id} is not one of a {self._parent_type}")
        there = any(row["custom_field_id"] == field_id for row in self._rows)
        if there or (self._materialised and definition["displayed"] and not definition["deleted"]):
            raise unprocessable(f"custom field value for custom field {field_id} already exists")
        if definition["deleted"]:
            raise unprocessable(f"custom field {field_id} is deleted")
        if "value" not in item:
            raise unprocessable("'value' is required")
        self._append(definition, item["value"], None)

    def _change(self, row: Row, item: Data) -> None:
        if "value" not in item:
            return
        text = stored(self._store, self._store["CustomField"].rows[row["custom_field_id"]], item["value"])
        if text != row["value"]:
            row.update(value=text, updated_at=self._now)

    def _unfilled(self, row_id: str) -> Row:
        """The definition whose row was never filled, and has this id."""
        if self._materialised:
            filled = {row["custom_field_id"] for row in self._rows}
            for definition in self._store["CustomField"]:
                shown = definition["parent_type"] == self._parent_type and definition["displayed"]
                free = shown and not definition["deleted"] and definition["id"] not in filled
                if free and unfilled_id(definition, self._draft) == row_id:
                    return definition
        raise not_found()

    def _append(self, definition: Row, given: object, row_id: str | None) -> None:
        text = stored(self._store, definition, given)
        self._rows.append(value_row(self._store, definition, text, self._now, row_id))


def value_row(store: Store, definition: Row, text: str | None, now: int, row_id: str | None = None) -> Row:
    """A row with a value; its id is the next of all values', whatever their type, unless it has one."""
    return {
        "id": row_id or f"{definition['field_type']}-{store.next_id('CustomFieldValue')}",
        "custom_field_id": definition["id"],
        "value": text,
        "created_at": now,
        "updated_at": now,
    }


def stored(store: Store, definition: Row, given: object) -> str | None:
    """A value as text in the one form in which it is kept; None for null and for empty text.

    Raises:
        ApiError: 422 where it does not fit the type of its definition.
    """
    if given is None or given == "":
        return None
    text = str(given).lower() if isinstance(given, bool) else str(given)
    field_type = definition["field_type"]
    read = _READERS.get(field_type, str)
    result = None if isinstance(given, (dict, list)) else read(text)
    if field_type in {"contact", "matter"} and result is not None:
        result = result if int(result) in store[field_type.capitalize()].rows else None
    if field_type == "picklist" and result is not None:
        chosen = {str(option["id"]) for option in definition["picklist_options"] if option["deleted_at"] is None}
        result = result if result in chosen else None
    if result is None:
        raise unprocessable(f"'{given}' is not a valid {field_type} for '{definition['name']}'")
    return result


def comparable(field_type: str, text: str) -> str | None:
    """A value given in a filter in the form in which values are kept; None where it does not fit the type."""
    return _READERS.get(field_type, str)(text)


def _whole(text: str) -> str | None:
    return str(int(text)) if re.fullmatch(r"-?\d{1,18}", text) else None


def _identifier(text: str) -> str | None:
    return str(int(text)) if re.fullmatch(r"\d{1,19}", text) else None


def _money(text: str) -> str | None:
    amount = decimal_of(text)
    return f"{amount:f}" if amount is not None else None


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _time(text: str) -> str | None:
    found = _TIME.fullmatch(text)
    return f"{int(found[1]):02d}:{found[2]}:{found[3] or '00'}" if found else None


_READERS: Mapping[str, Callable[[str], str | None]] = {
    "numeric": _whole,
    "currency": _money,
    "date": _day,
    "time": _time,
    "checkbox": lambda text: _TRUTH.get(text.lower()),
    "picklist": _identifier,
    "contact": _identifier,
    "matter": _identifier,
}
"""How a value is read, by type; any other type is text."""


def set_association(store: Store, draft: Row, now: int) -> Row:
    """An association with no set yet, the last in the order of display."""
    orders = [row["display_order"] for row in draft["custom_field_set_associations"]]
    return {
        "id": store.next_id("CustomFieldSetAssociation"),
        "custom_field_set_id": None,
        "display_order": max(orders, default=0) + 1,
        "created_at": now,
        "updated_at": now,
    }


def _associate(store: Store, row: Row, item: Data, parent_type: str) -> None:
    refer(store, row, item, "custom_field_set", "CustomFieldSet", nullable=False)
    if row["custom_field_set_id"] is None:
        raise unprocessable("'custom_field_set' is required")
    if store["CustomFieldSet"].rows[row["custom_field_set_id"]]["parent_type"] != parent_type:
        raise unprocessable(f"custom field set {row['custom_field_set_id']} is not one of a {parent_type}")
    if item.get("display_order") is not None:
        row["display_order"] = scalar("display_order", Kind.I32, item["display_order"])
