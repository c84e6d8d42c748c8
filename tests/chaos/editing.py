"""People at work in the firm: random edits of everything the mirror keeps, in an order that the seed decides.

Left out is what changes at Clio without a trace on the record, so that no sync could see it: names inside references,
and the name or display of a custom field that records have values of. What is deleted was made here, or nobody's.
"""

import datetime
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.chaos.chance import chance
from tests.chaos.stage import Stage

STATUSES = ("open", "pending", "closed")
REFUSED = {httpx.codes.NOT_FOUND, httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.BAD_REQUEST, httpx.codes.CONFLICT}
"""What the mock answers to an edit that does not fit any more, such as one of a document that went with its folder."""

PATHS = ("users", "contacts", "matters", "activities", "documents", "folders", "custom_fields", "custom_field_sets")

Edit = Callable[[], Awaitable[bool]]


class Editor:
    """Makes one edit after the other; counts what it did."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.hidden: set[tuple[str, int]] = set()
        """Collection and id of what whoever connected the firm may not see now."""
        self.gone_at: dict[tuple[str, int], datetime.datetime] = {}
        """When a record was first asked to be deleted, or thrown into the trash, by collection and id."""
        self.folder_thrown = False
        """Whether a folder went into the trash, with whatever was in it."""
        self._stage = stage
        self._rng = chance(seed, "edits")
        self._number = 0
        self._there: dict[str, list[int]] = {path: [] for path in PATHS}
        """What may be changed, by collection."""
        self._ours: dict[str, list[int]] = {path: [] for path in PATHS}
        """What may be deleted."""
        self._trash: dict[str, list[int]] = {"documents": [], "folders": []}
        self._value_fields: list[int] = []
        self._clients: list[int] = []
        self._homes: list[int] = []
        """Contacts that matters are of, and matters that files are in: those of the beginning, which stay."""

    async def open(self) -> None:
        """Look at what there is."""
        for path in PATHS:
            fields = "id,on_bill" if path == "activities" else "id"
            records = (await self._stage.mock("GET", f"records/{path}?fields={fields}"))["data"]
            self._there[path] = [record["id"] for record in records if not record.get("on_bill")]
        self._clients = list(self._there["contacts"])
        self._homes = list(self._there["matters"])
        self._ours["activities"] = list(self._there["activities"])
        for _ in range(2):
            await self._new_field("text_line", self._value_fields)

    async def edit(self) -> None:
        """Make one edit that fits; what does not fit is passed over."""
        for _ in range(20):
            name, action = self._draw()
            if await action():
                self.done[name] += 1
                return

    def _draw(self) -> tuple[str, Edit]:
        choices = self._choices()
        weights = [weight for weight, _, _ in choices]
        _, name, action = self._rng.choices(choices, weights)[0]
        return name, action

    def _choices(self) -> list[tuple[int, str, Edit]]:
        return [
            (8, "contact created", self._create_contact),
            (14, "contact updated", self._update_contact),
            (4, "contact value given", self._give_value),
            (4, "contact deleted", lambda: self._delete("contacts")),
            (6, "matter created", self._create_matter),
            (14, "matter updated", self._update_matter),
            (3, "matter deleted", lambda: self._delete("matters")),
            (8, "activity created", self._create_activity),
            (8, "activity updated", self._update_activity),
            (4, "activity deleted", lambda: self._delete("activities")),
            (5, "document created", self._create_document),
            (4, "document version added", self._add_version),
            (5, "document renamed", lambda: self._rename("documents", ".pdf")),
            (3, "document moved", self._move_document),
            (4, "document trashed", lambda: self._throw("documents", self._there["documents"])),
            (4, "document restored", lambda: self._restore("documents")),
            (3, "folder created", self._create_folder),
            (3, "folder renamed", lambda: self._rename("folders", "", ours=True)),
            (2, "folder trashed", lambda: self._throw("folders", self._ours["folders"])),
            (2, "folder restored", lambda: self._restore("folders")),
            (3, "user updated", self._update_user),
            (2, "custom field created", lambda: self._new_field("numeric", self._ours["custom_fields"])),
            (2, "custom field updated", self._update_field),
            (1, "custom field deleted", lambda: self._delete("custom_fields")),
            (2, "custom field set created", self._create_set),
            (2, "custom field set renamed", lambda: self._rename("custom_field_sets", "")),
            (1, "custom field set deleted", lambda: self._delete("custom_field_sets")),
            (4, "record hidden", self._hide),
            (3, "record shown again", self._show),
            (6, "record flickered", self._flicker),
            (4, "record came and went", self._come_and_go),
        ]

    def _any(self, ids: list[int]) -> int | None:
        return self._rng.choice(ids) if ids else None

    def _text(self, what: str) -> str:
        self._number += 1
        return f"{what} {self._number}"

    async def _call(self, method: str, path: str, data: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Return the record as it is now; None where the edit was refused."""
        answer = await self._stage.call(method, f"records/{path}", None if data is None else {"data": data})
        if answer.status_code in REFUSED:
            return None
        assert answer.is_success, answer.text
        record: dict[str, Any] = answer.json()["data"] if answer.content else {}
        return record

    async def _create(self, path: str, **data: Any) -> bool:
        record = await self._call("POST", path, data)
        if record is None:
            return False
        self._there[path].append(record["id"])
        self._ours[path].append(record["id"])
        return True

    async def _patch(self, path: str, record: int | None, **data: Any) -> bool:
        return record is not None and await self._call("PATCH", f"{path}/{record}", data) is not None

    async def _delete(self, path: str) -> bool:
        record = self._any(self._ours[path])
        if record is None:
            return False
        self._ours[path].remove(record)
        self._there[path].remove(record)
        self.hidden.discard((path, record))
        return await self._remove(path, record)

    async def _remove(self, path: str, record: int) -> bool:
        self.gone_at.setdefault((path, record), datetime.datetime.now(datetime.UTC))
        self.folder_thrown |= path == "folders"
        return await self._call("DELETE", f"{path}/{record}") is not None

    async def _create_contact(self) -> bool:
        address = {"name": "Work", "address": f"desk{self._number}@example.com", "default_email": True}
        last_name = self._text("Example")
        return await self._create(
            "contacts", type="Person", first_name="Nova", last_name=last_name, email_addresses=[address]
        )

    async def _update_contact(self) -> bool:
        number = {"name": "Mobile", "number": f"+1 604 555 {self._rng.randrange(10_000):04d}"}
        change: dict[str, Any] = self._rng.choice(
            [{"title": self._text("Counsel")}, {"sales_tax_number": self._text("Tax")}, {"phone_numbers": [number]}]
        )
        return await self._patch("contacts", self._any(self._there["contacts"]), **change)

    async def _give_value(self) -> bool:
        contact = self._any(self._there["contacts"])
        value = {"custom_field": {"id": self._rng.choice(self._value_fields)}, "value": self._text("Value")}
        return await self._patch("contacts", contact, custom_field_values=[value])

    async def _create_matter(self) -> bool:
        client = self._rng.choice(self._clients)
        return await self._create("matters", client={"id": client}, description=self._text("Affair"), status="open")

    async def _update_matter(self) -> bool:
        attorney = self._rng.choice(self._there["users"])
        change: dict[str, Any] = self._rng.choice(
            [
                {"status": self._rng.choice(STATUSES)},
                {"description": self._text("Affair")},
                {"responsible_attorney": {"id": attorney}},
                {"client": {"id": self._rng.choice(self._clients)}},
            ]
        )
        return await self._patch("matters", self._any(self._there["matters"]), **change)

    async def _create_activity(self) -> bool:
        matter = self._any(self._there["matters"])
        seconds = self._rng.randrange(300, 14_400, 60)
        return await self._create(
            "activities",
            type="TimeEntry",
            date="2026-03-02",
            matter={"id": matter},
            note=self._text("Advice"),
            quantity=seconds,
        )

    async def _update_activity(self) -> bool:
        seconds = self._rng.randrange(300, 14_400, 60)
        return await self._patch(
            "activities", self._any(self._there["activities"]), quantity=seconds, note=self._text("Revised")
        )

    async def _create_document(self) -> bool:
        parent = {"id": self._rng.choice(self._homes), "type": "Matter"}
        size = self._rng.randrange(200, 20_000)
        return await self._create("documents", name=f"{self._text('Letter')}.pdf", parent=parent, size=size)

    async def _add_version(self) -> bool:
        document = self._any(self._there["documents"])
        if document is None:
            return False
        data = {"name": f"{self._text('Draft')}.pdf", "parent": {"id": document, "type": "Document"}, "size": 900}
        return await self._call("POST", "documents", data) is not None

    async def _move_document(self) -> bool:
        folder = self._any(self._ours["folders"])
        parent = {"id": folder, "type": "Folder"}
        return folder is not None and await self._patch("documents", self._any(self._there["documents"]), parent=parent)

    async def _create_folder(self) -> bool:
        parent = {"id": self._rng.choice(self._homes), "type": "Matter"}
        return await self._create("folders", name=self._text("Folder"), parent=parent)

    async def _rename(self, path: str, ending: str, *, ours: bool = False) -> bool:
        name = self._text("Name") + ending
        return await self._patch(path, self._any((self._ours if ours else self._there)[path]), name=name)

    async def _throw(self, path: str, ids: list[int]) -> bool:
        record = self._any(ids)
        if record is None or not await self._remove(path, record):
            return False
        self._trash[path].append(record)
        return True

    async def _restore(self, path: str) -> bool:
        record = self._any(self._trash[path])
        if record is None:
            return False
        self._trash[path].remove(record)
        return await self._patch(path, record, restore=True)

    async def _update_user(self) -> bool:
        return await self._patch(
            "users", self._any(self._there["users"]), phone_number=f"+1 604 555 {self._rng.randrange(10_000):04d}"
        )

    async def _new_field(self, field_type: str, among: list[int]) -> bool:
        name = self._text("Field")
        made = {"name": name, "parent_type": "Contact", "field_type": field_type, "displayed": False}
        record = await self._call("POST", "custom_fields", made)
        if record is None:
            return False
        among.append(record["id"])
        self._there["custom_fields"].append(record["id"])
        return True

    async def _update_field(self) -> bool:
        field = self._any(self._there["custom_fields"])
        return await self._patch("custom_fields", field, required=bool(self._rng.randrange(2)))

    async def _create_set(self) -> bool:
        ids = self._rng.sample(self._value_fields, 1)
        return await self._create(
            "custom_field_sets", name=self._text("Set"), parent_type="Contact", custom_field_ids=ids
        )

    async def _hide(self) -> bool:
        path = self._rng.choice(PATHS)
        record = self._any(self._there[path])
        if record is None or not await self._patch(path, record, hidden=True):
            return False
        self.hidden.add((path, record))
        return True

    async def _show(self) -> bool:
        if not self.hidden:
            return False
        path, record = self._rng.choice(sorted(self.hidden))
        self.hidden.remove((path, record))
        return await self._patch(path, record, hidden=False)

    async def _flicker(self) -> bool:
        """Change a record to and fro within one second, which Clio's clock cannot tell apart."""
        path, name = self._rng.choice(
            [("contacts", "title"), ("matters", "description"), ("activities", "note"), ("documents", "name")]
        )
        record, first, second = self._any(self._there[path]), self._text("To.pdf"), self._text("Fro.pdf")
        done = False
        for text in (first, second, first)[: self._rng.randint(2, 3)]:
            done = await self._patch(path, record, **{name: text}) or done
        return done

    async def _come_and_go(self) -> bool:
        """Create a record and delete it at once."""
        path, create = self._rng.choice([("contacts", self._create_contact), ("activities", self._create_activity)])
        if not await create():
            return False
        record = self._there[path].pop()
        self._ours[path].remove(record)
        return await self._remove(path, record)
