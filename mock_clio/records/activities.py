"""What writing an activity means. `quantity` is in seconds for time, since API 4.0.4, and a count for expenses."""

from collections.abc import Mapping

from mock_clio.records.values import assign, refer
from mock_clio.store.rows import Row, Store
from mock_clio.tables.activities import ACTIVITY
from mock_clio.tables.declare import Kind
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import unprocessable

SCALARS = {
    "date": Kind.DATE,
    **dict.fromkeys(("note", "tax_setting"), Kind.STR),
    **dict.fromkeys(("non_billable", "no_charge"), Kind.BOOL),
    **dict.fromkeys(("price", "quantity"), Kind.F64),
}
REFERENCES: Mapping[str, str] = {
    "matter": "Matter",
    "user": "User",
    "activity_description": "ActivityDescription",
    "expense_category": "ExpenseCategory",
}
HOUR_S, SIXTH_MINUTE_S = 3600, 360
FLAGS = ("billed", "contingency_fee", "flat_rate", "no_charge", "non_billable", "on_bill", "quantity_redacted")


def blank(store: Store, now: int, actor: Row) -> Row:
    """An activity with nothing in it yet; it is the actor's."""
    row: Row = dict.fromkeys(ACTIVITY.fields)
    row.update({f"{name}_id": None for name in (*REFERENCES, "vendor")})
    row.update(dict.fromkeys(FLAGS, False))
    row.update(quantity=0.0, user_id=actor["id"], currency=store.currency, bill=None, task=None, communication=None)
    row.update(created_at=now, updated_at=now)
    return row


def fill(store: Store, draft: Row, data: Data, *, new: bool) -> None:
    """Apply a body to a draft and check the result.

    Raises:
        ApiError: 422 for a missing or unknown type or a missing date; 404 for an unknown reference.
    """
    if new:
        draft["type"] = data.get("type")
        if draft["type"] not in ACTIVITY.fields["type"].enum:
            raise unprocessable(f"'{draft['type'] or ''}' is not a valid type")
    moved = any(name in data for name in ("matter", "user", "activity_description"))
    assign(draft, data, SCALARS)
    if not draft["date"]:
        raise unprocessable("'date' is required")
    if draft["tax_setting"] is not None and draft["tax_setting"] not in ACTIVITY.fields["tax_setting"].enum:
        raise unprocessable(f"'{draft['tax_setting']}' is not a valid tax_setting")
    for name, schema in REFERENCES.items():
        refer(store, draft, data, name, schema)
    if draft["type"] == "HardCostEntry":
        assign(draft, data, {"reference": Kind.STR})
        refer(store, draft, data, "vendor", "Contact")
    if "price" not in data and (new or moved):
        draft["price"] = rate_of(store, draft)
    derive(draft)


def rate_of(store: Store, draft: Row) -> float | None:
    """The rate an entry has where none is given: of time, the user's."""
    user = store["User"].get(draft["user_id"])
    if draft["type"] == "TimeEntry":
        return user["rate"] if user else None
    return float(draft["price"] or 0)


def derive(draft: Row) -> None:
    """Set what follows from the rest: hours, rounding to six minutes, totals."""
    quantity = float(draft["quantity"] or 0)
    draft["quantity"] = quantity
    if draft["type"] == "TimeEntry":
        rounded = -(-quantity // SIXTH_MINUTE_S) * SIXTH_MINUTE_S
        draft.update(quantity_in_hours=quantity / HOUR_S, rounded_quantity=rounded)
        draft["rounded_quantity_in_hours"] = units = rounded / HOUR_S
    else:
        units = quantity
        draft.update(quantity_in_hours=None, rounded_quantity=quantity, rounded_quantity_in_hours=None)
    worth = round((1 if draft["flat_rate"] else units) * float(draft["price"] or 0), 2)
    draft["total"] = 0.0 if draft["non_billable"] or draft["no_charge"] else worth
    draft["non_billable_total"] = worth if draft["non_billable"] else 0.0
