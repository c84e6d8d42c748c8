"""Requests that only documents and folders have: uploads, versions, downloads, copies, the contents of a folder."""

import re
from collections.abc import Callable

from mock_clio.api.context import Caller, selection_of
from mock_clio.api.lists import Listing
from mock_clio.state import MockState
from mock_clio.store.rows import Row
from mock_clio.tables.catalog import DOCUMENTS, ITEMS, VERSIONS
from mock_clio.tables.declare import Resource
from mock_clio.wire.bodies import data_of
from mock_clio.wire.errors import bad_argument, not_found
from mock_clio.wire.http import Request, Response

One = Callable[[Request, Caller, Resource, Row, int], Response]
_ID = re.compile(r"\d{1,19}")


class FilingRoutes:
    """Answers those requests; `one` renders a single record."""

    def __init__(self, state: MockState, listing: Listing, one: One) -> None:
        self._state = state
        self._listing = listing
        self._one = one

    def answer(self, request: Request, caller: Caller, parts: list[str]) -> Response | None:
        """The answer, or None where documents and folders are as any other collection."""
        if parts[0] not in {"documents", "folders"}:
            return None
        self._state.storage.base_url = request.base_url
        self._state.writer.filing.tree.purge()
        match (request.method, *parts):
            case ("GET", "folders", "list"):
                return self._items(request, caller)
            case ("POST", "documents"):
                return self._begin(request, caller)
            case ("GET", "documents", document_id, "versions") if _ID.fullmatch(document_id):
                return self._versions(request, caller, int(document_id))
            case ("GET", "documents", document_id, "download") if _ID.fullmatch(document_id):
                return self._download(request, caller, int(document_id))
            case ("POST", "documents", document_id, "copy") if _ID.fullmatch(document_id):
                return self._copy(request, caller, int(document_id))
            case ("POST", "documents", document_id, "versions", version_id, "save_as_latest_version") if _ID.fullmatch(
                document_id
            ) and _ID.fullmatch(version_id):
                caller.need("documents", write=True)
                self._state.writer.filing.save_as_latest(int(document_id), int(version_id), caller.token.grant.user)
                return Response(200)
        return None

    def _items(self, request: Request, caller: Caller) -> Response:
        caller.need("documents")
        rows = [*self._state.store["Document"], *self._state.store["Folder"]]
        return self._listing.inline(self._state, ITEMS, request, caller, rows, "/api/v4/folders/list.json")

    def _begin(self, request: Request, caller: Caller) -> Response:
        caller.need("documents", write=True)
        selection_of(DOCUMENTS.schema, request)
        row = self._state.writer.filing.begin(data_of(request), caller.token.grant.user)
        return self._one(request, caller, DOCUMENTS, row, 201)

    def _versions(self, request: Request, caller: Caller, document_id: int) -> Response:
        caller.need("documents")
        document = self._state.store["Document"].get(document_id)
        if document is None or document["deleted_at"] is not None:
            raise not_found()
        versions = self._state.store["DocumentVersion"].rows
        rows = [versions[version_id] for version_id in document["version_ids"]]
        path = f"/api/v4/documents/{document_id}/versions.json"
        return self._listing.inline(self._state, VERSIONS, request, caller, rows, path)

    def _download(self, request: Request, caller: Caller, document_id: int) -> Response:
        caller.need("documents")
        wanted = request.param("document_version_id")
        if wanted is not None and not _ID.fullmatch(wanted):
            raise bad_argument(f"'{wanted}' is not a valid document_version_id")
        version = self._state.writer.filing.version(document_id, int(wanted) if wanted is not None else None)
        return Response(303, b"", [("Location", self._state.storage.get_url(version))])

    def _copy(self, request: Request, caller: Caller, document_id: int) -> Response:
        caller.need("documents", write=True)
        selection_of(DOCUMENTS.schema, request)
        row = self._state.writer.filing.copy(document_id, data_of(request), caller.token.grant.user)
        return self._one(request, caller, DOCUMENTS, row, 201)


def visible(row: Row, request: Request) -> Row:
    """A record by its id, which hides the trash and open uploads as a list does.

    Raises:
        ApiError: 404 for what is hidden.
    """
    asked = {name for name in ("include_deleted", "show_uncompleted") if request.param(name) in {"true", "1"}}
    if row.get("deleted_at") is not None and "include_deleted" not in asked:
        raise not_found()
    if not row.get("completed", True) and "show_uncompleted" not in asked:
        raise not_found()
    return row
