"""What a document holds: its versions, uploads under way, categories and external properties."""

import uuid
from mimetypes import MimeTypes

from mock_clio.records.folders import filed
from mock_clio.records.values import assign, refer, scalar
from mock_clio.storage import Storage
from mock_clio.store.rows import Row, Store, draft_of
from mock_clio.tables.catalog import DOCUMENTS
from mock_clio.tables.declare import Kind
from mock_clio.tables.documents import DOCUMENT, DOCUMENT_VERSION
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import ApiError, not_found, unprocessable
from mock_clio.wire.moments import parse_moment

MAX_PROPERTIES, MAX_PARTS, MAX_PART_NUMBER = 5, 50, 10_000
_MIME = MimeTypes()
_MIME.add_type("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx")
_MIME.add_type("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx")
_MADE_UP_BYTES = 4096


def type_of(filename: str) -> str:
    """The content type that a file's extension stands for."""
    return _MIME.guess_type(filename)[0] or "application/octet-stream"


def blank(store: Store, creator_id: int, now: int, name: str) -> Row:
    """A document without versions that lies nowhere yet."""
    row = filed(dict.fromkeys(DOCUMENT.fields), store, DOCUMENTS, creator_id, now)
    store.document_number += 1
    row.update(name=name, document_number=store.document_number, version_ids=[], completed=False)
    return row


def new_version(store: Store, draft: Row, creator_id: int, now: int, filename: str) -> Row:
    """One more version of a document, not kept yet. `content` is the key of its bytes in the object store."""
    row: Row = dict.fromkeys(DOCUMENT_VERSION.fields)
    row["id"] = store["DocumentVersion"].next_id()
    row["uuid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{store.account['id']}/{row['id']}"))
    row.update(document_id=draft["id"], creator_id=creator_id, filename=filename, content_type=type_of(filename))
    row.update(version_number=len(draft["version_ids"]) + 1, fully_uploaded=False, content=row["uuid"])
    row.update(put_headers=[], multiparts=[], received_at=now, created_at=now, updated_at=now)
    return row


def keep(store: Store, draft: Row, version: Row) -> None:
    """Add a version to a document, or put it in the place of what it was."""
    store["DocumentVersion"].put(version)
    if version["id"] not in draft["version_ids"]:
        draft["version_ids"].append(version["id"])


def complete(store: Store, draft: Row, version: Row, size: int, now: int) -> None:
    """Make an uploaded version the latest of its document, which then shows its file."""
    done = {**version, "fully_uploaded": True, "size": size, "updated_at": now}
    done.update(put_url=None, put_headers=[], multiparts=[])
    keep(store, draft, done)
    draft.update({name: done[name] for name in ("filename", "content_type", "size", "received_at")})
    draft.update(latest_document_version_id=done["id"], completed=True)


def repeat(store: Store, draft: Row, source: Row, creator_id: int, now: int, filename: str) -> Row:
    """Add a version with the bytes of another, and make it the latest."""
    version = new_version(store, draft, creator_id, now, filename)
    version["content"] = source["content"]
    complete(store, draft, version, source["size"], now)
    return version


def describe(store: Store, draft: Row, data: Data, now: int) -> None:
    """Take name, category and external properties of a document or folder.

    Raises:
        ApiError: 422 for a blank name or too many properties, 404 for an unknown category or property.
    """
    assign(draft, data, {"name": Kind.STR})
    if not (draft["name"] or "").strip():
        raise unprocessable("'name' is required")
    refer(store, draft, data, "document_category", "DocumentCategory")
    operations = data.get("external_properties")
    if operations is None:
        return
    if isinstance(operations, dict):
        operations = list(operations.values())
    if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
        raise unprocessable("'external_properties' must be a list of objects")
    for item in operations:
        _property(store, draft["external_properties"], item, now)
    if len(draft["external_properties"]) > MAX_PROPERTIES:
        raise unprocessable(f"there can be at most {MAX_PROPERTIES} external properties")


