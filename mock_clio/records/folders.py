"""Folders: where a file lies, whose folder that is, and what goes with one that is moved or thrown away."""

import heapq
from collections.abc import Iterator

from mock_clio.clock import Clock
from mock_clio.store.changes import Change, Event, Listener
from mock_clio.store.rows import Row, Store, draft_of
from mock_clio.switches import Switches
from mock_clio.tables.catalog import DOCUMENTS, FOLDERS
from mock_clio.tables.declare import Resource
from mock_clio.tables.documents import FOLDER
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import ApiError, not_found, unprocessable

TRASH_SECONDS = 30 * 86_400
"""How long the trash keeps what is in it."""
PARENTS = ("Document", "Folder", "Contact", "Matter")
_REFERENCES = ("contact", "creator", "document_category", "group", "latest_document_version", "matter", "parent")


def filed(names: dict[str, object], store: Store, resource: Resource, creator_id: int, now: int) -> Row:
    """What a new document and a new folder have in common; `names` are its fields, all null."""
    row: Row = {**names, **{f"{name}_id": None for name in _REFERENCES}}
    row.update(id=store[resource.schema.name].next_id(), type=resource.schema.name, creator_id=creator_id)
    row.update(locked=False, external_properties=[], trashed_with=None, created_at=now, updated_at=now)
    return row


def blank(store: Store, creator_id: int, now: int, name: str) -> Row:
    """A folder that lies nowhere yet."""
    row = filed(dict.fromkeys(FOLDER.fields), store, FOLDERS, creator_id, now)
    row.update(name=name, root=False)
    return row


def place(draft: Row, folder: Row) -> None:
    """Put a file or folder into a folder: it is then of the same matter or contact."""
    draft.update(parent_id=folder["id"], matter_id=folder["matter_id"], contact_id=folder["contact_id"])


def own_name(kind: str, record: Row) -> str:
    """Name of the folder of a matter or contact."""
    return str(record["display_number"] if kind == "Matter" else record["name"])


def root_of(store: Store) -> Row:
    """The folder in which all others lie."""
    return next(row for row in store["Folder"] if row["root"])


def below(store: Store, folder_id: int) -> set[int]:
    """Ids of a folder and of every folder under it, however deep, those in the trash included."""
    children: dict[int | None, list[int]] = {}
    for row in store["Folder"]:
        children.setdefault(row["parent_id"], []).append(row["id"])
    found, waiting = {folder_id}, [folder_id]
    while waiting:
        inner = children.get(waiting.pop(), [])
        found.update(inner)
        waiting += inner
    return found


def parent_of(data: Data) -> tuple[str, int]:
    """Type and id of the `parent` in a body.

    Raises:
        ApiError: 422 where it cannot be read.
    """
    given = data.get("parent")
    if not isinstance(given, dict):
        raise unprocessable("'parent' must be an object with id and type")
    kind, number = str(given.get("type") or ""), str(given.get("id") or "")
    if kind not in PARENTS:
        raise unprocessable(f"'{kind}' is not a valid parent type")
    if not number.isdigit():
        raise unprocessable(f"'{number}' is not a valid parent id")
    return kind, int(number)


