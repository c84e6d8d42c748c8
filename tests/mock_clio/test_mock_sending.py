"""What tests of receivers need of the mock besides Clio's own behaviour: quick retries, any body, exact notes."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer
from mock_clio.settings import MockSettings

Subscribe = Callable[..., Awaitable[dict[str, Any]]]


async def test_retries_come_sooner_by_a_factor(
    clio: MockClioServer,
    settings: MockSettings,
    control: httpx.AsyncClient,
    receiver: Receiver,
) -> None:
    settings.retry_factor = 0.001
    await clio.restart(settings)
    token = (await control.post("tokens", json={"client_id": "app"})).json()["access_token"]
    async with httpx.AsyncClient(base_url=clio.url, headers={"Authorization": f"Bearer {token}"}) as api:
        hook = {"url": f"{receiver.url}/hook", "model": "contact", "fields": "id,etag"}
        assert (await api.post("/api/v4/webhooks.json", json={"data": hook})).status_code == 201
    receiver.statuses.extend([503, 503])
    await control.post("records/contacts", json={"data": {"type": "Company", "name": "A"}})
    await receiver.wait(3)
    await control.post("deliveries/settle")
    outcomes = [entry.outcome for entry in clio.state.journal.deliveries if entry.event == "created"]
    assert outcomes == ["failed", "failed", "delivered"]


@pytest.mark.parametrize(("switch", "status"), [("forbidden", 403), ("missing", 404), ("redacted", 200)])
async def test_a_hidden_record_is_not_listed_and_not_told_of(
    api: httpx.AsyncClient,
    subscribe: Subscribe,
    receiver: Receiver,
    control: httpx.AsyncClient,
    switch: str,
    status: int,
) -> None:
    await control.patch("switches", json={"hidden_record": switch})
    await subscribe()
    listed = (await api.get("contacts", params={"limit": 2})).json()
    first, second = (record["id"] for record in listed["data"])
    await control.patch(f"records/contacts/{first}", json={"data": {"hidden": True}})
    await control.patch(f"records/contacts/{first}", json={"data": {"title": "Unseen"}})
    await control.patch(f"records/contacts/{second}", json={"data": {"title": "Seen"}})
    await control.post("deliveries/settle")
    assert [delivery.json["data"]["id"] for delivery in receiver.deliveries] == [second]
    assert (await api.get("contacts")).json()["meta"]["records"] == listed["meta"]["records"] - 1
    answer = await api.get(f"contacts/{first}", params={"fields": "id,title,company{id}"})
    assert answer.status_code == status
    nothing = {"redacted": True, "id": None, "title": None, "company": None}
    assert answer.json().get("data") == (nothing if status == 200 else None)
    await control.patch(f"records/contacts/{first}", json={"data": {"hidden": False}})
    assert (await api.get(f"contacts/{first}", params={"fields": "title"})).json()["data"]["title"] == "Unseen"


async def test_any_body_is_signed_and_sent_past_the_faults(
    subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    hook = await subscribe()
    await control.post("faults/deliveries", json={"action": "drop"})
    answer = await control.post("deliveries", json={"webhook_id": hook["id"], "body": "nonsense"})
    assert answer.status_code == 200
    [delivery] = await receiver.wait(1)
    assert delivery.body == b"nonsense"
    assert delivery.signed_with(hook["shared_secret"])
    assert (await control.post("deliveries", json={"webhook_id": 1, "body": ""})).status_code == 404


async def test_the_journal_tells_where_each_delivery_went_and_its_digest(
    subscribe: Subscribe, receiver: Receiver, control: httpx.AsyncClient
) -> None:
    hook = await subscribe()
    await control.post("deliveries", json={"webhook_id": hook["id"], "body": "nonsense"})
    await receiver.wait(1)
    await control.post("deliveries/settle")
    [entry] = [each for each in (await control.get("journal/deliveries")).json()["data"] if each["event"] == "sent"]
    assert entry["url"] == hook["url"]
    assert entry["digest"] == hashlib.sha256(b"nonsense").hexdigest()
