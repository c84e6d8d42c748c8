"""Custom field values as they are read: each with its definition, and a row for each displayed definition without one.

A contact or matter stores, in `custom_field_values`, `{id, custom_field_id, value, created_at, updated_at}` with the
value as text; everything else of a value is its definition's, so that a definition renamed or deleted shows at once.
"""

from collections.abc import Callable, Mapping

from mock_clio.store.rows import Row, Store
from mock_clio.switches import Switches

_NATIVE: Mapping[str, Callable[[str], object]] = {
    "numeric": int,
    "currency": float,
    "checkbox": lambda text: text == "true",
}
_PARENT_BITS = 24
_MINUTES = len("14:30")


class CustomValues:
    """Reads the values of contacts and matters."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self._store = store
        self._switches = switches
        self._sorted: dict[str, list[Row]] = {}
        self._revision = -1

    def rows(self, parent: Row, parent_type: str) -> list[Row]:
        """Rows of schema CustomFieldValue, by the display order of their definitions."""
        filled = {value["custom_field_id"]: value for value in parent["custom_field_values"]}
        rows = []
        for definition in self._definitions(parent_type):
            value = filled.get(definition["id"])
            if value is not None or (definition["displayed"] and not definition["deleted"]):
                rows.append(self._row(definition, value or self._unfilled(definition, parent)))
        return rows

    def _definitions(self, parent_type: str) -> list[Row]:
        fields = self._store["CustomField"]
        if self._revision != fields.revision:
            self._sorted, self._revision = {}, fields.revision
        if parent_type not in self._sorted:
            of_type = [row for row in fields if row["parent_type"] == parent_type]
            self._sorted[parent_type] = sorted(of_type, key=lambda row: (row["display_order"], row["id"]))
        return self._sorted[parent_type]

    def _unfilled(self, definition: Row, parent: Row) -> Row:
        value: Row = {"id": None, "value": None, "created_at": None, "updated_at": None}
        if self._switches.unfilled_value_ids == "materialised":
            since = max(definition["created_at"], parent["created_at"])
            value.update(id=unfilled_id(definition, parent), created_at=since, updated_at=since)
        return value

    def _row(self, definition: Row, value: Row) -> Row:
        field_type, text = definition["field_type"], value["value"]
        number = int(text) if text is not None and field_type in {"picklist", "contact", "matter"} else None
        options = definition["picklist_options"] if field_type == "picklist" else ()
        return {
            **value,
            "value": self._wire(field_type, text),
            "field_display_order": definition["display_order"],
            "field_displayed": definition["displayed"],
            "field_name": definition["name"],
            "field_required": definition["required"],
            "field_type": field_type,
            "soft_deleted": definition["deleted"],
            "custom_field": definition,
            "picklist_option": next((option for option in options if option["id"] == number), None),
            "contact": self._store["Contact"].get(number) if field_type == "contact" else None,
            "matter": self._store["Matter"].get(number) if field_type == "matter" else None,
        }

    def _wire(self, field_type: str, text: str | None) -> object:
        """A value as answers carry it, as switched."""
        if text is None:
            return None
        if field_type in _NATIVE and self._switches.custom_field_value_types == "native":
            return _NATIVE[field_type](text)
        if field_type == "time" and self._switches.custom_field_times == "minutes":
            return text[:_MINUTES]
        return text


def unfilled_id(definition: Row, parent: Row) -> str:
    """The id that the row of a value never given has where such rows have one: above every id that is handed out."""
    return f"{definition['field_type']}-{(parent['id'] << _PARENT_BITS) + definition['id'] % (1 << _PARENT_BITS)}"


def value_number(row: Row) -> int:
    """The row number in a value's id, `<field_type>-<number>`."""
    return int(str(row["id"]).rsplit("-", 1)[1])
