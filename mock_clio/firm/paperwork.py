"""Background edits of documents: people filing, renaming, moving and throwing away."""

import random
from collections.abc import Callable

from mock_clio.firm.filing import EXTENSIONS, TITLES
from mock_clio.records.writes import Writer
from mock_clio.store.rows import Row, Store
from mock_clio.tables.catalog import DOCUMENTS

_TRIES = 30
Edit = tuple[int, str, Callable[[], bool]]
"""Weight, name, and an action that answers whether there was anything to do it to."""


class Paperwork:
    """Makes random edits of documents."""

    def __init__(self, store: Store, writer: Writer, rng: random.Random) -> None:
        self._store = store
        self._writer = writer
        self._rng = rng

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What can be done."""
        return (
            (6, "document created", self._create),
            (4, "document updated", self._add_version),
            (4, "document updated", self._rename),
            (3, "document updated", self._move),
            (2, "document deleted", self._trash),
            (1, "document updated", self._restore),
        )

    def _any(self, schema: str, fits: Callable[[Row], bool]) -> Row | None:
        """A row at random; None where chance finds none that fits."""
        rows = self._store[schema]
        for _ in range(_TRIES if rows.ids else 0):
            row = rows.rows[self._rng.choice(rows.ids)]
            if fits(row):
                return row
        return None

    def _document(self, *, trashed: bool = False) -> Row | None:
        return self._any(
            "Document",
            lambda row: not row["locked"] and row["completed"] and (row["deleted_at"] is not None) == trashed,
        )

    def _name(self) -> str:
        number = self._store.document_number + 1
        return f"{self._rng.choice(TITLES)} {number}.{self._rng.choice(EXTENSIONS)}"

    def _create(self) -> bool:
        matter = self._any("Matter", lambda _row: True)
        if matter is None:
            return False
        return self._file(self._name(), {"id": matter["id"], "type": "Matter"})

    def _add_version(self) -> bool:
        document = self._document()
        if document is None:
            return False
        return self._file(document["filename"], {"id": document["id"], "type": "Document"})

    def _file(self, name: str, parent: dict[str, object]) -> bool:
        actor = self._rng.choice([user for user in self._store["User"] if user["enabled"]])
        data = {"name": name, "parent": parent, "size": self._rng.randrange(200, 200_000)}
        self._writer.create(DOCUMENTS, data, actor)
        return True

    def _rename(self) -> bool:
        return self._edit(self._document(), {"name": self._name()})

    def _move(self) -> bool:
        folder = self._any("Folder", lambda row: row["deleted_at"] is None)
        return folder is not None and self._edit(self._document(), {"parent": {"id": folder["id"], "type": "Folder"}})

    def _restore(self) -> bool:
        return self._edit(self._document(trashed=True), {"restore": True})

    def _edit(self, document: Row | None, data: dict[str, object]) -> bool:
        if document is None:
            return False
        self._writer.update(DOCUMENTS, document["id"], data)
        return True

    def _trash(self) -> bool:
        document = self._document()
        if document is None:
            return False
        self._writer.delete(DOCUMENTS, document["id"])
        return True
