"""The records within matters: related people, limitation dates, rates, balances, and the lists of a matter's people."""

import httpx
import pytest

from mock_clio.server import MockClioServer
from mock_clio.store.rows import Row
from tests.mock_clio.calls import call

PARTS = (
    "id,etag,billing_method,relationships{id,description},statute_of_limitations{id,due_at,status,completed_at,name},"
    "custom_rate{type,on_invoice,rates}"
)


@pytest.fixture
async def matter(api: httpx.AsyncClient, clio: MockClioServer) -> str:
    """The path of a new matter."""
    client = next(iter(clio.state.store["Contact"]))["id"]
    made = await call(api, "POST", "matters", 201, client={"id": client}, description="Lease")
    return f"matters/{made['id']}"


def contacts(clio: MockClioServer, count: int) -> list[Row]:
    return list(clio.state.store["Contact"])[1 : count + 1]


def test_the_firm_has_some_of_each(clio: MockClioServer) -> None:
    rows = list(clio.state.store["Matter"])
    for part in ("relationships", "statute_of_limitations", "custom_rates", "account_balances"):
        assert 0 < sum(bool(row[part]) for row in rows) < len(rows), part


async def test_a_client_holds_what_its_matters_hold(api: httpx.AsyncClient) -> None:
    balances = "account_balances{id,name,type,balance,currency_id}"
    matters = await call(api, "GET", "matters", 200, f"client,{balances}")
    clients = await call(api, "GET", "contacts", 200, f"id,{balances}")
    assert {each["type"] for row in matters for each in row["account_balances"]} == {"Operating", "Trust"}
    for client in clients:
        own = [row["account_balances"] for row in matters if row["client"]["id"] == client["id"]]
        sums: dict[int, float] = {}
        for each in (balance for row in own for balance in row):
            sums[each["id"]] = round(sums.get(each["id"], 0) + each["balance"], 2)
        assert {each["id"]: each["balance"] for each in client["account_balances"]} == sums


async def test_relationships_are_operations(api: httpx.AsyncClient, clio: MockClioServer, matter: str) -> None:
    judge, witness = contacts(clio, 2)
    given = [
        {"contact": {"id": judge["id"]}, "description": "Judge"},
        {"contact": {"id": witness["id"]}, "description": "Witness"},
    ]
    before = await call(api, "GET", matter, 200)
    clio.state.clock.advance(5)
    made = await call(api, "PATCH", matter, 200, PARTS, relationships=given)
    assert [row["description"] for row in made["relationships"]] == ["Judge", "Witness"]
    assert made["etag"] != before["etag"]
    first, second = made["relationships"]
    operations = [{"id": first["id"], "description": "Umpire"}, {"id": second["id"], "_destroy": True}]
    changed = await call(api, "PATCH", matter, 200, PARTS, relationships=operations)
    assert changed["relationships"] == [{"id": first["id"], "description": "Umpire"}]
    await call(api, "PATCH", matter, 404, relationships=[{"id": 1, "description": "X"}])
    await call(api, "PATCH", matter, 404, relationships=[{"contact": {"id": 1}, "description": "X"}])
    assert "'contact' is required" in await call(api, "PATCH", matter, 422, relationships=[{"description": "X"}])
    nameless = [{"contact": {"id": judge["id"]}}]
    assert "'description' is required" in await call(api, "PATCH", matter, 422, relationships=nameless)
    await call(api, "DELETE", f"contacts/{judge['id']}", 204)
    assert (await call(api, "GET", matter, 200, PARTS))["relationships"] == []


async def test_people_of_a_matter(api: httpx.AsyncClient, clio: MockClioServer, matter: str) -> None:
    judge, witness = contacts(clio, 2)
    client = next(iter(clio.state.store["Contact"]))
    ties = ((witness, "Witness"), (judge, "Judge"), (client, "Guarantor"), (judge, "Neighbour"))
    given = [{"contact": {"id": row["id"]}, "description": text} for row, text in ties]
    await call(api, "PATCH", matter, 200, relationships=given)
    fields = "id,name,is_client,relationship_name,matter_id,matter_number,description,relationship{id,description}"
    people = await call(api, "GET", f"{matter}/contacts.json", 200, fields)
    assert [row["relationship_name"] for row in people] == ["Witness", "Judge", "Guarantor", "Neighbour", "Client"]
    assert [row["is_client"] for row in people] == [False, False, False, False, True]
    assert people[-1]["id"] == people[2]["id"] == client["id"]
    assert people[-1]["relationship"] is None
    assert people[0]["relationship"]["description"] == "Witness"
    assert {f"matters/{row['matter_id']}" for row in people} == {matter}
    assert {row["description"] for row in people} == {"Lease"}
    related = await call(api, "GET", f"{matter}/related_contacts", 200, "id,contact_id,is_matter_client,name")
    assert [row["id"] for row in related] == [row["contact_id"] for row in related]
    assert [row["is_matter_client"] for row in related] == [False, False, True, False]
    first = (await api.get(f"{matter}/contacts", params={"order": "is_client(desc)", "limit": 2})).json()
    assert first["data"][0]["id"] == client["id"]
    second = (await api.get(first["meta"]["paging"]["next"])).json()
    assert (len(first["data"]), len(second["data"]), second["meta"]["records"]) == (2, 2, 5)
    by_name = await api.get(f"{matter}/related_contacts", params={"order": "contact.name", "fields": "name"})
    names = [row["name"].lower() for row in by_name.json()["data"]]
    assert names == sorted(names)