def _property(store: Store, rows: list[Row], item: Data, now: int) -> None:
    if item.get("id") is None:
        row: Row = {"id": store.next_id("ExternalProperty"), "name": None, "value": None}
        row.update(created_at=now, updated_at=now)
        rows.append(row)
    else:
        found = next((row for row in rows if str(row["id"]) == str(item["id"])), None)
        if found is None:
            raise not_found()
        row = found
        if scalar("_destroy", Kind.BOOL, item.get("_destroy")):
            rows.remove(row)
            return
    before = dict(row)
    assign(row, item, {"name": Kind.STR, "value": Kind.STR})
    if not row["name"]:
        raise unprocessable("an external property needs a name")
    if row != before:
        row["updated_at"] = now


def describe_version(version: Row, data: Data) -> None:
    """Take what a body says of the file itself."""
    if data.get("content_type"):
        version["content_type"] = str(data["content_type"])
    if data.get("received_at"):
        version["received_at"] = int(parse_moment(str(data["received_at"])))


class Uploads:
    """Uploads under way: URLs handed out, and the check that the bytes came."""

    def __init__(self, store: Store, storage: Storage) -> None:
        self._store = store
        self._storage = storage

    def open(self, version: Row, data: Data) -> None:
        """Hand out the URL of a version, or those of its parts."""
        headers = {"x-amz-server-side-encryption": "AES256", "Content-Type": version["content_type"]}
        version["put_headers"] = _listed(headers)
        version["put_url"] = self._storage.put_url(version, headers)
        version["multiparts"] = self._parts(version, data)

    def advance(self, draft: Row, data: Data, now: int) -> None:
        """The third call: more parts, or the end of an upload.

        Raises:
            ApiError: 404 for an unknown uuid; 422 where the upload has ended before or bytes are missing.
        """
        versions = (self._store["DocumentVersion"].rows[version_id] for version_id in draft["version_ids"])
        version = next((row for row in versions if row["uuid"] == str(data["uuid"])), None)
        if version is None:
            raise not_found()
        if version["fully_uploaded"]:
            raise unprocessable("the version is fully uploaded already")
        if not scalar("fully_uploaded", Kind.BOOL, data.get("fully_uploaded")):
            more = draft_of(version)
            more["multiparts"] = [*version["multiparts"], *self._parts(version, data)]
            keep(self._store, draft, more)
            return
        complete(self._store, draft, version, self._received(version), now)

    def made_up(self, draft: Row, version: Row, data: Data, now: int) -> None:
        """End an upload that nobody made: the file of somebody in Clio's own pages."""
        size = scalar("size", Kind.STR, data.get("size"))
        complete(self._store, draft, version, int(str(size)) if str(size).isdigit() else _MADE_UP_BYTES, now)

    def _received(self, version: Row) -> int:
        """Size of what was uploaded, parts put together."""
        blobs, key = self._storage.blobs, version["uuid"]
        parts = [f"{key}/{part['part_number']}" for part in version["multiparts"]]
        if parts and all(part in blobs for part in parts):
            blobs[key] = b"".join(blobs.pop(part) for part in parts)
        if key not in blobs:
            name = version["filename"]
            message = f"A matching remote file was not found for the file named {name} with UUID {key}"
            raise ApiError(422, "UploadNotFoundError", message)
        return len(blobs[key])

    def _parts(self, version: Row, data: Data) -> list[Row]:
        given = data.get("multiparts") or []
        if not isinstance(given, list) or not all(isinstance(part, dict) for part in given):
            raise unprocessable("'multiparts' must be a list of objects")
        if len(given) > MAX_PARTS:
            raise unprocessable(f"there can be at most {MAX_PARTS} multiparts in a request")
        return [self._part(version, part) for part in given]

    def _part(self, version: Row, part: Data) -> Row:
        number, length = str(part.get("part_number") or ""), str(part.get("content_length") or "")
        if not number.isdigit() or not 1 <= int(number) <= MAX_PART_NUMBER:
            raise unprocessable(f"'{number}' is not a valid part_number")
        if not length.isdigit():
            raise unprocessable(f"'{length}' is not a valid content_length")
        headers = {"Content-Length": length}
        if part.get("content_md5"):
            headers["Content-MD5"] = str(part["content_md5"])
        url = self._storage.part_url(version, int(number), headers)
        return {"part_number": int(number), "put_url": url, "put_headers": _listed(headers)}


def _listed(headers: dict[str, str]) -> list[Row]:
    return [{"name": name, "value": value} for name, value in headers.items()]