class Tree:
    """The folders of a firm and its trash."""

    def __init__(self, store: Store, clock: Clock, switches: Switches, listener: Listener) -> None:
        self._store = store
        self._clock = clock
        self._switches = switches
        self._tell = listener
        self._trash: list[tuple[int, str, int]] = []
        """When what was thrown away, soonest first; it may have been taken out again since."""
        for resource in (DOCUMENTS, FOLDERS):
            for row in _all(store, resource):
                if row["deleted_at"] is not None:
                    heapq.heappush(self._trash, (row["deleted_at"], resource.schema.name, row["id"]))

    def parent(self, data: Data, creator_id: int) -> Row:
        """The folder that a body names as parent; that of a matter or contact is made if need be.

        Raises:
            ApiError: 404 for one that does not exist or is in the trash, 422 for a document.
        """
        kind, row_id = parent_of(data)
        if kind == "Document":
            raise unprocessable("'Document' is not a valid parent type here")
        found = self._store[kind].get(row_id)
        if found is None or found.get("deleted_at") is not None:
            raise not_found()
        return found if kind == "Folder" else self.own(kind, found, creator_id)

    def own(self, kind: str, record: Row, creator_id: int) -> Row:
        """The folder of a matter or contact; it is made anew where there is none, or only in the trash."""
        found = self._store["Folder"].get(record.get("folder_id"))
        if found is not None and found["deleted_at"] is None:
            return found
        root = root_of(self._store)
        folder = blank(self._store, creator_id, self._clock.seconds(), own_name(kind, record))
        place(folder, root)
        folder[f"{kind.lower()}_id"] = record["id"]
        record["folder_id"] = folder["id"]
        self._store["Folder"].put(folder)
        self._tell(Change(FOLDERS, "created", None, folder))
        return folder

    def is_own(self, folder: Row) -> bool:
        """Whether a folder is that of a matter or contact, rather than one inside it."""
        holders = (self._store[kind].get(folder[f"{kind.lower()}_id"]) for kind in ("Matter", "Contact"))
        return any(holder is not None and holder.get("folder_id") == folder["id"] for holder in holders)

    def contents(self, folder_id: int) -> Iterator[tuple[Resource, Row]]:
        """Everything in a folder however deep, the folder itself left out."""
        inside = below(self._store, folder_id)
        for resource in (DOCUMENTS, FOLDERS):
            for row in _all(self._store, resource):
                if row["parent_id"] in inside:
                    yield resource, row

    def check_move(self, resource: Resource, row: Row, folder: Row) -> None:
        """Refuse to move the root, the folder of a record, or a folder into itself."""
        if resource is FOLDERS and (row["root"] or self.is_own(row)):
            raise unprocessable("this folder cannot be moved")
        if resource is FOLDERS and folder["id"] in below(self._store, row["id"]):
            raise unprocessable("a folder cannot be moved into itself")

    def carry(self, folder: Row) -> None:
        """After a folder moved: what is in it belongs to the same record."""
        for resource, row in list(self.contents(folder["id"])):
            if (row["matter_id"], row["contact_id"]) != (folder["matter_id"], folder["contact_id"]):
                self._put(resource, row, matter_id=folder["matter_id"], contact_id=folder["contact_id"])

    def trash(self, resource: Resource, row: Row) -> None:
        """Move a document, or a folder with all that is in it, to the trash.

        Raises:
            ApiError: 409 for a locked document; 400 for the root folder and for one that is or holds something locked.
        """
        inside = (
            [entry for entry in self.contents(row["id"]) if entry[1]["deleted_at"] is None]
            if resource is FOLDERS
            else []
        )
        if resource is DOCUMENTS and row["locked"]:
            raise ApiError(409, self._switches.conflict_type, "The document is locked")
        if row.get("root"):
            raise ApiError(400, "DeleteFailed", "Delete failed: The root folder cannot be trashed")
        if row["locked"] or any(item["locked"] for _, item in inside):
            message = "Delete failed: This item contains locked items and cannot be deleted."
            raise ApiError(400, "DeleteFailed", message)
        now = self._clock.seconds()
        for kind, item in [*inside, (resource, row)]:
            heapq.heappush(self._trash, (now, kind.schema.name, item["id"]))
            self._put(kind, item, "deleted", deleted_at=now, trashed_with=row["id"])

    def bring_back(self, draft: Row) -> None:
        """Take a draft out of the trash, into the nearest folder above that is not in it."""
        folder = self._store["Folder"].get(draft["parent_id"])
        while folder is not None and folder["deleted_at"] is not None:
            folder = self._store["Folder"].get(folder["parent_id"])
        if folder is None or folder["id"] != draft["parent_id"]:
            place(draft, folder or root_of(self._store))
        draft.update(deleted_at=None, trashed_with=None)

    def bring_back_contents(self, folder: Row) -> None:
        """Take out of the trash what went into it with a folder."""
        for resource, row in list(self.contents(folder["id"])):
            if row["trashed_with"] == folder["id"]:
                self._put(resource, row, deleted_at=None, trashed_with=None)

    def purge(self) -> None:
        """Forget what has been in the trash for 30 days; no event tells of it."""
        now = self._clock.now()
        while self._trash and self._trash[0][0] + TRASH_SECONDS <= now:
            moment, schema, row_id = heapq.heappop(self._trash)
            rows = self._store[schema]
            row = rows.get(row_id)
            if row is not None and row["deleted_at"] == moment:
                for version_id in row.get("version_ids", ()):
                    self._store["DocumentVersion"].remove(version_id)
                rows.remove(row_id)

    def _put(self, resource: Resource, before: Row, event: Event = "updated", **values: object) -> None:
        after = draft_of(before)
        after.update(values, updated_at=max(self._clock.seconds(), before["updated_at"]))
        self._store[resource.schema.name].put(after)
        if after.get("completed", True):
            self._tell(Change(resource, event, before, after))


def _all(store: Store, resource: Resource) -> Iterator[Row]:
    return iter(store[resource.schema.name])