async def test_values_of_people_of_a_matter(api: httpx.AsyncClient, clio: MockClioServer, matter: str) -> None:
    fields = "id,custom_field_values{field_name,value}"
    [client] = await call(api, "GET", f"{matter}/contacts", 200, fields)
    assert client == await call(api, "GET", f"contacts/{client['id']}", 200, fields)
    wanted = next(row["id"] for row in clio.state.store["CustomField"] if row["name"] == "Industry")
    answer = await api.get(f"{matter}/contacts", params={"fields": fields, "custom_field_ids[]": wanted})
    [narrowed] = answer.json()["data"]
    assert [value["field_name"] for value in narrowed["custom_field_values"]] == ["Industry"]


async def test_people_need_both_permissions(api: httpx.AsyncClient, control: httpx.AsyncClient, matter: str) -> None:
    for held in ("matters", "contacts"):
        issued = await control.post("tokens", json={"client_id": "app", "permissions": {held: "read"}})
        headers = {"Authorization": f"Bearer {issued.json()['access_token']}"}
        for name in ("contacts", "related_contacts"):
            assert (await api.get(f"{matter}/{name}", headers=headers)).status_code == 403
    await call(api, "GET", "matters/1/contacts", 404)


async def test_the_statute_of_limitations_is_a_task(api: httpx.AsyncClient, matter: str) -> None:
    made = await call(api, "PATCH", matter, 200, PARTS, statute_of_limitations={"due_at": "2027-05-01"})
    task = made["statute_of_limitations"]
    assert (task["due_at"], task["status"], task["completed_at"]) == ("2027-05-01", "pending", None)
    done = await call(api, "PATCH", matter, 200, PARTS, statute_of_limitations={"status": "complete"})
    assert done["statute_of_limitations"]["id"] == task["id"]
    assert done["statute_of_limitations"]["completed_at"] is not None
    again = await call(api, "PATCH", matter, 200, PARTS, statute_of_limitations={"status": "pending"})
    assert again["statute_of_limitations"]["completed_at"] is None
    ordered = await api.get("matters", params={"order": "statute_of_limitations.due_at(desc)", "fields": PARTS})
    days = [row["statute_of_limitations"]["due_at"] for row in ordered.json()["data"] if row["statute_of_limitations"]]
    assert days == sorted(days, reverse=True) != []
    cleared = await call(api, "PATCH", matter, 200, PARTS, statute_of_limitations={"_destroy": True})
    assert cleared["statute_of_limitations"] is None
    for wrong, words in (
        ({"status": "pending"}, "'due_at' is required"),
        ({"due_at": "soon"}, "'soon' is not a valid due_at"),
        ({"due_at": "2027-05-01", "status": "open"}, "'open' is not a valid status"),
    ):
        assert words in await call(api, "PATCH", matter, 422, statute_of_limitations=wrong)
    assert "must be an object" in await call(api, "PATCH", matter, 422, statute_of_limitations="2027-05-01")


async def test_custom_rates_go_with_their_type(api: httpx.AsyncClient, clio: MockClioServer, matter: str) -> None:
    user = {"id": clio.state.owner["id"]}
    assert (await call(api, "GET", matter, 200, PARTS))["custom_rate"] == {
        "type": "HourlyRate",
        "on_invoice": False,
        "rates": [],
    }
    hourly = await call(api, "PATCH", matter, 200, PARTS, custom_rate={"rates": [{"rate": 300, "user": user}]})
    [rate] = hourly["custom_rate"]["rates"]
    assert set(rate) == {"id", "etag"}
    held = clio.state.store["Matter"].rows[hourly["id"]]["custom_rates"]
    assert [(row["user_id"], row["rate"]) for row in held] == [(user["id"], 300.0)]
    share = {"type": "ContingencyFee", "rates": [{"rate": "20", "user": user, "award": 5000, "note": "Settled"}]}
    contingent = await call(api, "PATCH", matter, 200, PARTS, custom_rate=share)
    assert contingent["billing_method"] == "contingency"
    assert [row["id"] == rate["id"] for row in contingent["custom_rate"]["rates"]] == [False]
    more = {"rates": [{"rate": 5, "user": user}]}
    assert "can have one ContingencyFee" in await call(api, "PATCH", matter, 422, custom_rate=more)
    flat = await call(api, "PATCH", matter, 200, PARTS, custom_rate={"type": "FlatRate"})
    assert (flat["billing_method"], flat["custom_rate"]["rates"]) == ("flat", [])
    for wrong, words in (
        ({"type": "HourlyRate", "rates": [{"rate": 5}]}, "'user' or 'group' is required"),
        ({"type": "HourlyRate", "rates": [{"user": user}]}, "'rate' is required"),
        ({"type": "FlatRate", "rates": [{"rate": 5, "award": 1}]}, "valid for ContingencyFee only"),
        ({"type": "FlatRate", "rates": [{"rate": "much"}]}, "'much' is not a valid rate"),
    ):
        assert words in await call(api, "PATCH", matter, 422, custom_rate=wrong)
