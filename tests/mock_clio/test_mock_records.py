"""Single records: reading, ETags, writing, validation."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from mock_clio.server import MockClioServer

PERSON = {"type": "Person", "first_name": "Ana", "middle_name": "Maria", "last_name": "Silva", "prefix": "Dr."}
ROWS = "id,etag,updated_at,email_addresses{id,name,address,primary},primary_email_address"


async def make(api: httpx.AsyncClient, path: str = "contacts", fields: str = "id,etag", **data: Any) -> dict[str, Any]:
    answer = await api.post(path, params={"fields": fields}, json={"data": data})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"])


async def show(api: httpx.AsyncClient, path: str, fields: str) -> dict[str, Any]:
    answer = await api.get(path, params={"fields": fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


async def patch(api: httpx.AsyncClient, path: str, fields: str = "id,etag", **data: Any) -> dict[str, Any]:
    answer = await api.patch(path, params={"fields": fields}, json={"data": data})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


async def refused(api: httpx.AsyncClient, path: str, data: dict[str, Any], status: int = 422) -> str:
    answer = await api.post(path, json={"data": data})
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


async def test_show_carries_validators_version_and_etag(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    row = next(iter(clio.state.store["Contact"]))
    answer = await api.get(f"contacts/{row['id']}")
    etag = answer.json()["data"]["etag"]
    assert answer.headers["etag"] == etag
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-api-version"] == "4.0.13"
    modified = format_datetime(datetime.fromtimestamp(row["updated_at"], UTC), usegmt=True)
    assert answer.headers["last-modified"] == modified
    expected = f"{row['id']:x}{row['updated_at']:x}6a68f6d0d2c3633492"[:32]
    assert etag == f'"{expected}"'


async def test_conditional_reads(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    row = next(iter(clio.state.store["Matter"]))
    path = f"matters/{row['id']}.json"
    first = await api.get(path)
    fresh = await api.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (fresh.status_code, fresh.content) == (304, b"")
    assert (await api.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    since = await api.get(path, headers={"If-Modified-Since": first.headers["last-modified"]})
    assert since.status_code == 304
    old = format_datetime(datetime(2000, 1, 1, tzinfo=UTC), usegmt=True)
    assert (await api.get(path, headers={"If-Modified-Since": old})).status_code == 200
    both = {"If-None-Match": '"other"', "If-Modified-Since": first.headers["last-modified"]}
    assert (await api.get(path, headers=both)).status_code == 200


async def test_if_match_guards_a_patch(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    contact = await make(api, **PERSON)
    path, body = f"contacts/{contact['id']}", {"data": {"title": "Director"}}
    stale = await api.patch(path, json=body, headers={"If-Match": '"stale"'})
    assert (stale.status_code, stale.json()["error"]["type"]) == (412, "PreconditionFailed")
    assert (await show(api, path, "title"))["title"] is None
    clio.state.clock.advance(5)
    held = await api.patch(path, json=body, headers={"If-Match": contact["etag"]})
    assert held.status_code == 200
    assert held.json()["data"]["etag"] != contact["etag"]


async def test_two_writes_within_a_second_share_an_etag(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    clio.state.clock.freeze()
    contact = await make(api, **PERSON)
    assert (await patch(api, f"contacts/{contact['id']}", title="Director"))["etag"] == contact["etag"]


@pytest.mark.parametrize(("version", "status"), [("4.0.12", 200), ("4.0.99", 410), ("nonsense", 410)])
async def test_api_version(api: httpx.AsyncClient, version: str, status: int) -> None:
    answer = await api.get("users/who_am_i", headers={"X-API-VERSION": version})
    assert answer.status_code == status
    assert answer.headers.get("x-api-version") == (version if status == 200 else None)


async def test_a_person_has_a_name_made_of_its_parts(api: httpx.AsyncClient) -> None:
    row = await make(api, fields="name,initials,type,is_client", **PERSON)
    assert row == {"name": "Dr. Ana Maria Silva", "initials": "AS", "type": "Person", "is_client": False}


async def test_a_full_name_is_split(api: httpx.AsyncClient) -> None:
    fields = "prefix,first_name,middle_name,last_name"
    row = await make(api, fields=fields, type="Person", name="Dr. Ana Maria Silva")
    assert list(row.values()) == ["Dr.", "Ana", "Maria", "Silva"]


async def test_a_company_is_linked_to_its_people(api: httpx.AsyncClient) -> None:
    company = await make(api, type="Company", name="Silva Holdings Ltd.")
    person = await make(api, fields="id,company{id,name}", **PERSON, company={"id": company["id"]})
    assert person["company"] == {"id": company["id"], "name": "Silva Holdings Ltd."}
    answer = await api.patch(f"contacts/{person['id']}", json={"data": {"company": {"id": None}}})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"type": "Person"}, "At least one of first name or last name must be provided"),
        ({"type": "Person", "name": " "}, "At least one of first name or last name must be provided"),
        ({"type": "Company"}, "Name can't be blank"),
        ({"type": "Robot", "name": "R"}, "'Robot' is not a valid type"),
        ({**PERSON, "date_of_birth": "12/04/1979"}, "date_of_birth"),
        ({**PERSON, "require_utbms_codes": "perhaps"}, "require_utbms_codes"),
        ({**PERSON, "first_name": {"a": 1}}, "first_name"),
        ({**PERSON, "email_addresses": "a@example.com"}, "email_addresses"),
        ({**PERSON, "email_addresses": [{"name": "Fax"}]}, "'Fax' is not a valid name"),
        ({**PERSON, "email_addresses": [{"address": "a@example.com"}] * 21}, "at most 20"),
        ({**PERSON, "phone_numbers": [{"number": "1"}] * 21}, "at most 20"),
        ({**PERSON, "addresses": [{"city": "Burnaby"}] * 21}, "at most 20"),
    ],
)
async def test_contacts_are_validated(
    api: httpx.AsyncClient, clio: MockClioServer, data: dict[str, Any], words: str
) -> None:
    assert words in await refused(api, "contacts", data)
    assert len(clio.state.store["Contact"]) == 30


async def test_unknown_references_are_not_found(api: httpx.AsyncClient) -> None:
    await refused(api, "contacts", {**PERSON, "company": {"id": 1}}, status=404)
    await refused(api, "matters", {"client": {"id": 1}, "description": "x"}, status=404)


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 422), (b'{"data": []}', 422), (b"{}", 422), (b"", 400)]
)
async def test_unreadable_bodies(api: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await api.post("contacts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"type", "message"}


async def test_nested_lists_are_operations(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    given = [{"name": "Work", "address": "a@example.com"}, {"name": "Home", "address": "b@example.com"}]
    contact = await make(api, fields=ROWS, **PERSON, email_addresses=given)
    first, second = contact["email_addresses"]
    assert (first["primary"], second["primary"]) == (True, False)
    clio.state.clock.advance(10)
    operations = [
        {"id": first["id"], "_destroy": True},
        {"id": second["id"], "address": "c@example.com"},
        {"name": "Other", "address": "d@example.com", "default_email": True},
    ]
    changed = await patch(api, f"contacts/{contact['id']}", fields=ROWS, email_addresses=operations)
    rows = [(row["address"], row["primary"]) for row in changed["email_addresses"]]
    assert rows == [("c@example.com", False), ("d@example.com", True)]
    assert changed["primary_email_address"] == "d@example.com"
    assert changed["updated_at"] > contact["updated_at"]
    untouched = await patch(api, f"contacts/{contact['id']}", fields=ROWS, title="Director")
    assert untouched["email_addresses"] == changed["email_addresses"]


async def test_a_failed_patch_changes_nothing(api: httpx.AsyncClient) -> None:
    contact = await make(api, **PERSON, email_addresses=[{"name": "Work", "address": "a@example.com"}])
    path = f"contacts/{contact['id']}"
    before = await show(api, path, ROWS)
    operations = [{"name": "Work", "address": "b@example.com"}, {"id": 1, "address": "x"}]
    answer = await api.patch(path, json={"data": {"title": "T", "email_addresses": operations}})
    assert answer.status_code == 404
    assert await show(api, path, ROWS) == before


@pytest.mark.parametrize("bumps", [True, False])
async def test_nested_change_and_the_parents_updated_at(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clio: MockClioServer, bumps: bool
) -> None:
    await control.patch("switches", json={"nested_change_bumps_parent": bumps})
    contact = await make(api, **PERSON)
    clio.state.clock.advance(10)
    given = [{"name": "Work", "address": "a@example.com"}]
    changed = await patch(api, f"contacts/{contact['id']}", email_addresses=given)
    assert (changed["etag"] != contact["etag"]) is bumps


async def test_form_encoded_and_multipart_bodies(api: httpx.AsyncClient) -> None:
    form = {
        "data[type]": "Person",
        "data[first_name]": "Ana",
        "data[email_addresses][][name]": "Work",
        "data[email_addresses][][address]": "a@example.com",
    }
    params = {"fields": "name,primary_email_address"}
    encoded = await api.post("contacts", params=params, data=form)
    parts = {name: (None, value) for name, value in form.items()}
    multipart = await api.post("contacts", params=params, files=parts)
    expected = {"data": {"name": "Ana", "primary_email_address": "a@example.com"}}
    assert encoded.json() == multipart.json() == expected


async def test_matter_life(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    client = await make(api, **PERSON)
    fields = "id,number,display_number,status,open_date,close_date,billing_method,client{id},practice_area{id},user{id}"
    area = next(iter(clio.state.store["PracticeArea"]))["id"]
    given = {"client": {"id": client["id"]}, "description": "Lease", "practice_area": {"id": area}}
    matter = await make(api, "matters", fields, **given)
    assert matter["display_number"] == f"{matter['number']:05d}-Silva"
    assert (matter["status"], matter["open_date"], matter["billing_method"]) == ("Open", "2026-11-02", "hourly")
    assert (matter["client"], matter["user"]) == ({"id": client["id"]}, {"id": clio.state.owner["id"]})
    path = f"matters/{matter['id']}"
    closed = await patch(api, path, fields, status="closed", practice_area={"id": None})
    assert (closed["status"], closed["close_date"], closed["practice_area"]) == ("Closed", "2026-11-02", None)
    assert (await show(api, f"{path}/client.json", "id,is_client")) == {"id": client["id"], "is_client": True}
    assert (await api.delete(f"{path}.json")).status_code == 204
    assert (await api.get(path)).status_code == 404
    assert (await show(api, f"contacts/{client['id']}", "is_client"))["is_client"] is False


async def test_stage_changes_are_stamped(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    matter = next(iter(clio.state.store["Matter"]))
    stages = [row["id"] for row in clio.state.store["MatterStage"] if row["id"] != matter["matter_stage_id"]]
    row = await patch(
        api, f"matters/{matter['id']}", "matter_stage{id},matter_stage_updated_at", matter_stage={"id": stages[0]}
    )
    assert row["matter_stage"]["id"] == stages[0]
    assert datetime.fromisoformat(row["matter_stage_updated_at"]) > datetime.fromtimestamp(matter["created_at"], UTC)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client": None}, "'client'"),
        ({"client": {"id": None}}, "'client' can not be null"),
        ({"description": " "}, "'description' is required"),
        ({"status": "Closed"}, "'Closed' is not a valid status"),
        ({"open_date": "soon"}, "'soon' is not a valid open_date"),
        ({"custom_rate": {"type": "Barter"}}, "'Barter' is not a valid type"),
        ({"practice_area": 3}, "'practice_area' must be an object"),
    ],
)
async def test_matters_are_validated(api: httpx.AsyncClient, change: dict[str, Any], words: str) -> None:
    client = await make(api, **PERSON)
    data = {"client": {"id": client["id"]}, "description": "Lease", **change}
    assert words in await refused(api, "matters", data)


async def test_matters_need_a_client(api: httpx.AsyncClient) -> None:
    assert "'client' is required" in await refused(api, "matters", {"description": "Lease"})


async def test_deleting_leaves_no_trace(api: httpx.AsyncClient) -> None:
    contact = await make(api, **PERSON)
    path = f"contacts/{contact['id']}"
    assert (await api.delete(path)).status_code == 204
    gone = await api.get(path)
    assert (gone.status_code, gone.json()) == (404, {"error": {"type": "NotFoundError", "message": "Not Found"}})
    assert (await api.delete(path)).status_code == 404


async def test_writes_refuse_unknown_fields_before_they_happen(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    answer = await api.post("contacts", params={"fields": "nothing"}, json={"data": PERSON})
    assert answer.status_code == 400
    assert len(clio.state.store["Contact"]) == 30


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "users"),
        ("DELETE", "users/350963386"),
        ("PATCH", "users/who_am_i"),
        ("GET", "matter_stages/707051"),
        ("GET", "nothing"),
        ("GET", "contacts/abc"),
        ("GET", "contacts/1"),
        ("PUT", "contacts/1"),
    ],
)
async def test_what_clio_does_not_have_is_not_found(api: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await api.request(method, path, json={"data": {}} if method != "GET" else None)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "NotFoundError")


async def test_who_am_i_names_user_and_account(api: httpx.AsyncClient, clio: MockClioServer) -> None:
    row = await show(api, "users/who_am_i.json", "id,name,account{id,name},roles,rate")
    assert row["id"] == clio.state.owner["id"]
    assert row["account"] == {"id": clio.state.store.account["id"], "name": "Lee & Partners"}
    assert row["roles"] == ["admin", "billing"]
    shown = await show(api, f"users/{row['id']}", "id,groups{name,type}")
    assert "AccountGroup" in {group["type"] for group in shown["groups"]}
