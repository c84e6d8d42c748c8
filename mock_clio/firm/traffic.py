"""Background edits: people at work in the firm, by the same write path as REST."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping

from mock_clio.firm.names import draw_pools, phone_of
from mock_clio.firm.paperwork import Edit, Paperwork
from mock_clio.firm.timekeeping import Timekeeping
from mock_clio.records.writes import Writer
from mock_clio.store.custom_values import CustomValues
from mock_clio.store.rows import Row, Store
from mock_clio.switches import Switches
from mock_clio.tables.catalog import CONTACTS, CUSTOM_FIELDS, MATTERS
from mock_clio.tables.declare import Resource

_RECENT = 50
_CLEARED_SHARE = 0.2
_EDITED: Mapping[str, Callable[[int], str]] = {
    "text_line": lambda number: f"Note {number}",
    "text_area": lambda number: f"Note {number}\nand more",
    "numeric": str,
    "date": lambda number: f"20{number % 30:02d}-{number % 12 + 1:02d}-{number % 28 + 1:02d}",
    "checkbox": lambda number: "true" if number % 2 else "false",
    "currency": lambda number: f"{number / 100:.2f}",
    "time": lambda number: f"{number % 24:02d}:{number % 60:02d}",
    "url": lambda number: f"https://example.com/{number}",
    "email": lambda number: f"desk{number}@example.com",
}
"""Types of custom fields whose values are edited, pick-lists aside, and the value that a number makes."""


class Traffic:
    """Makes random edits, at a steady rate or one at a time."""

    def __init__(self, store: Store, writer: Writer, switches: Switches, seed: int) -> None:
        self._store = store
        self._writer = writer
        self._values = CustomValues(store, switches)
        self._rng = random.Random(seed + 1)  # noqa: S311 - invented edits, repeatable by design
        self._pools = draw_pools(seed)
        self._paperwork = Paperwork(store, writer, self._rng)
        self._timekeeping = Timekeeping(store, writer, self._rng)
        self._task: asyncio.Task[None] | None = None
        self.per_minute = 0.0
        self.edits = 0

    @property
    def running(self) -> bool:
        """Whether edits are being made."""
        return self._task is not None and not self._task.done()

    async def start(self, per_minute: float) -> None:
        """Make so many edits a minute, in real time, until stopped."""
        await self.stop()
        self.per_minute = per_minute
        if per_minute > 0:
            self._task = asyncio.get_running_loop().create_task(self._run(60 / per_minute))

    async def stop(self) -> None:
        """Stop editing."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._task, self.per_minute = None, 0.0

    async def _run(self, pause: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.edit()
            due = max(due + pause, loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def edit(self) -> str:
        """Make one edit.

        Returns:
            What was done, as in `matter updated`.
        """
        choices: tuple[Edit, ...] = (
            (15, "contact created", self._create_contact),
            (35, "contact updated", self._update_contact),
            (4, "contact deleted", self._delete_contact),
            (12, "matter created", self._create_matter),
            (31, "matter updated", self._update_matter),
            (3, "matter deleted", self._delete_matter),
            *self._paperwork.edits,
            *self._timekeeping.edits,
            (8, "contact updated", lambda: self._update_value(CONTACTS)),
            (8, "matter updated", lambda: self._update_value(MATTERS)),
            (1, "custom_field updated", self._update_definition),
        )
        weights = [weight for weight, _, _ in choices]
        while True:
            _, name, action = self._rng.choices(choices, weights)[0]
            if action():
                self.edits += 1
                return name

    def _any(self, schema: str) -> Row | None:
        rows = self._store[schema]
        return rows.rows[self._rng.choice(rows.ids)] if rows.ids else None

    def _actor(self) -> Row:
        return self._rng.choice([user for user in self._store["User"] if user["enabled"]])

    def _create_contact(self) -> bool:
        first, last = self._rng.choice(self._pools.first), self._rng.choice(self._pools.last)
        data = {
            "type": "Person",
            "first_name": first,
            "last_name": last,
            "email_addresses": [{"name": "Work", "address": f"new{self.edits}@example.com", "default_email": True}],
        }
        self._writer.create(CONTACTS, data, self._actor())
        return True

    def _update_contact(self) -> bool:
        contact = self._any("Contact")
        if contact is None:
            return False
        edits: list[dict[str, object]] = [
            {"title": self._rng.choice(self._pools.jobs)},
            {"phone_numbers": [self._phone(contact)]},
        ]
        if contact["type"] == "Person":
            edits.append({"last_name": self._rng.choice(self._pools.last)})
        self._writer.update(CONTACTS, contact["id"], self._rng.choice(edits))
        return True

    def _phone(self, contact: Row) -> dict[str, object]:
        number: dict[str, object] = {"name": "Mobile", "number": phone_of(self._rng)}
        if contact["phone_numbers"]:
            return {**number, "id": self._rng.choice(contact["phone_numbers"])["id"]}
        return number

    def _delete_contact(self) -> bool:
        contact = self._any("Contact")
        if contact is None or self._writer.has_matters(contact["id"]):
            return False
        self._writer.delete(CONTACTS, contact["id"])
        return True

    def _create_matter(self) -> bool:
        client = self._any("Contact")
        if client is None:
            return False
        data = {"client": {"id": client["id"]}, "description": self._rng.choice(self._pools.affairs), "status": "open"}
        self._writer.create(MATTERS, data, self._actor())
        return True

    def _update_matter(self) -> bool:
        matter = self._any("Matter")
        stage = self._any("MatterStage")
        if matter is None or stage is None:
            return False
        edits: list[dict[str, object]] = [
            {"status": self._rng.choice(("open", "pending", "closed"))},
            {"description": f"{self._rng.choice(self._pools.affairs)} ({self.edits})"},
            {"matter_stage": {"id": stage["id"]}, "practice_area": {"id": int(stage["practice_area_id"])}},
            {"responsible_attorney": {"id": self._actor()["id"]}},
        ]
        self._writer.update(MATTERS, matter["id"], self._rng.choice(edits))
        return True

    def _delete_matter(self) -> bool:
        matter = self._store["Matter"].rows.get(self._rng.choice(self._store["Matter"].ids[-_RECENT:] or [0]))
        if matter is None:
            return False
        self._writer.delete(MATTERS, matter["id"])
        return True

    def _update_value(self, resource: Resource) -> bool:
        """Give a record the first value of a custom field, or a next one, or clear it."""
        record = self._any(resource.schema.name)
        live = [
            row
            for row in self._store["CustomField"]
            if row["parent_type"] == resource.schema.name and not row["deleted"] and self._editable(row)
        ]
        if record is None or not live:
            return False
        definition = self._rng.choice(live)
        value = self._value(definition)
        rows = self._values.rows(record, resource.schema.name)
        row_id = next((row["id"] for row in rows if row["custom_field"] is definition), None)
        edit: dict[str, object] = {"custom_field": {"id": definition["id"]}, "value": value}
        if row_id is not None:
            edit = {"id": row_id, "value": value}
            if self._rng.random() < _CLEARED_SHARE:
                edit = {"id": row_id, "_destroy": True}
        return self._writer.update(resource, record["id"], {"custom_field_values": [edit]}) is not record

    @staticmethod
    def _editable(definition: Row) -> bool:
        """Whether there is a value to give: the type is an edited one, or a pick-list with options left."""
        options = definition["picklist_options"]
        return definition["field_type"] in _EDITED or any(option["deleted_at"] is None for option in options)

    def _value(self, definition: Row) -> str:
        if definition["field_type"] == "picklist":
            live = [option["id"] for option in definition["picklist_options"] if option["deleted_at"] is None]
            return str(self._rng.choice(live))
        return _EDITED[definition["field_type"]](self._rng.randrange(100_000))

    def _update_definition(self) -> bool:
        definition = self._any("CustomField")
        if definition is None:
            return False
        edits: list[dict[str, object]] = [
            {"name": f"{definition['name'].partition(' (')[0]} ({self.edits})"},
            {"required": not definition["required"]},
        ]
        if definition["picklist_options"]:
            gone = self._rng.choice(definition["picklist_options"])["id"]
            edits.append({"picklist_options": [{"option": f"Other ({self.edits})"}, {"id": gone, "_deleted": True}]})
        self._writer.update(CUSTOM_FIELDS, definition["id"], self._rng.choice(edits))
        return True
