"""Time and expenses: the first ones of a firm, and people at work recording more."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

from mock_clio.firm.paperwork import Edit
from mock_clio.records import activities
from mock_clio.records.writes import Writer
from mock_clio.settings import MockSettings
from mock_clio.store.rows import Row, Store
from mock_clio.tables.catalog import ACTIVITIES

DESCRIPTIONS = ("Advice", "Correspondence", "Court attendance", "Drafting", "Research")
CATEGORIES = (("Courier", "SoftCost"), ("Court fees", "HardCost"), ("Photocopies", "SoftCost"), ("Travel", "Expense"))
TYPES = ("TimeEntry", "TimeEntry", "TimeEntry", "TimeEntry", "ExpenseEntry", "HardCostEntry", "SoftCostEntry")
NOTES = ("Review of file", "Call with client", "Draft of motion", "Preparation of hearing", "Letter to counsel")
PER_MATTER, PAID, BILLED, DRAFT, NON_BILLABLE = 4, 0.2, 0.35, 0.45, 0.1


def seed_activities(store: Store, settings: MockSettings, now: int, zone: ZoneInfo) -> None:
    """Descriptions, expense categories and activities, drawn apart from the rest so that they change nothing in it."""
    rng = random.Random(settings.seed + 22)  # noqa: S311 - invented data, repeatable by design
    stamps = {"created_at": now - 3 * 365 * 86_400, "updated_at": now - 365 * 86_400}
    for name in DESCRIPTIONS:
        row = {"id": store["ActivityDescription"].next_id(), "name": name, "description": name, "type": "Private"}
        store["ActivityDescription"].put({**row, "default": False, "accessible_to_user": True, **stamps})
    for name, entry_type in CATEGORIES:
        row = {"id": store["ExpenseCategory"].next_id(), "name": name, "description": name, "entry_type": entry_type}
        store["ExpenseCategory"].put({**row, "rate": 0, "accessible_to_user": True, **stamps})
    matters, users = list(store["Matter"]), list(store["User"])
    count = settings.activities if settings.activities is not None else PER_MATTER * len(matters)
    for _ in range(count if matters else 0):
        store["Activity"].put(_activity(store, rng, rng.choice(matters), rng.choice(users), now, zone))


def _activity(store: Store, rng: random.Random, matter: Row, user: Row, now: int, zone: ZoneInfo) -> Row:
    created = rng.randrange(matter["created_at"], now)
    row = activities.blank(store, created, user)
    row.update(id=store["Activity"].next_id(), matter_id=matter["id"], type=rng.choice(TYPES))
    row.update(date=datetime.fromtimestamp(created, zone).date().isoformat(), note=rng.choice(NOTES))
    if row["type"] == "TimeEntry":
        row.update(quantity=float(rng.randrange(300, 14_400, 60)), price=user["rate"])
        row["activity_description_id"] = rng.choice(list(store["ActivityDescription"]))["id"]
        row["flat_rate"] = rng.random() < 0.05
        if rng.random() < 0.1:
            row["task"] = _point(store, "Activity_Task", created)
    else:
        row.update(quantity=float(rng.randrange(1, 20)), price=float(rng.randrange(100, 20_000)) / 100)
        row["expense_category_id"] = rng.choice(list(store["ExpenseCategory"]))["id"]
        if row["type"] == "HardCostEntry":
            row.update(vendor_id=rng.choice(list(store["Contact"]))["id"], reference=f"INV-{rng.randrange(10_000)}")
    row["non_billable"] = rng.random() < NON_BILLABLE
    activities.derive(row)
    _bill(store, rng, row, created)
    row["updated_at"] = rng.randrange(created, now)
    return row


def _bill(store: Store, rng: random.Random, row: Row, created: int) -> None:
    """Put some of what can be billed on a bill, paid, sent or still a draft."""
    chance = rng.random()
    if row["non_billable"] or chance >= DRAFT:
        return
    state = "paid" if chance < PAID else "awaiting_payment" if chance < BILLED else "draft"
    bill = _point(store, "Bill", created)
    row["bill"] = {**bill, "number": str(bill["id"] % 100_000), "state": state, "type": "MatterBill"}
    row.update(on_bill=True, billed=state != "draft")


def _point(store: Store, schema: str, at: int) -> Row:
    return {"id": store.next_id(schema), "created_at": at, "updated_at": at}


class Timekeeping:
    """Makes random edits of activities."""

    def __init__(self, store: Store, writer: Writer, rng: random.Random) -> None:
        self._store = store
        self._writer = writer
        self._rng = rng

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What can be done."""
        return (
            (8, "activity created", self._create),
            (8, "activity updated", self._update),
            (2, "activity deleted", self._delete),
        )

    def _any(self, schema: str) -> Row | None:
        rows = self._store[schema]
        return rows.rows[self._rng.choice(rows.ids)] if rows.ids else None

    def _create(self) -> bool:
        matter = self._any("Matter")
        if matter is None:
            return False
        actor = self._rng.choice([user for user in self._store["User"] if user["enabled"]])
        data = {
            "type": "TimeEntry",
            "date": matter["open_date"],
            "matter": {"id": matter["id"]},
            "note": self._rng.choice(NOTES),
            "quantity": self._rng.randrange(300, 14_400, 60),
        }
        self._writer.create(ACTIVITIES, data, actor)
        return True

    def _update(self) -> bool:
        activity = self._any("Activity")
        if activity is None or activity["on_bill"]:
            return False
        self._writer.update(ACTIVITIES, activity["id"], {"quantity": self._rng.randrange(1, 14_400), "note": "Revised"})
        return True

    def _delete(self) -> bool:
        activity = self._any("Activity")
        if activity is None or activity["on_bill"]:
            return False
        self._writer.delete(ACTIVITIES, activity["id"])
        return True
