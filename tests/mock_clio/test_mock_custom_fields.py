"""Custom fields: definitions, their options, and sets of them."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from mock_clio.server import MockClioServer
from tests.mock_clio.calls import PERSON, call, define, seeded

TYPES = {
    "checkbox",
    "contact",
    "currency",
    "date",
    "time",
    "email",
    "matter",
    "numeric",
    "picklist",
    "text_area",
    "text_line",
    "url",
}


async def test_the_firm_has_definitions_of_every_type_for_both_parents(api: httpx.AsyncClient) -> None:
    fields = "id,name,field_type,parent_type,deleted,picklist_options{id,option,deleted_at}"
    rows = await call(api, "GET", "custom_fields", 200, fields)
    for parent_type in ("Contact", "Matter"):
        assert {row["field_type"] for row in rows if row["parent_type"] == parent_type} == TYPES
    assert [row["name"] for row in rows if row["deleted"]] == ["Old file number"]
    options = [option for row in rows for option in row["picklist_options"]]
    assert {option["deleted_at"] is None for option in options} == {True, False}
    sets = await call(api, "GET", "custom_field_sets", 200, "name,parent_type,custom_fields{id,name}")
    assert {row["parent_type"] for row in sets} == {"Contact", "Matter"}
    assert all(row["custom_fields"] for row in sets)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({"parent_type": "matter"}, lambda row: row["parent_type"] == "Matter"),
        ({"field_type": "picklist"}, lambda row: row["field_type"] == "picklist"),
        ({"deleted": "true"}, lambda row: row["deleted"]),
        ({"deleted": "false"}, lambda row: not row["deleted"]),
        ({"query": "COURT file"}, lambda row: row["name"] == "Court file number"),
        ({"visible_and_required": "true"}, lambda row: row["displayed"] and row["required"]),
    ],
)
async def test_definitions_are_filtered(
    api: httpx.AsyncClient, clio: MockClioServer, query: Mapping[str, str], kept: Any
) -> None:
    answer = await api.get("custom_fields", params=query)
    expected = [row["id"] for row in clio.state.store["CustomField"] if kept(row)]
    assert [row["id"] for row in answer.json()["data"]] == expected != []


async def test_definitions_and_sets_are_ordered(api: httpx.AsyncClient) -> None:
    answer = await api.get("custom_fields", params={"order": "display_order(desc)", "fields": "display_order"})
    orders = [row["display_order"] for row in answer.json()["data"]]
    assert orders == sorted(orders, reverse=True)
    sets = await api.get(
        "custom_field_sets", params={"order": "parent_type", "fields": "name", "parent_type": "Matter"}
    )
    assert sets.json()["data"] == [{"name": "Litigation"}]
    for wrong in ({"field_type": "robot"}, {"parent_type": "Matter"}, {"order": "field_type"}):
        assert (await api.get("custom_fields", params=wrong)).status_code == 400


async def test_a_definition_lives_and_is_deleted_softly(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    fields = "id,etag,name,field_type,parent_type,displayed,required,deleted,display_order,updated_at"
    given = {"name": "Court", "parent_type": "Matter", "field_type": "text_line"}
    made = await call(api, "POST", "custom_fields", 201, fields, **given)
    assert (made["displayed"], made["required"], made["deleted"], made["display_order"]) == (True, False, False, 14)
    path = f"custom_fields/{made['id']}"
    clio.state.clock.advance(5)
    changed = await call(api, "PATCH", path, 200, fields, name="Bench", field_type="url", parent_type="Contact")
    assert (changed["name"], changed["field_type"], changed["parent_type"]) == ("Bench", "text_line", "Matter")
    assert changed["updated_at"] > made["updated_at"]
    stale = await api.patch(path, headers={"If-Match": made["etag"]}, json={"data": {"name": "X"}})
    assert stale.status_code == 412
    clio.state.clock.advance(5)
    for _ in range(2):
        await call(api, "DELETE", path, 204)
    gone = await call(api, "GET", path, 200, fields)
    assert gone["deleted"] is True
    assert gone["updated_at"] > changed["updated_at"]
    await call(api, "GET", "custom_fields/1", 404)


@pytest.mark.parametrize("listed", [True, False])
async def test_deleted_definitions_are_listed_as_switched(
    api: httpx.AsyncClient, control: httpx.AsyncClient, listed: bool
) -> None:
    await control.patch("switches", json={"deleted_custom_fields_listed": listed})
    rows = await call(api, "GET", "custom_fields", 200, "deleted")
    assert any(row["deleted"] for row in rows) is listed
    assert (await api.get("custom_fields?deleted=true")).json()["data"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": " "}, "Name can't be blank"),
        ({"name": "A", "parent_type": "Matter"}, "'' is not a valid field_type"),
        ({"name": "A", "field_type": "TextLine", "parent_type": "Matter"}, "'TextLine' is not a valid field_type"),
        ({"name": "A", "field_type": "url", "parent_type": "matter"}, "'matter' is not a valid parent_type"),
        ({"name": "A", "field_type": "url", "parent_type": "Matter", "display_order": "x"}, "display_order"),
        (
            {"name": "A", "field_type": "url", "parent_type": "Matter", "picklist_options": [{"option": "B"}]},
            "a url has no picklist_options",
        ),
        (
            {"name": "A", "field_type": "picklist", "parent_type": "Matter", "picklist_options": [{"option": ""}]},
            "'option' is required",
        ),
    ],
)
async def test_definitions_are_validated(api: httpx.AsyncClient, data: dict[str, Any], words: str) -> None:
    assert words in await call(api, "POST", "custom_fields", 422, **data)


@pytest.mark.parametrize("bumps", [True, False])
async def test_options_are_added_renamed_and_deleted(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer, bumps: bool
) -> None:
    await control.patch("switches", json={"nested_change_bumps_parent": bumps})
    made = await define(api, "picklist", picklist_options=[{"option": "A"}, {"option": "B"}])
    first, second = made["picklist_options"]
    clio.state.clock.advance(5)
    operations = [{"id": first["id"], "option": "A2"}, {"id": second["id"], "_deleted": True}, {"option": "C"}]
    fields = "id,etag,picklist_options{option,deleted_at}"
    path = f"custom_fields/{made['id']}"
    changed = await call(api, "PATCH", path, 200, fields, picklist_options=operations)
    options = [(option["option"], option["deleted_at"] is None) for option in changed["picklist_options"]]
    assert options == [("A2", True), ("B", False), ("C", True)]
    assert (changed["etag"] != made["etag"]) is bumps
    await call(api, "PATCH", path, 404, picklist_options=[{"id": 1, "option": "X"}])
    assert (await define(api, "picklist"))["picklist_options"] == []


async def test_sets_hold_definitions_of_one_parent_type(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    mine, other = seeded(clio, "Matter", "url")["id"], seeded(clio, "Contact", "url")["id"]
    fields = "id,name,displayed,parent_type,custom_fields{id}"
    made = await call(api, "POST", "custom_field_sets", 201, fields, name="Set", custom_field_ids=[mine])
    assert (made["parent_type"], made["displayed"], made["custom_fields"]) == ("Matter", True, [{"id": mine}])
    path = f"custom_field_sets/{made['id']}"
    assert "is not one of a Matter" in await call(api, "PATCH", path, 422, custom_field_ids=[other])
    assert "'custom_field_ids' must" in await call(api, "PATCH", path, 422, custom_field_ids="x")
    await call(api, "PATCH", path, 404, custom_field_ids=[1])
    emptied = await call(api, "PATCH", path, 200, fields, custom_field_ids=[], displayed=False, name="Other")
    assert (emptied["custom_fields"], emptied["displayed"], emptied["name"]) == ([], False, "Other")
    await call(api, "DELETE", path, 204)
    await call(api, "GET", path, 404)
    assert "Name can't be blank" in await call(api, "POST", "custom_field_sets", 422, parent_type="Matter")


async def test_a_set_is_put_on_a_record_and_taken_off(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    sets = {row["parent_type"]: row["id"] for row in clio.state.store["CustomFieldSet"]}
    contact = await call(api, "POST", "contacts", 201, **PERSON)
    path, fields = f"contacts/{contact['id']}", "id,custom_field_set_associations{id,display_order}"
    given = [{"custom_field_set": {"id": sets["Contact"]}}, {"custom_field_set": {"id": sets["Contact"]}}]
    made = await call(api, "PATCH", path, 200, fields, custom_field_set_associations=given)
    first, second = made["custom_field_set_associations"]
    assert (first["display_order"], second["display_order"]) == (1, 2)
    operations = [{"id": first["id"], "display_order": 9}]
    moved = await call(api, "PATCH", path, 200, fields, custom_field_set_associations=operations)
    assert [row["id"] for row in moved["custom_field_set_associations"]] == [second["id"], first["id"]]
    operations = [{"id": second["id"], "_destroy": True}]
    left = await call(api, "PATCH", path, 200, fields, custom_field_set_associations=operations)
    assert [row["id"] for row in left["custom_field_set_associations"]] == [first["id"]]
    wrong = [{"custom_field_set": {"id": sets["Matter"]}}]
    assert "is not one of a Contact" in await call(api, "PATCH", path, 422, custom_field_set_associations=wrong)
    assert "is required" in await call(api, "PATCH", path, 422, custom_field_set_associations=[{"display_order": 1}])
    await call(api, "DELETE", f"custom_field_sets/{sets['Contact']}", 204)
    assert (await call(api, "GET", path, 200, fields))["custom_field_set_associations"] == []


async def test_without_the_permission_definitions_are_closed_and_values_are_not(
    api: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    issued = await control.post("tokens", json={"client_id": "app", "permissions": {"contacts": "read"}})
    headers = {"Authorization": f"Bearer {issued.json()['access_token']}"}
    for path in ("custom_fields", "custom_field_sets"):
        assert (await api.get(path, headers=headers)).status_code == 403
    fields = "custom_field_values{id,field_name,value,custom_field,matter}"
    listed = (await api.get("contacts", params={"fields": fields}, headers=headers)).json()["data"]
    values = [value for row in listed for value in row["custom_field_values"]]
    assert all(value["custom_field"]["redacted"] for value in values)
    assert {"text_line", "date"} <= {str(value["id"]).split("-")[0] for value in values}


async def test_the_control_interface_edits_definitions(control: httpx.AsyncClient) -> None:
    given = {"name": "By hand", "field_type": "url", "parent_type": "Contact"}
    made = (await control.post("records/custom_fields", json={"data": given})).json()["data"]
    path = f"records/custom_fields/{made['id']}"
    changed = await control.patch(path, json={"data": {"name": "By another"}})
    assert (changed.json()["data"]["name"], changed.json()["data"]["picklist_options"]) == ("By another", [])
    assert (await control.delete(path)).status_code == 204
    assert (await control.get(path)).json()["data"]["deleted"] is True
    field_set = await control.post("records/custom_field_sets", json={"data": {"name": "Set"}})
    assert field_set.status_code == 201
    assert (await control.post("records/users", json={"data": {}})).status_code == 422
    assert {"custom_fields", "custom_field_sets"} <= (await control.get("counts")).json()["counts"].keys()


@pytest.mark.parametrize("ids", ["null", "materialised"])
async def test_traffic_edits_values_and_sometimes_definitions(
    control: httpx.AsyncClient, clio: MockClioServer, ids: str
) -> None:
    await control.patch("switches", json={"unfilled_value_ids": ids})

    def state() -> tuple[object, ...]:
        store = clio.state.store
        values = [row["custom_field_values"] for name in ("Contact", "Matter") for row in store[name]]
        return (repr(values), repr(list(store["CustomField"])))

    before = state()
    done = (await control.post("traffic/edits", json={"count": 300})).json()["done"]
    after = state()
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert 0 < done.count("custom_field updated") < 15
