"""Webhook subscriptions and their handshakes."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer

ASKED = "id,etag,status,shared_secret,expires_at,events,model,url"
Subscribe = Callable[..., Awaitable[dict[str, Any]]]


async def contact_id(api: httpx.AsyncClient) -> int:
    answer = await api.post("contacts", json={"data": {"type": "Person", "first_name": "Ana", "last_name": "Silva"}})
    return int(answer.json()["data"]["id"])


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


async def test_unmodelled_models_can_be_subscribed_to_and_stay_silent(
    api: httpx.AsyncClient, subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    hook = await subscribe(model="activity", fields="id,quantity")
    assert (hook["model"], hook["status"]) == ("activity", "enabled")
    await contact_id(api)
    await settled(control)
    assert receiver.deliveries == []
