"""Documents and folders: the tree, lists, changes, webhooks, traffic."""

from typing import Any

import httpx
import pytest

from mock_clio.clock import Clock
from mock_clio.firm.seeding import seed_firm
from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer
from mock_clio.settings import MockSettings
from mock_clio.store.rows import Row
from tests.mock_clio.uploading import Subscribe, change, data_of, first, listed, make, plain, upload


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
