"""What writing a matter means."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from mock_clio.records import matter_parts as parts
from mock_clio.records.values import assign, refer
from mock_clio.store.rows import Row, Store
from mock_clio.tables.declare import Kind
from mock_clio.tables.matters import MATTER
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import unprocessable

SCALARS = {
    **dict.fromkeys(("description", "client_reference", "location"), Kind.STR),
    **dict.fromkeys(("open_date", "pending_date", "close_date"), Kind.DATE),
    **dict.fromkeys(("billable", "require_utbms_codes"), Kind.BOOL),
}
STATUSES = {"open": "Open", "pending": "Pending", "closed": "Closed"}
STATUS_DATES = {"Open": "open_date", "Pending": "pending_date", "Closed": "close_date"}
STATUS_EVENTS = {"Open": "matter_opened", "Pending": "matter_pended", "Closed": "matter_closed"}
CHILD_LISTS = (
    "account_balances",
    "custom_field_set_associations",
    "custom_field_values",
    "custom_rates",
    "relationships",
)
REFERENCES: Mapping[str, str] = {
    "practice_area": "PracticeArea",
    "matter_stage": "MatterStage",
    "group": "Group",
    "responsible_attorney": "User",
    "originating_attorney": "User",
    "responsible_staff": "User",
}


def blank(store: Store, now: int, actor: Row) -> Row:
    """A matter with nothing in it yet."""
    row: Row = dict.fromkeys(MATTER.fields)
    row.update({f"{name}_id": None for name in REFERENCES})
    row.update(billable=True, billing_method="hourly", has_tasks=False, require_utbms_codes=False, shared=False)
    row.update({name: [] for name in CHILD_LISTS}, statute_of_limitations=None)
    row.update(currency=store.currency, user_id=actor["id"], status="Open", created_at=now, updated_at=now)
    return row


def fill(store: Store, draft: Row, data: Data, now: int, zone: ZoneInfo, *, new: bool) -> None:
    """Apply a body to a draft and check the result.

    Raises:
        ApiError: 422 for a missing client or description or an unknown status; 404 for an unknown reference.
    """
    if new and "client" not in data:
        raise unprocessable("'client' is required")
    refer(store, draft, data, "client", "Contact", nullable=False)
    assign(draft, data, SCALARS)
    if not (draft["description"] or "").strip():
        raise unprocessable("'description' is required")
    stage = draft["matter_stage_id"]
    for name, schema in REFERENCES.items():
        refer(store, draft, data, name, schema)
    if draft["matter_stage_id"] != stage:
        draft["matter_stage_updated_at"] = now
    parts.fill(store, draft, data, now)
    _status(draft, data, datetime.fromtimestamp(now, zone).date().isoformat(), new=new)
    if new or data.get("reset_matter_number") in {True, "true"}:
        number(store, draft)


def _status(draft: Row, data: Data, today: str, *, new: bool) -> None:
    """Take a status, written in lower case; the day it begins is today unless it is known."""
    given = data.get("status", "open" if new else None)
    if given is None:
        return
    if given not in STATUSES:
        raise unprocessable(f"'{given}' is not a valid status")
    changed = new or draft["status"] != STATUSES[given]
    draft["status"] = STATUSES[given]
    column = STATUS_DATES[draft["status"]]
    if changed and draft[column] is None:
        draft[column] = today


def number(store: Store, draft: Row) -> None:
    """Give the next number, and the display number that Clio makes of it and the client's name."""
    store.matter_number += 1
    draft["number"] = store.matter_number
    client = store["Contact"].get(draft["client_id"])
    words = str((client or {}).get("last_name") or (client or {}).get("name") or "").split()
    draft["display_number"] = "-".join([f"{store.matter_number:05d}", *words[:1]])
    draft["maildrop_address"] = f"{draft['id']:x}@maildrop.clio.test"


def status_event(before: Row | None, after: Row) -> tuple[str, ...]:
    """The webhook event of a change of status, if there was one; a new matter's status counts as a change."""
    if before is not None and before["status"] == after["status"]:
        return ()
    return (STATUS_EVENTS[after["status"]],)
