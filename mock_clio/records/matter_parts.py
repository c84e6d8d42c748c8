"""What writing the records inside a matter means: relationships, the statute of limitations, custom rates."""

from mock_clio.records.values import assign, operate, operations, refer, scalar
from mock_clio.store.rows import Row, Store
from mock_clio.tables.declare import Kind
from mock_clio.tables.matters import RATE_TYPES, TASK
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import unprocessable

RATE_METHODS = {kind: method for method, kind in RATE_TYPES.items()}
_AWARD = {"award": Kind.F64, "date": Kind.DATE, "note": Kind.STR}
"""What a contingency fee alone has."""


def fill(store: Store, draft: Row, data: Data, now: int) -> None:
    """Apply a body to the records inside a matter.

    Raises:
        ApiError: 404 for an unknown contact, user, group or child row, 422 for bad values.
    """
    for item in operations(data, "relationships"):
        operate(
            draft["relationships"],
            item,
            now,
            make=lambda: relationship(store, now),
            take=lambda row, given: _relate(store, row, given),
        )
    if "statute_of_limitations" in data:
        _limit(store, draft, data["statute_of_limitations"], now)
    if isinstance(data.get("custom_rate"), dict):
        _rate(store, draft, data["custom_rate"], now)


def relationship(store: Store, now: int) -> Row:
    """A relationship to nobody yet."""
    stamps = {"created_at": now, "updated_at": now}
    return {"id": store.next_id("Relationship"), "contact_id": None, "description": None, **stamps}


def _relate(store: Store, row: Row, item: Data) -> None:
    refer(store, row, item, "contact", "Contact", nullable=False)
    assign(row, item, {"description": Kind.STR})
    if row["contact_id"] is None:
        raise unprocessable("'contact' is required")
    if not (row["description"] or "").strip():
        raise unprocessable("'description' is required")


def limitation(store: Store, now: int) -> Row:
    """The task that a statute of limitations is, without its day."""
    return {
        **dict.fromkeys(TASK.fields),
        "id": store.next_id("Task"),
        "name": "Statute of Limitations",
        "description_text_type": "plain_text",
        "notify_completion": False,
        "priority": "Normal",
        "status": "pending",
        "statute_of_limitations": True,
        "time_entries_count": 0,
        "created_at": now,
        "updated_at": now,
    }


def _limit(store: Store, draft: Row, given: object, now: int) -> None:
    """Set, change or clear the day; reminders are not kept."""
    if given is None:
        return
    if not isinstance(given, dict):
        raise unprocessable("'statute_of_limitations' must be an object")
    before = draft["statute_of_limitations"]
    if scalar("_destroy", Kind.BOOL, given.get("_destroy")):
        draft["statute_of_limitations"] = None
        return
    task = dict(before) if before is not None else limitation(store, now)
    assign(task, given, {"due_at": Kind.DATE, "status": Kind.STR})
    if task["status"] not in TASK.fields["status"].enum:
        raise unprocessable(f"'{task['status'] or ''}' is not a valid status")
    if task["due_at"] is None:
        raise unprocessable("'due_at' is required")
    if task["status"] != "complete":
        task["completed_at"] = None
    elif task["completed_at"] is None:
        task["completed_at"] = now
    if task != before:
        task["updated_at"] = now
    draft["statute_of_limitations"] = task


def _rate(store: Store, draft: Row, given: Data, now: int) -> None:
    """Another type drops the rates there were; flat and contingency have one rate at most."""
    kind = given.get("type", RATE_TYPES[draft["billing_method"]])
    if kind not in RATE_METHODS:
        raise unprocessable(f"'{kind or ''}' is not a valid type")
    if draft["billing_method"] != RATE_METHODS[kind]:
        draft.update(billing_method=RATE_METHODS[kind], custom_rates=[])
    rates: list[Row] = draft["custom_rates"]
    for item in operations(given, "rates"):
        operate(
            rates,
            item,
            now,
            make=lambda: custom_rate(store, now),
            take=lambda row, part: _price(store, row, part, kind),
        )
    if kind != "HourlyRate" and len(rates) > 1:
        raise unprocessable(f"a matter can have one {kind}")


def custom_rate(store: Store, now: int) -> Row:
    """A rate of nothing for nobody."""
    blank = dict.fromkeys(("award", "date", "note", "rate", "user_id", "group_id"))
    return {**blank, "id": store.next_id("PolymorphicCustomRate"), "created_at": now, "updated_at": now}


def _price(store: Store, row: Row, item: Data, kind: str) -> None:
    refer(store, row, item, "user", "User", nullable=False)
    refer(store, row, item, "group", "Group", nullable=False)
    assign(row, item, {"rate": Kind.F64})
    if row["rate"] is None:
        raise unprocessable("'rate' is required")
    if kind == "HourlyRate" and row["user_id"] is None and row["group_id"] is None:
        raise unprocessable("'user' or 'group' is required")
    if kind == "ContingencyFee":
        assign(row, item, _AWARD)
    elif any(name in item for name in _AWARD):
        raise unprocessable("award, date and note are valid for ContingencyFee only")
