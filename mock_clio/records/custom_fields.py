"""What writing custom field definitions and custom field sets means."""

from mock_clio.records.values import assign, operate, operations, scalar
from mock_clio.store.rows import Row, Store
from mock_clio.tables.declare import Kind, Schema
from mock_clio.tables.shared import CUSTOM_FIELD, CUSTOM_FIELD_SET
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import not_found, unprocessable

SCALARS = {"name": Kind.STR, "displayed": Kind.BOOL, "required": Kind.BOOL, "display_order": Kind.I32}
SET_SCALARS = {"name": Kind.STR, "displayed": Kind.BOOL}


def blank(now: int) -> Row:
    """A definition with nothing in it yet."""
    row: Row = dict.fromkeys(CUSTOM_FIELD.fields)
    row.update(deleted=False, displayed=True, required=False, picklist_options=[], created_at=now, updated_at=now)
    return row


def fill(store: Store, draft: Row, data: Data, now: int, *, new: bool) -> None:
    """Apply a body to a definition; field type and parent type are taken at its creation only.

    Raises:
        ApiError: 422 for a missing name, an unknown type or options of what is no pick-list; 404 for an unknown option.
    """
    assign(draft, data, SCALARS)
    _named(draft)
    for name in ("field_type", "parent_type") if new else ():
        draft[name] = _word(CUSTOM_FIELD, name, data.get(name))
    for name, default in (("displayed", True), ("required", False)):
        draft[name] = default if draft[name] is None else draft[name]
    if draft["display_order"] is None:
        draft["display_order"] = next_order(store, draft["parent_type"])
    asked = operations(data, "picklist_options")
    if asked and draft["field_type"] != "picklist":
        raise unprocessable(f"a {draft['field_type']} has no picklist_options")
    for item in asked:
        operate(
            draft["picklist_options"],
            item,
            now,
            make=lambda: option_row(store, now),
            take=lambda row, given: _take_option(row, given, now),
            destroy=None,
        )


def next_order(store: Store, parent_type: str) -> int:
    """The display position after the last of a parent type's definitions."""
    orders = [row["display_order"] for row in store["CustomField"] if row["parent_type"] == parent_type]
    return max(orders, default=0) + 1


def option_row(store: Store, now: int) -> Row:
    """An option of a pick-list, without its text."""
    stamps = {"created_at": now, "updated_at": now}
    return {"id": store.next_id("PicklistOption"), "option": None, "deleted_at": None, **stamps}


def _take_option(row: Row, item: Data, now: int) -> None:
    assign(row, item, {"option": Kind.STR})
    if not (row["option"] or "").strip():
        raise unprocessable("'option' is required")
    if scalar("_deleted", Kind.BOOL, item.get("_deleted")) and row["deleted_at"] is None:
        row["deleted_at"] = now


def blank_set(now: int) -> Row:
    """A set with nothing in it yet."""
    row: Row = dict.fromkeys(CUSTOM_FIELD_SET.fields)
    row.update(displayed=True, parent_type="Matter", custom_field_ids=[], created_at=now, updated_at=now)
    return row


def fill_set(store: Store, draft: Row, data: Data) -> None:
    """Apply a body to a set; `custom_field_ids` replaces the definitions it had.

    Raises:
        ApiError: 404 for an unknown definition; 422 for a missing name, or a definition for the other parent type.
    """
    assign(draft, data, SET_SCALARS)
    _named(draft)
    draft["displayed"] = True if draft["displayed"] is None else draft["displayed"]
    if data.get("parent_type") is not None:
        draft["parent_type"] = _word(CUSTOM_FIELD_SET, "parent_type", data["parent_type"])
    if data.get("custom_field_ids") is not None:
        draft["custom_field_ids"] = _ids(data["custom_field_ids"])
    for field_id in draft["custom_field_ids"]:
        definition = store["CustomField"].get(field_id)
        if definition is None:
            raise not_found()
        if definition["parent_type"] != draft["parent_type"]:
            raise unprocessable(f"custom field {field_id} is not one of a {draft['parent_type']}")


def _ids(given: object) -> list[int]:
    if not isinstance(given, list) or not all(str(word).isdigit() for word in given):
        raise unprocessable("'custom_field_ids' must be a list of ids")
    return list(dict.fromkeys(int(str(word)) for word in given))


def _named(draft: Row) -> None:
    if not (draft["name"] or "").strip():
        raise unprocessable("Name can't be blank")


def _word(schema: Schema, name: str, given: object) -> str:
    if given not in schema.fields[name].enum:
        raise unprocessable(f"'{given or ''}' is not a valid {name}")
    return str(given)
