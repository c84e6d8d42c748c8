"""What a webhook delivers, when, and what failures lead to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer

Subscribe = Callable[..., Awaitable[dict[str, Any]]]


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


@pytest.mark.parametrize("stop", [True, False])
async def test_webhooks_of_an_ended_grant_fall_silent(
    subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient, stop: bool
) -> None:
    await control.patch("switches", json={"deauthorized_webhooks_stop": stop})
    await subscribe()
    await control.post("deauthorize", json={"client_id": "app"})
    await control.post("records/contacts", json={"data": {"type": "Company", "name": "A"}})
    await settled(control)
    assert receiver.events == ([] if stop else ["created"])


async def test_a_burst_arrives_whole(
    subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient, clio: MockClioServer
) -> None:
    await subscribe(fields="id,etag")
    await subscribe(model="matter", fields="id,etag")
    await subscribe(model="document", fields="id,etag")
    await subscribe(model="activity", fields="id,etag")
    await control.post("traffic/edits", json={"count": 250})  # some are of custom fields, which have no webhook
    await settled(control)
    delivered = [entry for entry in clio.state.journal.deliveries if entry.outcome == "delivered"]
    assert len(delivered) == len(receiver.deliveries) >= 200
