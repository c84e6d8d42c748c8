"""What writing a document or a folder means."""

from mock_clio.clock import Clock
from mock_clio.records import documents, folders
from mock_clio.records.documents import Uploads
from mock_clio.records.folders import Tree
from mock_clio.records.values import scalar
from mock_clio.storage import Storage
from mock_clio.store.changes import Change, Listener
from mock_clio.store.rows import Row, Store, draft_of
from mock_clio.switches import Switches
from mock_clio.tables.catalog import DOCUMENTS, FOLDERS
from mock_clio.tables.declare import Kind, Resource
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import bad_argument, not_found, unprocessable


class Filing:
    """Creates, changes, moves, trashes and restores documents and folders, and tells a listener of each change."""

    def __init__(self, store: Store, clock: Clock, switches: Switches, storage: Storage, listener: Listener) -> None:
        self._store = store
        self._clock = clock
        self._tell = listener
        self._uploads = Uploads(store, storage)
        self.tree = Tree(store, clock, switches, listener)

    def create(self, resource: Resource, data: Data, actor: Row) -> Row:
        """Add a folder, or a document as somebody in Clio's own pages does: its file is there at once.

        The file is made up, of `size` bytes if the body says so.
        """
        if resource is DOCUMENTS:
            return self._document(data, actor, upload=False)
        now = self._clock.seconds()
        folder = folders.blank(self._store, actor["id"], now, "")
        folder["name"] = None
        documents.describe(self._store, folder, data, now)
        folders.place(folder, self.tree.parent(data, actor["id"]))
        self._store["Folder"].put(folder)
        self._tell(Change(FOLDERS, "created", None, folder))
        return folder

    def begin(self, data: Data, actor: Row) -> Row:
        """The first of the three calls of an upload: a document, or version, that nobody sees until the third.

        Returns:
            the document with the new version as its latest, which no later answer shows until it is uploaded.
        """
        return self._document(data, actor, upload=True)

    def update(self, resource: Resource, row_id: int, data: Data) -> Row:
        """Change, move, restore, or end an upload; a body that changes nothing is not told.

        Raises:
            ApiError: 404 for what is in the trash and not restored, 422 for what is locked or does not pass.
        """
        rows = self._store[resource.schema.name]
        before, now = rows.get(row_id), self._clock.seconds()
        restored = bool(scalar("restore", Kind.BOOL, data.get("restore")))
        if before is None or (before["deleted_at"] is not None and not restored):
            raise not_found()
        if before["locked"]:
            raise unprocessable("locked items cannot be changed")
        after = draft_of(before)
        documents.describe(self._store, after, data, now)
        if restored and before["deleted_at"] is not None:
            self.tree.bring_back(after)
        if data.get("parent") is not None:
            folder = self.tree.parent(data, before["creator_id"])
            if folder["id"] != after["parent_id"]:
                self.tree.check_move(resource, before, folder)
                folders.place(after, folder)
        if resource is DOCUMENTS:
            self._file(after, data, now)
        if after == before:
            return self._shown(after, data)
        after["updated_at"] = max(now, before["updated_at"])
        rows.put(after)
        self._announce(resource, before, after)
        if resource is FOLDERS:
            self.tree.bring_back_contents(after)
            self.tree.carry(after)
        return after

    def _shown(self, row: Row, data: Data) -> Row:
        """The row with the version whose further parts a body asked for, if it did."""
        versions = (self._store["DocumentVersion"].rows[version_id] for version_id in row.get("version_ids", ()))
        found = next((version for version in versions if version["uuid"] == data.get("uuid")), None)
        return row if found is None else {**row, "latest_document_version_id": found["id"]}

    def delete(self, resource: Resource, row_id: int) -> None:
        """Move to the trash."""
        row = self._store[resource.schema.name].get(row_id)
        if row is None or row["deleted_at"] is not None:
            raise not_found()
        self.tree.trash(resource, row)

    def lock(self, resource: Resource, row_id: int, *, locked: bool) -> None:
        """Lock or unlock, which nobody can do through REST."""
        rows = self._store[resource.schema.name]
        before = rows.get(row_id)
        if before is None:
            raise not_found()
        if before["locked"] != locked:
            after = {**before, "locked": locked, "updated_at": max(self._clock.seconds(), before["updated_at"])}
            rows.put(after)
            self._tell(Change(resource, "updated", before, after))

    def copy(self, row_id: int, data: Data, actor: Row) -> Row:
        """A new document with the latest version of another as its only one."""
        source = self._readable(row_id)
        latest = self._store["DocumentVersion"].rows[source["latest_document_version_id"]]
        now = self._clock.seconds()
        row = documents.blank(self._store, actor["id"], now, source["name"])
        documents.describe(self._store, row, data, now)
        folders.place(row, self.tree.parent(data, actor["id"]))
        documents.repeat(self._store, row, latest, actor["id"], now, str(data.get("filename") or latest["filename"]))
        self._store["Document"].put(row)
        self._tell(Change(DOCUMENTS, "created", None, row))
        return row

    def save_as_latest(self, row_id: int, version_id: int, actor: Row) -> None:
        """Add a version with the bytes of an earlier one."""
        before = self._readable(row_id)
        if version_id not in before["version_ids"]:
            raise not_found()
        source = self._store["DocumentVersion"].rows[version_id]
        if before["locked"] or not source["fully_uploaded"]:
            raise bad_argument("this version cannot be saved as the latest")
        now = self._clock.seconds()
        after = draft_of(before)
        documents.repeat(self._store, after, source, actor["id"], now, source["filename"])
        after["updated_at"] = max(now, before["updated_at"])
        self._store["Document"].put(after)
        self._tell(Change(DOCUMENTS, "updated", before, after))

    def version(self, row_id: int, version_id: int | None) -> Row:
        """A version that can be downloaded, the latest unless said."""
        document = self._readable(row_id)
        wanted = document["latest_document_version_id"] if version_id is None else version_id
        found = self._store["DocumentVersion"].get(wanted) if wanted in document["version_ids"] else None
        if found is None or not found["fully_uploaded"]:
            raise not_found()
        return found

    def _readable(self, row_id: int) -> Row:
        row = self._store["Document"].get(row_id)
        if row is None or row["deleted_at"] is not None or not row["completed"]:
            raise not_found()
        return row

    def _document(self, data: Data, actor: Row, *, upload: bool) -> Row:
        """A new document, or a new version where the parent is a document."""
        kind, parent_id = folders.parent_of(data)
        if not str(data.get("name") or "").strip():
            raise unprocessable("'name' is required")
        now = self._clock.seconds()
        before = self._readable(parent_id) if kind == "Document" else None
        if before is None:
            after = documents.blank(self._store, actor["id"], now, str(data["name"]))
            documents.describe(self._store, after, data, now)
        elif before["locked"]:
            raise unprocessable("locked items cannot be changed")
        else:
            after = draft_of(before)
        version = documents.new_version(self._store, after, actor["id"], now, str(data.get("filename") or data["name"]))
        documents.describe_version(version, data)
        if upload:
            self._uploads.open(version, data)
        if before is None:
            folders.place(after, self.tree.parent(data, actor["id"]))
        if upload:
            documents.keep(self._store, after, version)
            return self._begun(before, after, version)
        self._uploads.made_up(after, version, data, now)
        after["updated_at"] = max(now, after["updated_at"])
        self._store["Document"].put(after)
        self._announce(DOCUMENTS, before, after)
        return after

    def _begun(self, before: Row | None, after: Row, version: Row) -> Row:
        if before is None:
            after.update({name: version[name] for name in ("filename", "content_type", "received_at")})
            after["latest_document_version_id"] = version["id"]
        self._store["Document"].put(after)
        return {**after, "latest_document_version_id": version["id"]}

    def _file(self, draft: Row, data: Data, now: int) -> None:
        """What a PATCH says of the file: the end of an upload, a date, a new extension."""
        if data.get("uuid"):
            self._uploads.advance(draft, data, now)
        latest = self._store["DocumentVersion"].rows[draft["latest_document_version_id"]]
        if data.get("received_at"):
            latest = dict(latest)
            documents.describe_version(latest, {"received_at": data["received_at"]})
            documents.keep(self._store, draft, latest)
            draft["received_at"] = latest["received_at"]
        name = str(draft["name"])
        renamed = _extension(name) != _extension(latest["filename"])
        if scalar("copy_version", Kind.BOOL, data.get("copy_version")) and "name" in data and renamed:
            documents.repeat(self._store, draft, latest, draft["creator_id"], now, name)

    def _announce(self, resource: Resource, before: Row | None, after: Row) -> None:
        """A document comes into being when its first upload ends; until then nobody hears of it."""
        if resource is FOLDERS or (before is not None and before["completed"]):
            self._tell(Change(resource, "updated", before, after))
        elif after["completed"]:
            self._tell(Change(resource, "created", None, after))


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
