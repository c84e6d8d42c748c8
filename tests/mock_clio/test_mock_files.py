"""Files: uploads, versions, downloads, copies."""

import base64
import hashlib
from urllib.parse import urlsplit

import httpx

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer
from tests.mock_clio.uploading import FILE, UPLOAD, Subscribe, change, data_of, first, listed, make, plain, put, upload


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


async def test_a_rename_can_copy_the_version(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    row = plain(clio)
    path, count = f"documents/{row['id']}", len(row["version_ids"])
    same = "Renamed." + row["filename"].rpartition(".")[2]
    await change(api, path, name=same, copy_version=True)
    assert len(await listed(api, f"{path}/versions")) == count
    shown = await change(api, path, "filename,content_type", name="Renamed.csv", copy_version=True)
    assert shown == {"filename": "Renamed.csv", "content_type": "text/csv"}
    assert len(await listed(api, f"{path}/versions")) == count + 1


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


async def test_the_day_a_file_was_received_can_be_set(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    path, received = f"documents/{plain(clio)['id']}", "2026-09-18T16:41:00-07:00"
    fields = "received_at,latest_document_version{received_at}"
    shown = await change(api, path, fields, received_at=received)
    assert shown == {"received_at": received, "latest_document_version": {"received_at": received}}
