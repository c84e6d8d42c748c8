"""The firm's files: folders of matters and contacts, folders in them, documents and their versions."""

import random

from mock_clio.firm.lookups import YEAR
from mock_clio.records import documents, folders
from mock_clio.settings import MockSettings
from mock_clio.store.rows import Row, Store

CATEGORIES = ("Agreement", "Correspondence", "Court form", "Evidence", "Invoice")
TITLES = (
    "Engagement letter",
    "Statement of claim",
    "Lease",
    "Affidavit",
    "Notes of call",
    "Expert report",
    "Disbursements",
    "Photograph",
    "Draft order",
    "Medical record",
)
EXTENSIONS = ("pdf", "pdf", "pdf", "docx", "docx", "xlsx", "txt", "jpg")
_SECTIONS = ("Pleadings", "Correspondence", "Evidence", "Drafts")
_INNER = ("Old", "Final")
_DAY = 86_400
_VERSIONS = (1, 1, 1, 2, 2, 3, 4)
_PER_MATTER = 2
_LOCKED, _TRASHED, _OF = 7, 13, 20
"""Of each twenty documents, the eighth is locked and the fourteenth lies in the trash: some of both in any firm."""


def seed_filing(store: Store, settings: MockSettings, now: int) -> None:
    """Root folder, folders and documents, drawn apart from the rest so that they change nothing in it."""
    rng = random.Random(settings.seed + 32)  # noqa: S311 - invented data, repeatable by design
    owner = next(iter(store["User"]))
    root = folders.blank(store, owner["id"], now - 5 * YEAR, settings.firm_name)
    root["root"] = True
    store["Folder"].put(root)
    for name in CATEGORIES:
        category = {"id": store["DocumentCategory"].next_id(), "name": name}
        store["DocumentCategory"].put({**category, "created_at": root["created_at"], "updated_at": root["created_at"]})
    files = _Files(store, rng, now, root)
    for matter in store["Matter"]:
        files.sections(files.own("Matter", matter))
    for contact in store["Contact"]:
        if rng.random() < 0.3:
            files.own("Contact", contact)
    count = settings.documents if settings.documents is not None else _PER_MATTER * len(store["Matter"])
    for number in range(count):
        files.document(number)


class _Files:
    """Makes folders, and documents to lie in them."""

    def __init__(self, store: Store, rng: random.Random, now: int, root: Row) -> None:
        self._store = store
        self._rng = rng
        self._now = now
        self._root = root
        self._users = list(store["User"])
        self._categories = store["DocumentCategory"].ids
        self._open = [root]

    def own(self, kind: str, record: Row) -> Row:
        """The folder of a matter or contact."""
        folder = self._folder(self._root, folders.own_name(kind, record), record["created_at"])
        folder[f"{kind.lower()}_id"] = record["id"]
        record["folder_id"] = folder["id"]
        return folder

    def sections(self, folder: Row) -> None:
        """Folders inside one of a matter, two deep in some; a few are locked, a few in the trash."""
        rng = self._rng
        for name in rng.sample(_SECTIONS, rng.choice((0, 0, 1, 2))):
            section = self._folder(folder, name, self._later(folder["created_at"]))
            if rng.random() < 0.3:
                inner = self._folder(section, rng.choice(_INNER), self._later(section["created_at"]))
                inner["locked"] = rng.random() < 0.2
            elif rng.random() < 0.1:
                self._throw_away(self._open.pop())

    def document(self, number: int) -> None:
        """One document with all its versions."""
        rng, store = self._rng, self._store
        folder = rng.choice(self._open)
        created = self._later(folder["created_at"])
        name = f"{rng.choice(TITLES)} {number + 1}.{rng.choice(EXTENSIONS)}"
        row = documents.blank(store, rng.choice(self._users)["id"], created, name)
        folders.place(row, folder)
        moment = created
        for _ in range(rng.choice(_VERSIONS)):
            version = documents.new_version(store, row, rng.choice(self._users)["id"], moment, name)
            documents.complete(store, row, version, int(2 ** rng.uniform(8, 18)), moment)
            moment = self._later(moment)
        row["updated_at"] = store["DocumentVersion"].rows[row["latest_document_version_id"]]["updated_at"]
        if rng.random() < 0.5:
            row["document_category_id"] = rng.choice(self._categories)
        if rng.random() < 0.2:
            row["group_id"] = store["Group"].ids[0]
        for label in rng.sample(("source", "reference", "reviewed"), rng.choice((0, 0, 0, 1, 2))):
            row["external_properties"].append(self._property(label, created))
        row["locked"] = number % _OF == _LOCKED
        if number % _OF == _TRASHED:
            self._throw_away(row)
        store["Document"].put(row)

    def _folder(self, parent: Row, name: str, created: int) -> Row:
        folder = folders.blank(self._store, self._rng.choice(self._users)["id"], created, name)
        folders.place(folder, parent)
        self._store["Folder"].put(folder)
        self._open.append(folder)
        return folder

    def _property(self, name: str, created: int) -> Row:
        row: Row = {"id": self._store.next_id("ExternalProperty"), "name": name}
        row.update(value=f"{name}-{self._rng.randrange(1000)}", created_at=created, updated_at=created)
        return row

    def _throw_away(self, row: Row) -> None:
        """Put into the trash within the days it is kept there."""
        moment = max(row["updated_at"], self._now - self._rng.randrange(_DAY, 20 * _DAY))
        row.update(deleted_at=moment, updated_at=moment, trashed_with=row["id"])

    def _later(self, moment: int) -> int:
        return self._rng.randrange(moment, max(self._now, moment + 1))
