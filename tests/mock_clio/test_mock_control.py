"""The control interface, the seeded firm, traffic, the server and the command."""

import asyncio
import socket
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from mock_clio.__main__ import main, parse_application
from mock_clio.clock import Clock
from mock_clio.firm.seeding import seed_firm
from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer, PortTakenError, bind
from mock_clio.settings import MockSettings
from mock_clio.switches import Switches

START = datetime(2026, 11, 2, 17, 0, tzinfo=UTC)


async def test_counts_and_records(control: httpx.AsyncClient, api: httpx.AsyncClient, clio: MockClioServer) -> None:
    counts = (await control.get("counts")).json()["counts"]
    assert (counts["contacts"], counts["matters"], counts["users"]) == (30, 15, 3)
    rows = (await control.get("records/contacts")).json()["data"]
    assert [row["id"] for row in rows] == clio.state.store["Contact"].ids
    fields = "id,etag,name,company{id,name},email_addresses{id,address},updated_at"
    chosen = (await control.get("records/contacts", params={"fields": fields})).json()["data"]
    asked = (await api.get("contacts", params={"fields": fields})).json()["data"]
    assert chosen == asked
    one = (await control.get(f"records/contacts/{rows[0]['id']}")).json()["data"]
    assert one == rows[0]
    assert {"primary_address", "custom_field_values", "created_at"} <= set(one)


async def test_records_can_be_edited_past_the_rate_limit(control: httpx.AsyncClient, api: httpx.AsyncClient) -> None:
    await control.put("rate-limit", json={"limit": 0})
    made = await control.post("records/contacts", json={"data": {"type": "Company", "name": "A"}})
    row_id = made.json()["data"]["id"]
    changed = await control.patch(f"records/contacts/{row_id}", json={"data": {"name": "B"}})
    assert changed.json()["data"]["name"] == "B"
    assert (await control.delete(f"records/contacts/{row_id}")).status_code == 204
    assert (await control.get(f"records/contacts/{row_id}")).status_code == 404
    assert (await control.post("records/users", json={"data": {}})).status_code == 422
    user = (await control.get("records/users")).json()["data"][0]
    assert (await control.delete(f"records/users/{user['id']}")).status_code == 422
    renamed = await control.patch(f"records/users/{user['id']}", json={"data": {"name": "New Name"}})
    assert renamed.json()["data"] == {
        **user,
        "name": "New Name",
        **{k: renamed.json()["data"][k] for k in ("etag", "updated_at")},
    }
    assert (await api.get("contacts")).status_code == 429


async def test_switches_are_typed(control: httpx.AsyncClient) -> None:
    before = (await control.get("switches")).json()
    assert before == msgspec.to_builtins(Switches())
    assert (await control.patch("switches", json={"handshake": "sometimes"})).status_code == 400
    assert (await control.patch("switches", json={"nothing": 1})).status_code == 400
    assert (await control.patch("switches", json={"handshake": "never"})).json() == {**before, "handshake": "never"}


