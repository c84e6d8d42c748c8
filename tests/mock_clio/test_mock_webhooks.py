"""Webhook subscriptions, handshakes and deliveries."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer

ASKED = "id,etag,status,shared_secret,expires_at,events,model,url"
Subscribe = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def subscribe(api: httpx.AsyncClient, receiver: Receiver) -> Subscribe:
    async def make(**data: object) -> dict[str, Any]:
        body = {"url": f"{receiver.url}/hook", "model": "contact", "fields": "id,etag,title", **data}
        answer = await api.post("webhooks.json", params={"fields": ASKED}, json={"data": body})
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    return make


async def contact_id(api: httpx.AsyncClient) -> int:
    answer = await api.post("contacts", json={"data": {"type": "Person", "first_name": "Ana", "last_name": "Silva"}})
    return int(answer.json()["data"]["id"])


async def retitle(api: httpx.AsyncClient, row_id: int, title: str) -> None:
    assert (await api.patch(f"contacts/{row_id}", json={"data": {"title": title}})).status_code == 200


async def settled(control: httpx.AsyncClient) -> None:
    """Wait until nothing is being sent."""
    assert (await control.post("deliveries/settle")).json()["in_flight"] == 0


async def status_of(api: httpx.AsyncClient, hook: dict[str, Any]) -> str:
    answer = await api.get(f"webhooks/{hook['id']}", params={"fields": "status"})
    return str(answer.json()["data"]["status"])


async def test_handshake_happens_during_the_post_and_enables(subscribe: Subscribe, receiver: Receiver) -> None:
    hook = await subscribe()
    assert hook["status"] == "enabled"
    [handshake] = receiver.handshakes
    assert handshake.json == {"data": {"webhook_id": hook["id"]}}
    assert handshake.headers["x-hook-secret"] == hook["shared_secret"]
    assert "x-hook-signature" not in handshake.headers


async def test_create_answers_id_and_etag_only_by_default(api: httpx.AsyncClient, receiver: Receiver) -> None:
    body = {"url": receiver.url, "model": "6", "fields": "id"}
    answer = await api.post("webhooks.json", json={"data": body})
    assert set(answer.json()["data"]) == {"id", "etag"}


async def test_pending_until_activated_with_the_secret(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    receiver.echo = False
    hook = await subscribe()
    assert hook["status"] == "pending"
    await contact_id(api)
    wrong = await api.put(f"webhooks/{hook['id']}/activate", headers={"X-Hook-Secret": "no"})
    assert wrong.status_code == 422
    secret = receiver.handshakes[0].headers["x-hook-secret"]
    right = await api.put(f"webhooks/{hook['id']}/activate", headers={"X-Hook-Secret": secret})
    assert right.status_code == 200
    assert await status_of(api, hook) == "enabled"
    await settled(control)
    assert receiver.deliveries == []


@pytest.mark.parametrize(("switch", "status", "handshakes"), [("after", "pending", 1), ("never", "enabled", 0)])
async def test_handshake_switch(
    control: httpx.AsyncClient,
    api: httpx.AsyncClient,
    subscribe: Subscribe,
    receiver: Receiver,
    switch: str,
    status: str,
    handshakes: int,
) -> None:
    await control.patch("switches", json={"handshake": switch})
    hook = await subscribe()
    assert hook["status"] == status
    await settled(control)
    assert len(receiver.handshakes) == handshakes
    assert await status_of(api, hook) == "enabled"


async def test_given_secret_is_honoured_or_ignored(
    control: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver
) -> None:
    assert (await subscribe(shared_secret="mine"))["shared_secret"] == "mine"
    await control.patch("switches", json={"honour_given_secret": False})
    assert (await subscribe(shared_secret="mine"))["shared_secret"] != "mine"
    assert len(receiver.handshakes) == 2


async def test_delivery_is_signed_and_holds_the_requested_fields(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver
) -> None:
    hook = await subscribe(fields="id,name,company{id,name},email_addresses")
    row_id = await contact_id(api)
    [delivery] = await receiver.wait(1)
    assert delivery.signed_with(hook["shared_secret"])
    assert len(delivery.headers["x-hook-signature"]) == 64
    assert delivery.json == {
        "data": {"id": row_id, "name": "Ana Silva", "company": None, "email_addresses": []},
        "meta": {"event": "created", "webhook_id": hook["id"]},
    }


async def test_updated_fires_for_a_watched_field_and_once_for_any(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    row_id = await contact_id(api)
    await subscribe(fields="id,title", events=["updated"])
    prefix = {"data": {"prefix": "Dr."}}
    await api.patch(f"contacts/{row_id}", json=prefix)
    assert len(await receiver.wait(1)) == 1
    await api.patch(f"contacts/{row_id}", json={"data": {"prefix": "Ms."}})
    await settled(control)
    assert len(receiver.deliveries) == 1
    await retitle(api, row_id, "Director")
    assert (await receiver.wait(2))[1].json["data"] == {"id": row_id, "title": "Director"}


async def test_etag_in_the_fields_makes_every_change_count(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver
) -> None:
    row_id = await contact_id(api)
    await subscribe(fields="id,etag", events=["updated"])
    for title in "abc":
        await retitle(api, row_id, title)
    await receiver.wait(3)


async def test_a_patch_that_changes_nothing_is_not_told(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    row_id = await contact_id(api)
    await subscribe()
    await api.patch(f"contacts/{row_id}", json={"data": {"first_name": "Ana"}})
    await settled(control)
    assert receiver.deliveries == []


async def test_deleted_holds_id_and_etag_or_all(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    first, second = await contact_id(api), await contact_id(api)
    await subscribe(fields="id,name", events=["deleted"])
    await api.delete(f"contacts/{first}")
    assert set((await receiver.wait(1))[0].json["data"]) == {"id", "etag"}
    await control.patch("switches", json={"deleted_payload": "requested"})
    await api.delete(f"contacts/{second}")
    assert (await receiver.wait(2))[1].json["data"] == {"id": second, "name": "Ana Silva"}


async def test_matter_status_events(api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver) -> None:
    events = ["created", "updated", "matter_opened", "matter_pended", "matter_closed"]
    await subscribe(model="matter", fields="id,status", events=events)
    client = {"id": await contact_id(api)}
    answer = await api.post("matters", json={"data": {"client": client, "description": "Lease"}})
    row_id = answer.json()["data"]["id"]
    await receiver.wait(2)
    assert sorted(receiver.events) == ["created", "matter_opened"]
    await api.patch(f"matters/{row_id}", json={"data": {"status": "pending"}})
    await receiver.wait(4)
    await api.patch(f"matters/{row_id}", json={"data": {"status": "closed"}})
    await receiver.wait(6)
    assert sorted(receiver.events[2:]) == ["matter_closed", "matter_pended", "updated", "updated"]


async def test_changing_the_url_starts_a_new_handshake_with_a_new_secret(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver
) -> None:
    hook = await subscribe()
    answer = await api.patch(
        f"webhooks/{hook['id']}", params={"fields": ASKED}, json={"data": {"url": f"{receiver.url}/other"}}
    )
    changed = answer.json()["data"]
    assert [handshake.path for handshake in receiver.handshakes] == ["/hook", "/other"]
    assert changed["status"] == "enabled"
    assert changed["shared_secret"] != hook["shared_secret"]


async def test_put_renews_like_patch_and_keeps_the_secret(api: httpx.AsyncClient, subscribe: Subscribe) -> None:
    hook = await subscribe()
    later = (datetime.fromisoformat(hook["expires_at"]) + timedelta(days=10)).isoformat()
    answer = await api.put(
        f"webhooks/{hook['id']}.json", params={"fields": ASKED}, json={"data": {"expires_at": later}}
    )
    renewed = answer.json()["data"]
    assert datetime.fromisoformat(renewed["expires_at"]) == datetime.fromisoformat(later)
    assert (renewed["shared_secret"], renewed["status"]) == (hook["shared_secret"], "enabled")


async def test_expiry_defaults_to_three_days_and_is_silent(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    hook = await subscribe()
    left = datetime.fromisoformat(hook["expires_at"]).timestamp() - clio.state.clock.now()
    assert left == pytest.approx(3 * 86_400, abs=5)
    await control.post("clock/advance", json={"seconds": 3 * 86_400 + 1})
    await contact_id(api)
    await settled(control)
    assert receiver.deliveries == []
    assert await status_of(api, hook) == "enabled"


async def test_expiry_beyond_31_days_is_refused_or_clamped(
    api: httpx.AsyncClient, receiver: Receiver, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    far = (clio.state.clock.utc() + timedelta(days=40)).isoformat()
    body = {"data": {"url": receiver.url, "model": "contact", "fields": "id", "expires_at": far}}
    assert (await api.post("webhooks", json=body)).status_code == 422
    await control.patch("switches", json={"long_expiry": "clamp"})
    answer = await api.post("webhooks", params={"fields": "expires_at"}, json=body)
    expires = datetime.fromisoformat(answer.json()["data"]["expires_at"])
    assert expires.timestamp() - clio.state.clock.now() == pytest.approx(31 * 86_400, abs=5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "Calendar"}, "'Calendar' is not a valid model"),
        ({"url": "http://example.com/hook"}, "https"),
        ({"url": "ftp://127.0.0.1/hook"}, "https"),
        ({"fields": "id,nothing"}, "nothing"),
        ({"fields": "id,company{company{id}}"}, "nests deeper"),
        ({"fields": "id," * 400}, "1000"),
        ({"fields": ""}, "required"),
        ({"events": ["matter_opened"]}, "'matter_opened' is not a valid event"),
        ({"expires_at": "soon"}, "soon"),
    ],
)
async def test_bad_subscriptions_are_refused(
    api: httpx.AsyncClient, receiver: Receiver, change: dict[str, object], words: str
) -> None:
    body = {"url": receiver.url, "model": "contact", "fields": "id", **change}
    answer = await api.post("webhooks", json={"data": body})
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["type"] == "ArgumentError"
    assert words in answer.json()["error"]["message"]
    assert receiver.handshakes == []


async def test_http_on_the_loopback_needs_the_mocks_leave(
    api: httpx.AsyncClient, receiver: Receiver, clio: MockClioServer
) -> None:
    clio.state.hooks.allow_http_loopback = False
    body = {"url": receiver.url, "model": "contact", "fields": "id"}
    assert (await api.post("webhooks", json={"data": body})).status_code == 422


@pytest.mark.parametrize("missing", ["webhooks", "contacts"])
async def test_both_permissions_are_needed(
    control: httpx.AsyncClient, api: httpx.AsyncClient, receiver: Receiver, missing: str
) -> None:
    permissions = {name: "read_write" for name in ("webhooks", "contacts", "matters") if name != missing}
    token = (await control.post("tokens", json={"client_id": "app", "permissions": permissions})).json()
    answer = await api.post(
        "webhooks",
        headers={"Authorization": f"Bearer {token['access_token']}"},
        json={"data": {"url": receiver.url, "model": "contact", "fields": "id"}},
    )
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "ForbiddenError")


async def test_lists_show_and_delete_own_subscriptions(
    api: httpx.AsyncClient, subscribe: Subscribe, control: httpx.AsyncClient
) -> None:
    hooks = [await subscribe(), await subscribe(model=1, fields="id")]
    listed = (await api.get("webhooks", params={"fields": "id,model", "order": "id(desc)"})).json()
    assert [row["model"] for row in listed["data"]] == ["matter", "contact"]
    await control.post("applications", json={"client_id": "other", "client_secret": "x"})
    token = (await control.post("tokens", json={"client_id": "other"})).json()["access_token"]
    foreign = {"Authorization": f"Bearer {token}"}
    assert (await api.get(f"webhooks/{hooks[0]['id']}", headers=foreign)).status_code == 404
    assert (await api.get("webhooks", headers=foreign)).json()["data"] == []
    assert (await api.delete(f"webhooks/{hooks[0]['id']}")).status_code == 204
    assert (await api.delete(f"webhooks/{hooks[0]['id']}")).status_code == 404


async def test_failures_are_retried_after_doubling_minutes_then_lost(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    await subscribe()
    receiver.status = 500
    await contact_id(api)
    await receiver.wait(1)
    for attempt, minutes in enumerate((2, 4, 8, 16, 32), 2):
        await settled(control)
        await control.post("clock/advance", json={"seconds": minutes * 60 - 10})
        await settled(control)
        assert len(receiver.deliveries) == attempt - 1
        await control.post("clock/advance", json={"seconds": 20})
        await receiver.wait(attempt)
    await settled(control)
    journal = (await control.get("journal/deliveries")).json()["data"]
    outcomes = [entry["outcome"] for entry in journal if entry["event"] == "created"]
    assert outcomes == ["failed"] * 5 + ["lost"]
    assert len({delivery.body for delivery in receiver.deliveries}) == 1


@pytest.mark.parametrize("status", [204, 302])
async def test_any_2xx_or_3xx_is_success(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient, status: int
) -> None:
    await subscribe()
    receiver.status = status
    await contact_id(api)
    await receiver.wait(1)
    await settled(control)
    entry = (await control.get("journal/deliveries")).json()["data"][-1]
    assert (entry["outcome"], entry["status"]) == ("delivered", status)


async def test_410_disables_the_subscription(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    hook = await subscribe()
    receiver.status = 410
    await contact_id(api)
    await receiver.wait(1)
    await settled(control)
    assert await status_of(api, hook) == "suspended"
    await contact_id(api)
    await settled(control)
    assert len(receiver.deliveries) == 1


async def test_suspended_after_three_hours_of_failures(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    hook = await subscribe()
    receiver.status = 500
    await contact_id(api)
    await receiver.wait(1)
    await settled(control)
    await control.post("clock/advance", json={"seconds": 3 * 3600 - 60})
    await settled(control)
    assert await status_of(api, hook) == "enabled"
    await control.post("clock/advance", json={"seconds": 120})
    assert await status_of(api, hook) == "suspended"


async def test_suspension_by_count_can_be_lifted_by_patch(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    await control.patch("switches", json={"suspend_after_failures": 2, "patch_lifts_suspension": True})
    hook = await subscribe()
    receiver.status = 500
    await contact_id(api)
    await contact_id(api)
    await receiver.wait(2)
    await settled(control)
    assert await status_of(api, hook) == "suspended"
    await api.patch(f"webhooks/{hook['id']}", json={"data": {"fields": "id"}})
    assert await status_of(api, hook) == "enabled"


async def test_a_slow_answer_is_a_failure(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    await subscribe()
    await control.patch("switches", json={"delivery_timeout": 0.05})
    receiver.delay = 0.3
    await contact_id(api)
    await receiver.wait(1)
    await settled(control)
    entry = (await control.get("journal/deliveries")).json()["data"][-1]
    assert (entry["outcome"], entry["status"]) == ("failed", None)
    await asyncio.sleep(0.3)


async def test_becoming_a_client_updates_the_contact(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver
) -> None:
    row_id = await contact_id(api)
    await subscribe(fields="id,is_client", events=["updated"])
    await api.post("matters", json={"data": {"client": {"id": row_id}, "description": "Lease"}})
    [delivery] = await receiver.wait(1)
    assert delivery.json["data"] == {"id": row_id, "is_client": True}


async def test_delivery_faults(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    row_id = await contact_id(api)
    await subscribe()
    await control.post("faults/deliveries", json={"action": "drop"})
    await retitle(api, row_id, "dropped")
    await control.post("faults/deliveries", json={"action": "repeat", "times": 3})
    await retitle(api, row_id, "thrice")
    await receiver.wait(3)
    await control.post("faults/deliveries", json={"action": "reorder", "count": 2})
    await retitle(api, row_id, "first")
    await retitle(api, row_id, "second")
    await receiver.wait(5)
    await control.post("faults/deliveries", json={"action": "delay", "seconds": 60})
    await retitle(api, row_id, "late")
    await settled(control)
    assert len(receiver.deliveries) == 5
    await control.post("clock/advance", json={"seconds": 61})
    await receiver.wait(6)
    titles = [delivery.json["data"]["title"] for delivery in receiver.deliveries]
    assert titles == ["thrice", "thrice", "thrice", "second", "first", "late"]
