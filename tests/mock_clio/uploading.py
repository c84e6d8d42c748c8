"""What tests of documents share: single requests, and the three calls of an upload."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from mock_clio.server import MockClioServer
from mock_clio.store.rows import Row

Subscribe = Callable[..., Awaitable[dict[str, Any]]]
UPLOAD = "id,etag,name,latest_document_version{id,uuid,put_url,put_headers,multiparts,fully_uploaded}"
FILE = b"%PDF-1.7 nothing in it"


async def data_of(answer: Awaitable[httpx.Response], status: int = 200) -> Any:
    response = await answer
    assert response.status_code == status, response.text
    return response.json()["data"]


async def make(api: httpx.AsyncClient, path: str, fields: str = "id,etag", **data: Any) -> dict[str, Any]:
    return dict(await data_of(api.post(path, params={"fields": fields}, json={"data": data}), 201))


async def change(api: httpx.AsyncClient, path: str, fields: str = "id,etag", **data: Any) -> dict[str, Any]:
    return dict(await data_of(api.patch(path, params={"fields": fields}, json={"data": data})))


async def listed(api: httpx.AsyncClient, path: str, **params: str | int) -> list[int]:
    return [row["id"] for row in await data_of(api.get(path, params={"fields": "id", **params}))]


async def put(web: httpx.AsyncClient, version: dict[str, Any], body: bytes = FILE) -> httpx.Response:
    headers = {header["name"]: header["value"] for header in version["put_headers"]}
    return await web.put(version["put_url"], content=body, headers=headers)


async def upload(
    api: httpx.AsyncClient, web: httpx.AsyncClient, parent: dict[str, Any], name: str = "Lease.pdf", body: bytes = FILE
) -> int:
    """The three calls; answers the document's id."""
    begun = await make(api, "documents.json", UPLOAD, name=name, parent=parent)
    version = begun["latest_document_version"]
    assert (await put(web, version, body)).status_code == 200
    await change(api, f"documents/{begun['id']}.json", uuid=version["uuid"], fully_uploaded=True)
    return int(begun["id"])


def first(clio: MockClioServer, schema: str, **wanted: object) -> Row:
    return next(row for row in clio.state.store[schema] if all(row[name] == value for name, value in wanted.items()))


def plain(clio: MockClioServer) -> Row:
    """A document that is neither locked nor in the trash, with more than one version."""
    rows = (row for row in clio.state.store["Document"] if not row["locked"] and row["deleted_at"] is None)
    return next(row for row in rows if len(row["version_ids"]) > 1)
