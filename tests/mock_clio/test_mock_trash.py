"""The trash, and what is locked."""

import httpx

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer
from tests.mock_clio.uploading import Subscribe, change, data_of, first, listed, make, plain, upload


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