async def test_faults_fail_the_next_requests(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    fault = {"status": 503, "count": 2, "skip": 1, "prefix": "/api/v4/contacts"}
    await control.post("faults/requests", json=fault)
    statuses = [(await api.get(path)).status_code for path in ("contacts", "users", "contacts", "contacts", "contacts")]
    assert statuses == [200, 200, 503, 503, 200]
    journal = (await control.get("journal/requests")).json()["data"]
    assert {entry["client_id"] for entry in journal if entry["status"] == 503} == {"app"}
    assert (await control.get("faults")).json() == {"requests": [], "deliveries": []}


async def test_a_lost_answer_leaves_its_effect(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.post("faults/requests", json={"status": 502, "when": "after", "method": "POST"})
    answer = await api.post("contacts", json={"data": {"type": "Company", "name": "A"}})
    assert answer.status_code == 502
    assert (await control.get("counts")).json()["counts"]["contacts"] == 31


async def test_faults_can_change_what_an_answer_says(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    whole = (await api.get("contacts.json", params={"limit": 2})).json()
    patch = {"meta": {"paging": {"next": None}, "records": 7}, "data": [{"id": 1}]}
    await control.post("faults/requests", json={"patch": patch})
    changed = (await api.get("contacts.json", params={"limit": 2})).json()
    assert changed == {"data": [{"id": 1}], "meta": {"paging": {}, "records": 7}}
    assert (await api.get("contacts.json", params={"limit": 2})).json() == whole


async def test_faults_can_delay_and_say_when_to_retry(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.post("faults/requests", json={"delay": 0.1})
    begun = time.monotonic()
    assert (await api.get("contacts")).status_code == 200
    assert time.monotonic() - begun >= 0.1
    await control.post("faults/requests", json={"status": 429, "retry_after": 7})
    answer = await api.get("contacts")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    await control.post("faults/requests", json={"status": 500})
    await control.delete("faults")
    assert (await api.get("contacts")).status_code == 200


async def test_the_journal_names_the_application_and_no_token(
    api: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    await api.get("contacts", params={"limit": 5, "access_token": "leak"})
    await api.get("contacts/1")
    journal = (await control.get("journal/requests")).json()
    last, missing = journal["data"][-2:]
    assert (last["method"], last["path"], last["status"], last["client_id"]) == ("GET", "/api/v4/contacts", 200, "app")
    assert last["query"] == "limit=5&access_token=[hidden]"
    assert missing["status"] == 404
    assert last["token_id"] == missing["token_id"]
    assert api.headers["authorization"].split()[1] not in str(journal)
    later = (await control.get("journal/requests", params={"after": last["number"]})).json()["data"]
    assert later == [missing]
    await control.delete("journal")
    assert (await control.get("journal/requests")).json() == {"count": 2, "data": []}


async def test_the_journal_is_bounded(server: MockClioServer, settings: MockSettings) -> None:
    settings.journal_size = 3
    await server.restart(settings)
    async with httpx.AsyncClient(base_url=server.url) as client:
        for _ in range(5):
            await client.get("/api/v4/contacts")
    assert [entry.number for entry in server.state.journal.requests] == [3, 4, 5]


async def test_every_answer_is_dated_by_the_clock(control: httpx.AsyncClient, api: httpx.AsyncClient) -> None:
    await control.put("clock", json={"frozen": True, "at": "2027-03-14T09:00:00Z"})
    for answer in (await control.get("clock"), await api.get("users/who_am_i"), await api.get("nothing")):
        assert answer.headers.get_list("date") == ["Sun, 14 Mar 2027 09:00:00 GMT"]


async def test_the_clock_can_be_set_and_stopped(control: httpx.AsyncClient) -> None:
    await control.put("clock", json={"frozen": True, "at": "2027-03-14T09:00:00Z"})
    clock = (await control.get("clock")).json()
    assert (clock["at"], clock["frozen"]) == ("2027-03-14T09:00:00Z", True)
    moved = (await control.post("clock/advance", json={"seconds": 3600})).json()
    assert moved["at"] == "2027-03-14T10:00:00Z"
    running = (await control.put("clock", json={"frozen": False})).json()
    assert running["seconds"] >= moved["seconds"]


async def test_tokens_can_be_expired_and_revoked(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    issued = (await control.post("tokens", json={"client_id": "app", "lifetime": 50})).json()
    assert issued["expires_in"] == 50
    headers = {"Authorization": f"Bearer {issued['access_token']}"}
    assert (await control.post("tokens/expire", json={"token_id": issued["token_id"]})).json() == {"expired": 1}
    assert (await api.get("contacts", headers=headers)).status_code == 401
    assert (await api.get("contacts")).status_code == 200
    assert (await control.post("tokens/revoke", json={"client_id": "app"})).json()["revoked"] >= 1
    assert (await api.get("contacts")).status_code == 401
    assert (await control.post("tokens", json={"client_id": "nobody"})).status_code == 404


async def test_applications_are_listed_without_their_secrets(control: httpx.AsyncClient) -> None:
    [application] = (await control.get("applications")).json()["data"]
    assert application["client_id"] == "app"
    assert "client_secret" not in application


async def test_reset_gives_the_firm_of_the_settings(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    before = (await control.get("records/matters")).json()
    await control.put("clock", json={"frozen": True, "at": START.isoformat()})
    await control.post("traffic/edits", json={"count": 20})
    await control.post("reset", json={"contacts": 10})
    assert (await control.get("counts")).json()["counts"]["contacts"] == 10
    assert (await api.get("contacts")).status_code == 401
    await control.post("reset", json={"contacts": 30})
    assert (await control.get("records/matters")).json() == before


async def test_control_refuses_what_it_does_not_know(control: httpx.AsyncClient) -> None:
    assert (await control.get("nothing")).status_code == 404
    assert (await control.post("faults/requests", json={"nothing": 1})).status_code == 400
    assert (await control.post("faults/deliveries", content=b"{")).status_code == 400


async def test_traffic_goes_the_way_of_rest_writes(
    api: httpx.AsyncClient, control: httpx.AsyncClient, receiver: Receiver
) -> None:
    for model in ("contact", "matter", "document"):
        body = {"url": receiver.url, "model": model, "fields": "id,etag"}
        assert (await api.post("webhooks", json={"data": body})).status_code == 201
    edits = (await control.post("traffic/edits", json={"count": 40})).json()["done"]
    assert {edit.split()[1] for edit in edits} == {"created", "updated", "deleted"}
    await receiver.wait(30)
    started = (await control.post("traffic", json={"per_minute": 6000})).json()
    assert started["running"] is True
    await receiver.wait(45)
    stopped = (await control.delete("traffic")).json()
    assert (stopped["running"], stopped["per_minute"]) == (False, 0.0)
    assert stopped["edits"] > 40


def test_the_same_seed_gives_the_same_firm() -> None:
    def firm(seed: int) -> dict[str, object]:
        clock = Clock(START, frozen=True)
        store = seed_firm(MockSettings(seed=seed, contacts=50, matters=20), clock, ZoneInfo("Europe/London"))
        return {name: store[name].rows for name in ("Contact", "Matter", "PracticeArea", "MatterStage")}

    assert firm(3) == firm(3)
    assert firm(3) != firm(4)


def test_a_seeded_firm_is_plausible() -> None:
    clock = Clock(START, frozen=True)
    store = seed_firm(MockSettings(contacts=20_000, matters=3_000, users=12), clock, ZoneInfo("America/Vancouver"))
    contacts = list(store["Contact"])
    assert len(contacts) == 20_000
    assert all(row["id"] > 2**31 for row in contacts)
    assert all(row["created_at"] <= row["updated_at"] <= clock.now() for row in contacts)
    companies = [row for row in contacts if row["type"] == "Company"]
    assert 0.15 < len(companies) / len(contacts) < 0.35
    assert all(row["name"] and not row["first_name"] for row in companies)
    matters = list(store["Matter"])
    assert {row["status"] for row in matters} == {"Open", "Pending", "Closed"}
    clients = {row["client_id"] for row in matters}
    assert {row["id"] for row in contacts if row["is_client"]} == clients
    assert len({row["display_number"] for row in matters}) == 3_000


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"cannot listen on 127.0.0.1:{port}"):
            bind("127.0.0.1", port)
        result = await asyncio.to_thread(CliRunner().invoke, main, ["--port", str(port), "--contacts", "0"])
    assert result.exit_code == 1
    assert "choose another --port" in result.output


def test_applications_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    application = parse_application("app:s3cret:http://127.0.0.1:8000/oauth/callback")
    assert application.redirect_uris == ("http://127.0.0.1:8000/oauth/callback",)
    monkeypatch.setenv("MOCK_CLIO_CLIENT_SECRET", "from-the-environment")
    assert parse_application("app::http://127.0.0.1:1/").client_secret == "from-the-environment"
    monkeypatch.delenv("MOCK_CLIO_CLIENT_SECRET")
    refused = CliRunner().invoke(main, ["--application", "app::http://127.0.0.1:1/"])
    assert refused.exit_code == 2
    assert "MOCK_CLIO_CLIENT_SECRET" in refused.output


async def test_a_server_ends_cleanly_with_work_under_way() -> None:
    before = asyncio.all_tasks()
    settings = MockSettings(contacts=5, matters=5, traffic_per_minute=600)
    async with MockClioServer(settings) as clio, httpx.AsyncClient(base_url=clio.url) as client:
        assert (await client.get("/__mock__/traffic")).json()["running"] is True
    assert not asyncio.all_tasks() - before
