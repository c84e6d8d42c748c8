"""Custom fields of the invented firm: a definition of every type for contacts and for matters, and values of most."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from mock_clio.firm.lookups import YEAR
from mock_clio.firm.names import Pools, phone_of
from mock_clio.records import custom_fields
from mock_clio.records.custom_values import set_association, value_row
from mock_clio.store.rows import Row, Store

DEFINITIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Contact": (
        ("text_line", "Referral source"),
        ("picklist", "Industry"),
        ("date", "Client since"),
        ("checkbox", "Newsletter"),
        ("contact", "Referred by"),
        ("currency", "Credit limit"),
        ("numeric", "Number of employees"),
        ("email", "Billing e-mail"),
        ("url", "Profile"),
        ("time", "Best time to call"),
        ("text_area", "Background"),
        ("matter", "First matter"),
    ),
    "Matter": (
        ("picklist", "Court"),
        ("date", "Trial date"),
        ("text_line", "Court file number"),
        ("currency", "Amount in dispute"),
        ("contact", "Opposing counsel"),
        ("checkbox", "Jury requested"),
        ("numeric", "Number of witnesses"),
        ("time", "Hearing time"),
        ("email", "Court registry"),
        ("url", "Docket"),
        ("text_area", "Case summary"),
        ("matter", "Companion matter"),
        ("text_line", "Old file number"),
    ),
}
"""Type and name, in the order of display."""
DELETED = "Old file number"
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "Industry": ("Construction", "Retail", "Software", "Hospitality", "Fishing"),
    "Court": ("Supreme Court", "Provincial Court", "Court of Appeal", "Small Claims", "Tribunal"),
}
"""The last option of each is deleted, and some values still name it."""
SETS: Mapping[str, str] = {"Contact": "Client profile", "Matter": "Litigation"}
_DISPLAYED = 4
_EMPTY_SHARE = 0.1
_VALUE_SHARE = 0.3
_SET_SHARE = 0.3


def seed_custom_fields(store: Store, pools: Pools, rng: random.Random, now: int) -> None:
    """Definitions, one set for each type of parent, and values; what else the firm holds stays as it is."""
    values = _Values(store, pools, rng, now)
    for parent_type, definitions in DEFINITIONS.items():
        rows = [_definition(store, parent_type, *definition, now) for definition in definitions]
        chosen = [row["id"] for row in rows[:_DISPLAYED]]
        field_set = custom_fields.blank_set(now - 3 * YEAR)
        field_set.update(id=store["CustomFieldSet"].next_id(), name=SETS[parent_type], parent_type=parent_type)
        field_set["custom_field_ids"] = chosen
        store["CustomFieldSet"].put(field_set)
        for parent in store[parent_type]:
            values.give(parent, rows)
            if rng.random() < _SET_SHARE:
                association = set_association(store, parent, parent["created_at"])
                association["custom_field_set_id"] = field_set["id"]
                parent["custom_field_set_associations"].append(association)


def _definition(store: Store, parent_type: str, field_type: str, name: str, now: int) -> Row:
    created = now - 4 * YEAR
    row = custom_fields.blank(created)
    order = custom_fields.next_order(store, parent_type)
    row.update(id=store["CustomField"].next_id(), name=name, field_type=field_type, parent_type=parent_type)
    row.update(display_order=order, displayed=order <= _DISPLAYED, required=order == 1)
    for text in OPTIONS.get(name, ()):
        option = custom_fields.option_row(store, created)
        option["option"] = text
        row["picklist_options"].append(option)
    if row["picklist_options"]:
        row["picklist_options"][-1].update(deleted_at=now - YEAR, updated_at=now - YEAR)
        row["updated_at"] = now - YEAR
    if name == DELETED:
        row.update(deleted=True, updated_at=now - 2 * YEAR)
    store["CustomField"].put(row)
    return row


class _Values:
    """Invents values for the records of a store."""

    def __init__(self, store: Store, pools: Pools, rng: random.Random, now: int) -> None:
        self._store = store
        self._rng = rng
        today = datetime.fromtimestamp(now, UTC).date()
        self._makers: Mapping[str, Callable[[], str]] = {
            "text_line": lambda: f"{rng.choice(pools.last)} {rng.randrange(1000)}",
            "text_area": lambda: f"{rng.choice(pools.affairs)}\nSee {rng.choice(pools.last)}, {phone_of(rng)}",
            "email": lambda: f"desk{rng.randrange(10_000)}@example.com",
            "url": lambda: f"https://example.com/{rng.randrange(10_000)}",
            "numeric": lambda: str(rng.randrange(500)),
            "currency": lambda: f"{rng.randrange(10_000_000) / 100:.2f}",
            "date": lambda: f"{today + timedelta(days=rng.randrange(-2000, 700))}",
            "time": lambda: f"{rng.randrange(8, 18):02d}:{rng.choice((0, 15, 30, 45)):02d}:00",
            "checkbox": lambda: rng.choice(("true", "false")),
            "contact": lambda: str(rng.choice(store["Contact"].ids)),
            "matter": lambda: str(rng.choice(store["Matter"].ids)),
        }

    def give(self, parent: Row, definitions: list[Row]) -> None:
        """Values of some definitions for one record, written at some time between its creation and last change."""
        if self._rng.random() < _EMPTY_SHARE:
            return
        for definition in definitions:
            if self._rng.random() < _VALUE_SHARE and self._possible(definition):
                row = value_row(self._store, definition, self._value(definition), parent["created_at"])
                row["updated_at"] = self._rng.randint(parent["created_at"], parent["updated_at"])
                parent["custom_field_values"].append(row)

    def _possible(self, definition: Row) -> bool:
        return definition["field_type"] != "matter" or bool(self._store["Matter"].ids)

    def _value(self, definition: Row) -> str:
        if definition["field_type"] == "picklist":
            return str(self._rng.choice(definition["picklist_options"])["id"])
        return self._makers[definition["field_type"]]()
