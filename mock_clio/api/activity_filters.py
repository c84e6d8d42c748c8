"""List parameters that only activities have, or that mean something else there."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from mock_clio.store.rows import Row
from mock_clio.wire.errors import bad_argument

Test = Callable[[Row], bool]


def _billable(row: Row) -> bool:
    return not row["non_billable"] and not row["no_charge"]


STATUSES: Mapping[str, Test] = {
    "billed": lambda row: bool(row["billed"]),
    "draft": lambda row: bool(row["on_bill"]) and not row["billed"],
    "unbilled": lambda row: _billable(row) and not row["on_bill"],
    "non_billable": lambda row: bool(row["non_billable"]),
    "billable": _billable,
    "written_off": lambda _row: False,
}
"""Values of `status`; nothing is ever written off here."""


def activity_test(name: str, value: object) -> Test | None:
    """The test of one parameter; None for one that means the same as elsewhere."""
    match name:
        case "start_date" | "end_date" if isinstance(value, float):
            day = datetime.fromtimestamp(value, UTC).date().isoformat()
            if name == "start_date":
                return lambda row: row["date"] >= day
            return lambda row: row["date"] <= day
        case "status":
            if value not in STATUSES:
                raise bad_argument(f"'{value}' is not a valid status")
            return STATUSES[str(value)]
        case "only_unaccounted_for":
            return lambda row: not value or not row["on_bill"]
        case "matter_id" | "user_id" | "activity_description_id" | "expense_category_id":
            return lambda row: row[name] == value
        case "task_id" | "communication_id":
            return lambda row: (row[name.removesuffix("_id")] or {}).get("id") == value
        case "calendar_entry_id" | "contact_note_id" | "matter_note_id":
            return lambda _row: value is None
    return None
