"""Documents, versions and folders: the tree, lists, uploads, downloads, the trash."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from mock_clio.clock import Clock
from mock_clio.firm.seeding import seed_firm
from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer
from mock_clio.settings import MockSettings
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


async def test_a_seeded_firm_has_every_kind_of_file(clio: MockClioServer) -> None:
    store = clio.state.store
    documents = list(store["Document"])
    assert len(documents) == 2 * len(store["Matter"])
    assert {len(row["version_ids"]) for row in documents} == {1, 2, 3, 4}
    for name in ("content_type", "creator_id", "document_category_id", "group_id", "locked"):
        assert len({row[name] for row in documents}) > 1, name
    assert any(row["external_properties"] for row in documents)
    assert any(row["deleted_at"] for row in documents)
    [root] = [row for row in store["Folder"] if row["root"]]
    own = {row["matter_id"]: row for row in store["Folder"] if row["parent_id"] == root["id"] and row["matter_id"]}
    assert {matter["id"]: matter["display_number"] for matter in store["Matter"]} == {
        matter_id: folder["name"] for matter_id, folder in own.items()
    }
    versions = list(store["DocumentVersion"])
    assert all(row["fully_uploaded"] and 0 < row["size"] < 2**31 for row in versions)
    assert len({row["size"] for row in versions}) > len(versions) // 2


def test_documents_leave_the_rest_of_the_firm_as_it_is(settings: MockSettings, clio: MockClioServer) -> None:
    def firm(documents: int) -> dict[str, object]:
        sized = MockSettings(contacts=20, matters=10, documents=documents)
        store = seed_firm(sized, Clock(settings.clock_start, frozen=True), clio.state.zone)
        assert len(store["Document"]) == documents
        return {name: store[name].rows for name in ("Contact", "Matter", "Folder")}

    assert firm(0) == firm(30)


async def test_list_show_and_associations(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    row = next(
        row for row in clio.state.store["Document"] if row["matter_id"] and not row["locked"] and not row["deleted_at"]
    )
    fields = (
        "type,size,parent{id,name,root},matter{id,display_number},creator{id,name,type},"
        "latest_document_version{document_id,version_number,size,put_url}"
    )
    shown = await data_of(api.get(f"documents/{row['id']}.json", params={"fields": fields}))
    folder = clio.state.store["Folder"].rows[row["parent_id"]]
    assert shown["parent"] == {"id": folder["id"], "name": folder["name"], "root": False}
    assert shown["matter"]["id"] == row["matter_id"]
    assert shown["creator"]["type"] == "ManageUser"
    assert shown["latest_document_version"] == {
        "document_id": row["id"],
        "version_number": len(row["version_ids"]),
        "size": shown["size"],
        "put_url": None,
    }
    matter = await data_of(api.get(f"matters/{row['matter_id']}", params={"fields": "folder{name,root}"}))
    assert matter["folder"]["root"] is False


async def test_documents_need_their_permission(control: httpx.AsyncClient, web: httpx.AsyncClient) -> None:
    issued = await control.post("tokens", json={"client_id": "app", "permissions": {"documents": "read"}})
    headers = {"Authorization": f"Bearer {issued.json()['access_token']}"}
    documents = await data_of(web.get("/api/v4/documents", params={"fields": "id,matter{id}"}, headers=headers))
    assert {"redacted": True, "id": None} in [row["matter"] for row in documents]
    refused = await web.request("DELETE", f"/api/v4/documents/{documents[0]['id']}", headers=headers)
    assert refused.status_code == 403


async def test_filters_of_documents(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    alive = [row for row in clio.state.store["Document"] if row["deleted_at"] is None]
    everything = list(clio.state.store["Document"])

    async def check(wanted: list[Row], **params: str | int) -> None:
        assert await listed(api, "documents", **params) == [row["id"] for row in wanted], params
        assert wanted

    matter_id = next(row["matter_id"] for row in alive if row["matter_id"])
    category_id = next(row["document_category_id"] for row in alive if row["document_category_id"])
    child = next(row["external_properties"] for row in alive if row["external_properties"])[0]
    await check(alive)
    await check(everything, include_deleted="true")
    await check([row for row in alive if row["locked"]], locked="true")
    await check([row for row in alive if row["matter_id"] == matter_id], matter_id=matter_id)
    await check([row for row in alive if row["document_category_id"] == category_id], document_category_id=category_id)
    await check([row for row in alive if row["document_category_id"] is None], document_category_id="null")
    await check([row for row in alive if row["parent_id"] == alive[0]["parent_id"]], parent_id=alive[0]["parent_id"])
    await check([row for row in alive if "lease" in row["name"].lower()], query="lease")
    values = [{part["name"]: part["value"] for part in row["external_properties"]} for row in alive]
    named = [row for row, value in zip(alive, values, strict=True) if child["name"] in value]
    await check(named, external_property_name=child["name"])
    same = [row for row, value in zip(alive, values, strict=True) if value.get(child["name"]) == child["value"]]
    both = {"external_property_name": child["name"], "external_property_value": child["value"]}
    await check(same, **both)
    assert (await api.get("documents", params={"parent_id": 1, "scope": "all"})).status_code == 400


@pytest.mark.parametrize("order", ["created_at", "document_number", "name", "received_at", "updated_at"])
async def test_orders_of_documents(api: httpx.AsyncClient, clio: MockClioServer, order: str) -> None:
    rows = clio.state.store["Document"].rows
    ids = await listed(api, "documents", order=f"{order}(desc)")
    values = [rows[row_id][order] for row_id in ids]
    values = [value.lower() if isinstance(value, str) else value for value in values]
    assert values == sorted(values, reverse=True)


async def test_scope_and_contents_of_folders(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    root = first(clio, "Folder", root=True)
    matter = first(clio, "Matter")
    section = await make(api, "folders", name="Pleadings", parent={"id": matter["id"], "type": "Matter"})
    inner = await make(api, "folders", "id,matter{id}", name="Old", parent={"id": section["id"], "type": "Folder"})
    assert inner["matter"] == {"id": matter["id"]}
    own = matter["folder_id"]
    assert section["id"] in await listed(api, "folders", parent_id=own)
    assert inner["id"] not in await listed(api, "folders", parent_id=own)
    assert inner["id"] in await listed(api, "folders", parent_id=own, scope="descendants")
    assert inner["id"] in await listed(api, "folders", matter_id=matter["id"])
    assert await listed(api, "folders", parent_id="null") == [root["id"]]
    top = await data_of(api.get("folders/list", params={"fields": "id,type,parent{id}"}))
    assert {row["parent"]["id"] for row in top} == {root["id"]}
    assert own in [row["id"] for row in top]
    all_documents = await listed(api, "documents", parent_id=root["id"], scope="descendants")
    assert sorted(all_documents) == await listed(api, "documents")
    mixed = await listed(api, "folders/list", scope="descendants", order="name(asc)", limit=5)
    assert len(mixed) == 5


async def test_the_contents_of_a_folder_are_paged(api: httpx.AsyncClient) -> None:
    found, url = [], "folders/list?scope=descendants&limit=10"
    while url:
        answer = (await api.get(url)).json()
        found += [row["id"] for row in answer["data"]]
        url = answer["meta"]["paging"].get("next")
    assert len(found) == answer["meta"]["records"] == len(set(found))


async def test_new_matters_and_contacts_have_a_folder(
    api: httpx.AsyncClient, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe(model="folder", fields="id,name,matter{id}")
    contact = await make(api, "contacts", "id,folder{name}", type="Company", name="Silva Holdings")
    assert contact["folder"] == {"name": "Silva Holdings"}
    client = {"id": contact["id"]}
    matter = await make(api, "matters", "id,display_number,folder{id,name}", client=client, description="Lease")
    assert matter["folder"]["name"] == matter["display_number"]
    await receiver.wait(2)
    assert [delivery.json["data"]["matter"] for delivery in receiver.deliveries] == [None, {"id": matter["id"]}]


async def test_a_contact_without_a_folder_gets_one_on_demand(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer
) -> None:
    contact = next(row for row in clio.state.store["Contact"] if "folder_id" not in row)
    document_id = await upload(api, web, {"id": contact["id"], "type": "Contact"})
    shown = await data_of(api.get(f"documents/{document_id}", params={"fields": "contact{id},parent{id,name}"}))
    assert shown["contact"] == {"id": contact["id"]}
    assert shown["parent"]["name"] == contact["name"]
    await upload(api, web, {"id": contact["id"], "type": "Contact"})
    assert await listed(api, "folders", contact_id=contact["id"]) == [shown["parent"]["id"]]


async def test_an_upload_takes_three_calls(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe(model="document", fields="id,name,size")
    parent = {"id": first(clio, "Matter")["id"], "type": "Matter"}
    begun = await make(api, "documents.json", UPLOAD, name="Lease.pdf", parent=parent)
    version, path = begun["latest_document_version"], f"documents/{begun['id']}.json"
    assert version["put_headers"] == [
        {"name": "x-amz-server-side-encryption", "value": "AES256"},
        {"name": "Content-Type", "value": "application/pdf"},
    ]
    assert (await api.get(path)).status_code == 404
    assert (await api.get(path, params={"show_uncompleted": "true"})).status_code == 200
    assert begun["id"] not in await listed(api, "documents")
    assert begun["id"] in await listed(api, "documents", show_uncompleted="true")
    third = {"data": {"uuid": version["uuid"], "fully_uploaded": "true"}}
    early = await api.patch(path, json=third)
    assert (early.status_code, early.json()["error"]["type"]) == (422, "UploadNotFoundError")
    assert (await put(web, version)).status_code == 200
    done = await data_of(api.patch(path, json=third, params={"fields": "size,filename," + UPLOAD}))
    assert (done["size"], done["filename"], done["latest_document_version"]["put_url"]) == (22, "Lease.pdf", None)
    assert (await api.patch(path, json=third)).status_code == 422
    assert begun["id"] in await listed(api, "documents")
    await receiver.wait(1)
    assert receiver.deliveries[0].json["data"] == {"id": begun["id"], "name": "Lease.pdf", "size": 22}
    assert receiver.events == ["created"]


async def test_the_store_takes_only_what_was_signed(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer
) -> None:
    parent = {"id": first(clio, "Matter")["id"], "type": "Matter"}
    begun = await make(api, "documents.json", UPLOAD, name="Lease.pdf", parent=parent)
    version = begun["latest_document_version"]
    url, sse = version["put_url"], {"x-amz-server-side-encryption": "AES256"}
    for headers in ({}, sse, {**sse, "Content-Type": "text/plain"}):
        refused = await web.put(url, content=FILE, headers=headers)
        assert (refused.status_code, "SignatureDoesNotMatch" in refused.text) == (403, True)
    good = {**sse, "Content-Type": "application/pdf"}
    assert (await web.put(url.replace("Lease", "Other"), content=FILE, headers=good)).status_code == 403
    assert (await web.put(urlsplit(url).path, content=FILE, headers=good)).status_code == 403
    assert (await api.put(url, content=FILE, headers=good)).status_code == 400
    clio.state.clock.advance(601)
    assert "expired" in (await web.put(url, content=FILE, headers=good)).text


async def test_a_new_version_shows_once_it_is_uploaded(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe(model="document", fields="id,latest_document_version{id}")
    row, path = plain(clio), f"documents/{plain(clio)['id']}"
    parent = {"id": row["id"], "type": "Document"}
    begun = await make(api, "documents", UPLOAD, name="Second.txt", parent=parent)
    version = begun["latest_document_version"]
    assert (begun["id"], version["fully_uploaded"]) == (row["id"], False)
    fields = {"fields": "name,filename,latest_document_version{id,version_number}"}
    meanwhile = await data_of(api.get(path, params=fields))
    assert meanwhile["latest_document_version"]["id"] == row["latest_document_version_id"]
    assert version["id"] in await listed(api, f"{path}/versions")
    assert await listed(api, f"{path}/versions", fully_uploaded="false") == [version["id"]]
    assert len(await listed(api, f"{path}/versions", fully_uploaded="true")) == len(row["version_ids"])
    assert (await put(web, version)).status_code == 200
    await change(api, path, uuid=version["uuid"], fully_uploaded=True)
    after = await data_of(api.get(path, params=fields))
    assert after["latest_document_version"]["id"] == version["id"]
    assert (after["name"], after["filename"]) == (meanwhile["name"], "Second.txt")
    await receiver.wait(1)
    assert receiver.events == ["updated"]


async def test_a_multipart_upload(api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer) -> None:
    parent, halves = {"id": first(clio, "Matter")["id"], "type": "Matter"}, (b"a" * 400, b"b" * 100)
    parts = []
    for number, half in enumerate(halves, 1):
        digest = base64.b64encode(hashlib.md5(half, usedforsecurity=False).digest()).decode()
        parts.append({"part_number": number, "content_length": str(len(half)), "content_md5": digest})
    begun = await make(api, "documents", UPLOAD, name="big.bin", parent=parent, multiparts=parts[:1])
    path, uuid = f"documents/{begun['id']}", begun["latest_document_version"]["uuid"]
    more = await change(api, path, UPLOAD, uuid=uuid, fully_uploaded=False, multiparts=parts[1:])
    given = more["latest_document_version"]["multiparts"]
    assert [part["part_number"] for part in given] == [1, 2]
    assert (await put(web, given[0], b"c" * 400)).status_code == 400
    assert (await put(web, given[0], halves[0])).status_code == 200
    assert (await api.patch(path, json={"data": {"uuid": uuid, "fully_uploaded": True}})).status_code == 422
    assert (await put(web, given[1], halves[1])).status_code == 200
    done = await change(api, path, "size", uuid=uuid, fully_uploaded=True)
    assert done["size"] == 500
    file = await web.get((await api.get(f"{path}/download")).headers["location"])
    assert file.content == halves[0] + halves[1]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"name": "a.pdf"}, 422),
        ({"parent": "matter"}, 422),
        ({"name": " ", "parent": "matter"}, 422),
        ({"name": "a.pdf", "parent": {"id": 1, "type": "Matter"}}, 404),
        ({"name": "a.pdf", "parent": {"id": 1, "type": "Document"}}, 404),
        ({"name": "a.pdf", "parent": {"id": 1, "type": "User"}}, 422),
        ({"name": "a.pdf", "parent": {"id": "x", "type": "Folder"}}, 422),
        ({"name": "a.pdf", "parent": "matter", "document_category": {"id": 1}}, 404),
        ({"name": "a.pdf", "parent": "matter", "external_properties": [{"name": "a", "value": "b"}] * 6}, 422),
        ({"name": "a.pdf", "parent": "matter", "external_properties": [{"value": "b"}]}, 422),
        ({"name": "a.pdf", "parent": "matter", "multiparts": [{"part_number": 0, "content_length": "1"}]}, 422),
        ({"name": "a.pdf", "parent": "matter", "multiparts": [{"part_number": 1}]}, 422),
        ({"name": "a.pdf", "parent": "matter", "multiparts": [{"part_number": 1, "content_length": "1"}] * 51}, 422),
    ],
)
async def test_documents_are_validated(
    api: httpx.AsyncClient, clio: MockClioServer, data: dict[str, Any], status: int
) -> None:
    if data.get("parent") == "matter":
        data = {**data, "parent": {"id": first(clio, "Matter")["id"], "type": "Matter"}}
    before = {name: len(clio.state.store[name]) for name in ("Document", "DocumentVersion", "Folder")}
    assert (await api.post("documents", json={"data": data})).status_code == status
    assert {name: len(clio.state.store[name]) for name in before} == before


async def test_a_download_is_a_redirect_to_the_store(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer
) -> None:
    document_id = await upload(api, web, {"id": first(clio, "Matter")["id"], "type": "Matter"})
    answer = await api.get(f"documents/{document_id}/download.json")
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert urlsplit(location).path.startswith("/__storage__/")
    file = await web.get(location)
    assert (file.content, file.headers["content-type"]) == (FILE, "application/pdf")
    assert (await web.get(location.replace("X-Amz-Expires=600", "X-Amz-Expires=900"))).status_code == 403
    assert (await web.get(location[:-1] + "0g"[location[-1] == "0"])).status_code == 403
    assert (await api.get(location)).status_code == 400
    clio.state.clock.advance(600)
    assert (await web.get(location)).status_code == 403


async def test_every_version_can_be_downloaded(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer
) -> None:
    row = plain(clio)
    path, files = f"documents/{row['id']}/download", set[bytes]()
    for version_id in row["version_ids"]:
        answer = await api.get(path, params={"document_version_id": version_id})
        file = (await web.get(answer.headers["location"])).content
        assert len(file) == clio.state.store["DocumentVersion"].rows[version_id]["size"]
        files.add(file)
    assert len(files) == len(row["version_ids"])
    latest = (await web.get((await api.get(path)).headers["location"])).content
    assert len(latest) == row["size"]
    other = next(version for version in clio.state.store["DocumentVersion"] if version["document_id"] != row["id"])
    assert (await api.get(path, params={"document_version_id": other["id"]})).status_code == 404
    assert (await api.get(path, params={"document_version_id": "x"})).status_code == 400
    assert (await api.get("documents/1/download")).status_code == 404


async def test_rename_move_and_properties(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    row, matter = plain(clio), list(clio.state.store["Matter"])[-1]
    path, category = f"documents/{row['id']}", first(clio, "DocumentCategory")["id"]
    moved = await change(
        api,
        path,
        "name,matter{id},parent{id},document_category{id},external_properties{id,name,value}",
        name="Signed.pdf",
        parent={"id": matter["id"], "type": "Matter"},
        document_category={"id": category},
        external_properties=[
            *({"id": child["id"], "_destroy": True} for child in row["external_properties"]),
            {"name": "source", "value": "scan"},
        ],
    )
    assert (moved["name"], moved["matter"], moved["parent"]) == (
        "Signed.pdf",
        {"id": matter["id"]},
        {"id": matter["folder_id"]},
    )
    assert moved["document_category"] == {"id": category}
    [child] = moved["external_properties"]
    changed = await change(api, path, "external_properties{id,name,value}", external_properties=[{**child, "value": 2}])
    assert changed["external_properties"] == [{**child, "value": "2"}]
    bad = {"parent": {"id": row["id"], "type": "Document"}}
    assert (await api.patch(path, json={"data": bad})).status_code == 422
    assert (await api.patch(path, json={"data": {"external_properties": [{"id": 1}]}})).status_code == 404


async def test_a_rename_can_copy_the_version(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    row = plain(clio)
    path, count = f"documents/{row['id']}", len(row["version_ids"])
    same = "Renamed." + row["filename"].rpartition(".")[2]
    await change(api, path, name=same, copy_version=True)
    assert len(await listed(api, f"{path}/versions")) == count
    shown = await change(api, path, "filename,content_type", name="Renamed.csv", copy_version=True)
    assert shown == {"filename": "Renamed.csv", "content_type": "text/csv"}
    assert len(await listed(api, f"{path}/versions")) == count + 1


async def test_a_moved_folder_takes_its_contents_along(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer
) -> None:
    one, other = list(clio.state.store["Matter"])[:2]
    section = await make(api, "folders", name="Pleadings", parent={"id": one["id"], "type": "Matter"})
    inner = await make(api, "folders", name="Old", parent={"id": section["id"], "type": "Folder"})
    document_id = await upload(api, web, {"id": inner["id"], "type": "Folder"})
    path = f"folders/{section['id']}"
    await change(api, path, parent={"id": other["id"], "type": "Matter"})
    shown = await data_of(api.get(f"documents/{document_id}", params={"fields": "matter{id}"}))
    assert shown["matter"] == {"id": other["id"]}
    into_itself = {"parent": {"id": inner["id"], "type": "Folder"}}
    assert (await api.patch(path, json={"data": into_itself})).status_code == 422
    own = f"folders/{one['folder_id']}"
    assert (await api.patch(own, json={"data": {"parent": {"id": section["id"], "type": "Folder"}}})).status_code == 422


async def test_copies_and_old_versions_become_the_latest(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer
) -> None:
    row = plain(clio)
    parent = {"id": first(clio, "Folder", root=True)["id"], "type": "Folder"}
    fields = "id,name,size,parent{id},latest_document_version{version_number}"
    copy = await make(api, f"documents/{row['id']}/copy.json", fields, parent=parent)
    assert (copy["name"], copy["size"], copy["parent"]) == (row["name"], row["size"], {"id": parent["id"]})
    assert copy["latest_document_version"] == {"version_number": 1}
    named = await make(
        api, f"documents/{row['id']}/copy.json", "name,filename", parent=parent, name="B", filename="b.pdf"
    )
    assert named == {"name": "B", "filename": "b.pdf"}
    assert (await api.post("documents/1/copy.json", json={"data": {"parent": parent}})).status_code == 404
    oldest = clio.state.store["DocumentVersion"].rows[row["version_ids"][0]]
    path = f"documents/{row['id']}/versions/{oldest['id']}/save_as_latest_version.json"
    assert (await api.post(path)).status_code == 200
    shown = await data_of(api.get(f"documents/{row['id']}", params={"fields": fields}))
    assert shown["latest_document_version"] == {"version_number": len(row["version_ids"]) + 1}
    file = await web.get((await api.get(f"documents/{row['id']}/download")).headers["location"])
    assert file.content == clio.state.storage.content(oldest)


async def test_the_trash(
    api: httpx.AsyncClient, clio: MockClioServer, receiver: Receiver, subscribe: Subscribe
) -> None:
    await subscribe(model="document", fields="id,deleted_at")
    row = plain(clio)
    path, since = f"documents/{row['id']}.json", "2026-11-02T17:00:00Z"
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404
    assert (await api.delete(path)).status_code == 404
    assert (await api.get(f"documents/{row['id']}/download")).status_code == 404
    assert (await api.patch(path, json={"data": {"name": "a.pdf"}})).status_code == 404
    assert row["id"] not in await listed(api, "documents")
    assert await listed(api, "documents", include_deleted="true", updated_since=since) == [row["id"]]
    trashed = await data_of(api.get(path, params={"include_deleted": "true", "fields": "deleted_at"}))
    assert trashed["deleted_at"] is not None
    back = await change(api, path, "deleted_at,name", restore=True)
    assert back == {"deleted_at": None, "name": row["name"]}
    assert row["id"] in await listed(api, "documents")
    await receiver.wait(2)
    assert receiver.events == ["deleted", "updated"]


async def test_a_folder_takes_its_contents_to_the_trash_and_back(
    api: httpx.AsyncClient, web: httpx.AsyncClient, clio: MockClioServer
) -> None:
    matter = {"id": first(clio, "Matter")["id"], "type": "Matter"}
    section = await make(api, "folders", name="Pleadings", parent=matter)
    inside = {"id": section["id"], "type": "Folder"}
    kept, gone = await upload(api, web, inside), await upload(api, web, inside, "Other.pdf")
    assert (await api.delete(f"documents/{gone}")).status_code == 204
    assert (await api.delete(f"folders/{section['id']}")).status_code == 204
    assert (await api.get(f"documents/{kept}")).status_code == 404
    assert (await api.post("folders", json={"data": {"name": "x", "parent": inside}})).status_code == 404
    alone = await change(api, f"documents/{gone}", "parent{id}", restore=True)
    assert alone["parent"] == {"id": first(clio, "Matter")["folder_id"]}
    await change(api, f"folders/{section['id']}", restore=True)
    assert await listed(api, "documents", parent_id=section["id"]) == [kept]


async def test_the_trash_is_emptied_after_thirty_days(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    row = plain(clio)
    versions = len(clio.state.store["DocumentVersion"])
    assert (await api.delete(f"documents/{row['id']}")).status_code == 204
    trashed = [row["id"] for row in clio.state.store["Document"] if row["deleted_at"] is not None]
    clio.state.clock.advance(30 * 86_400 + 1)
    assert not set(trashed) & {row["id"] for row in await data_of(control.get("records/documents"))}
    assert len(clio.state.store["DocumentVersion"]) <= versions - len(row["version_ids"])


async def test_what_is_locked_stays_as_it_is(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    row = first(clio, "Document", locked=True)
    path = f"documents/{row['id']}"
    assert (await api.patch(path, json={"data": {"name": "a.pdf"}})).status_code == 422
    version = {"name": "a.pdf", "parent": {"id": row["id"], "type": "Document"}}
    assert (await api.post("documents", json={"data": version})).status_code == 422
    refused = await api.delete(path)
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "ConflictError")
    await control.patch("switches", json={"conflict_type": "Other"})
    assert (await api.delete(path)).json()["error"]["type"] == "Other"
    latest = f"{path}/versions/{row['version_ids'][0]}/save_as_latest_version"
    assert (await api.post(latest)).status_code == 400
    unlocked = await data_of(control.patch(f"records/{path}", json={"data": {"locked": False}}))
    assert unlocked["locked"] is False
    assert (await api.delete(path)).status_code == 204


async def test_folders_that_cannot_be_trashed(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    root = first(clio, "Folder", root=True)["id"]
    section = await make(api, "folders", name="Pleadings", parent={"id": root, "type": "Folder"})
    data = {"name": "Scan.jpg", "parent": {"id": section["id"], "type": "Folder"}}
    made = await data_of(control.post("records/documents", json={"data": data}), 201)
    await data_of(control.patch(f"records/documents/{made['id']}", json={"data": {"locked": True}}))
    for folder_id, words in ((root, "root folder"), (section["id"], "locked items")):
        answer = await api.delete(f"folders/{folder_id}")
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "DeleteFailed")
        assert words in answer.json()["error"]["message"]


async def test_the_control_interface_files_documents(control: httpx.AsyncClient, clio: MockClioServer) -> None:
    parent = {"id": first(clio, "Matter")["id"], "type": "Matter"}
    body = {"data": {"name": "Scan.jpg", "parent": parent, "size": 123}}
    made = await data_of(control.post("records/documents", json=body), 201)
    assert (made["size"], made["latest_document_version"]["fully_uploaded"]) == (123, True)
    again = {"data": {"name": "Scan.jpg", "parent": {"id": made["id"], "type": "Document"}}}
    second = await data_of(control.post("records/documents", json=again), 201)
    assert (second["id"], second["latest_document_version"]["version_number"]) == (made["id"], 2)
    assert (await control.delete(f"records/documents/{made['id']}")).status_code == 204
    trashed = await data_of(control.get(f"records/documents/{made['id']}"))
    assert trashed["deleted_at"] is not None
    folder = await data_of(control.post("records/folders", json={"data": {"name": "Scans", "parent": parent}}), 201)
    assert folder["matter"]["id"] == parent["id"]


@pytest.mark.parametrize("model", ["document", "folder", 8, 9])
async def test_webhooks_of_documents_can_be_refused(
    api: httpx.AsyncClient, control: httpx.AsyncClient, receiver: Receiver, model: object
) -> None:
    await control.patch("switches", json={"document_webhooks": "refused"})
    body = {"url": receiver.url, "model": model, "fields": "id"}
    answer = await api.post("webhooks", json={"data": body})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "ArgumentError")


async def test_webhooks_of_documents_can_be_silent(
    api: httpx.AsyncClient,
    web: httpx.AsyncClient,
    control: httpx.AsyncClient,
    clio: MockClioServer,
    receiver: Receiver,
    subscribe: Subscribe,
) -> None:
    await control.patch("switches", json={"document_webhooks": "silent"})
    assert (await subscribe(model="document", fields="id"))["status"] == "enabled"
    await upload(api, web, {"id": first(clio, "Matter")["id"], "type": "Matter"})
    await control.post("deliveries/settle")
    assert receiver.deliveries == []


async def test_traffic_files_documents(control: httpx.AsyncClient, clio: MockClioServer) -> None:
    before = {row["id"]: row for row in clio.state.store["Document"]}
    versions = len(clio.state.store["DocumentVersion"])
    done = (await control.post("traffic/edits", json={"count": 300})).json()["done"]
    assert {"document created", "document updated", "document deleted"} <= set(done)
    after = {row["id"]: row for row in clio.state.store["Document"]}
    assert len(after) == len(before) + done.count("document created")
    assert len(clio.state.store["DocumentVersion"]) > versions + done.count("document created")
    assert any(row["deleted_at"] is None for row_id, row in after.items() if before.get(row_id, row)["deleted_at"])
    assert any(row["parent_id"] != before[row_id]["parent_id"] for row_id, row in after.items() if row_id in before)
