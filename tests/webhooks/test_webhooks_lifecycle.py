"""Subscriptions: every way in which Clio may shake hands and choose a secret, renewal, loss, suspension, the end."""

import asyncio
import datetime
from typing import Literal

import pytest

from core.errors import ClioUnavailable
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries
from core.webhooks.states import TRANSITIONS, move
from mock_clio.control.faults import RequestFault
from tests.webhooks.webhook_scene import Scene

PREFIX = "/api/v4/webhooks"


@pytest.mark.parametrize("honoured", [True, False], ids=["our-secret", "clios-secret"])
@pytest.mark.parametrize("handshake", ["during", "after", "never"])
async def test_registration_leads_to_deliveries_that_verify(
    scene: Scene, firm: int, handshake: Literal["during", "after", "never"], honoured: bool
) -> None:
    scene.mock.state.switches.handshake = handshake
    scene.mock.state.switches.honour_given_secret = honoured
    endpoints = await lifecycle.register(scene.services, firm)
    assert len(endpoints) == 2
    await scene.until_sent()
    scene.create()
    await scene.until_sent()
    assert [row["event"] for row in await scene.deliveries()] == ["created"]
    await lifecycle.maintain(scene.services, firm)
    rows = await scene.endpoints()
    assert [(row["resource"], row["id"]) for row in rows] == [("contact", endpoints[0]), ("matter", endpoints[1])]
    for row in rows:
        hook = scene.hook(row)
        assert hook["shared_secret"] == scene.secret(row)
        assert hook["status"] == "enabled"


async def test_registering_again_makes_nothing_new(scene: Scene, firm: int) -> None:
    first = await lifecycle.register(scene.services, firm)
    hooks = set(scene.hooks())
    assert await lifecycle.register(scene.services, firm) == first
    assert set(scene.hooks()) == hooks


async def test_two_workers_register_once(scene: Scene, firm: int) -> None:
    both = await asyncio.gather(*(lifecycle.register(scene.services, firm) for _ in range(4)))
    assert {tuple(endpoints) for endpoints in both} == {tuple(both[0])}
    assert len(scene.hooks()) == 2


async def test_a_subscription_asks_for_every_field_and_nearly_31_days(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    row = (await scene.endpoints())[0]
    hook = scene.hook(row)
    assert hook["fields"] == scene.services.registry.resource("contact").endpoint.fields
    assert hook["events"] == ["created", "updated", "deleted"]
    left = datetime.datetime.fromtimestamp(hook["expires_at"], datetime.UTC) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=30.5) < left < datetime.timedelta(days=31)


async def test_a_lost_answer_does_not_subscribe_twice(scene: Scene, firm: int) -> None:
    scene.mock.state.faults.requests.append(RequestFault(status=502, prefix=PREFIX, method="POST", when="after"))
    await lifecycle.register(scene.services, firm)
    assert len(scene.hooks()) == 2
    await lifecycle.register(scene.services, firm)
    assert len(scene.hooks()) == 2
    assert len(await scene.endpoints()) == 2


async def test_what_clio_refuses_does_not_stop_the_others(scene: Scene, firm: int) -> None:
    scene.mock.state.faults.requests.append(RequestFault(status=403, prefix=PREFIX, method="POST"))
    assert len(await lifecycle.register(scene.services, firm)) == 1
    [failed] = await scene.endpoints("failed")
    assert failed["error_code"] == "CLIO_FORBIDDEN"
    await lifecycle.maintain(scene.services, firm)
    assert [row["id"] for row in await scene.endpoints("failed")] == [failed["id"]]
    await scene.age(failed, hours=2)
    await lifecycle.maintain(scene.services, firm)
    assert {row["id"] for row in await scene.endpoints()} >= {failed["id"]}


async def test_clio_being_away_is_told_on_registering_and_only_logged_on_maintaining(scene: Scene, firm: int) -> None:
    scene.mock.state.faults.requests.append(RequestFault(status=503, prefix=PREFIX, count=8))
    with pytest.raises(ClioUnavailable):
        await lifecycle.register(scene.services, firm)
    await lifecycle.maintain(scene.services, firm)
    assert len(await lifecycle.register(scene.services, firm)) == 2


async def test_past_half_of_its_life_a_subscription_is_extended(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    row = (await scene.endpoints())[0]
    hook = scene.hook(row)
    now = int(datetime.datetime.now(datetime.UTC).timestamp())
    for days, extended in ((16, False), (15, True)):
        hook["expires_at"] = now + days * 86_400
        await lifecycle.maintain(scene.services, firm)
        assert (scene.hook(row)["expires_at"] > now + 30 * 86_400) is extended
    assert (await scene.endpoints())[0]["id"] == row["id"]


@pytest.mark.parametrize("loss", ["missing", "suspended", "expired", "moved"])
async def test_a_lost_subscription_is_replaced_and_its_endpoint_retired(scene: Scene, firm: int, loss: str) -> None:
    await lifecycle.register(scene.services, firm)
    old = (await scene.endpoints())[0]
    hook = scene.hook(old)
    if loss == "missing":
        scene.forget_hook(old)
    elif loss == "suspended":
        hook["status"] = "suspended"
    elif loss == "expired":
        hook["expires_at"] = 1
    else:
        hook["url"] = "https://elsewhere.example/webhooks"
    await lifecycle.maintain(scene.services, firm)
    new = (await scene.endpoints())[0]
    assert (new["resource"], new["id"] > old["id"]) == ("contact", True)
    assert (await scene.row("webhook_endpoint", old["id"]))["state"] == "retired"
    assert len(scene.hooks()) == 2
    scene.create()
    await scene.until_sent()
    assert [row["endpoint"] for row in await scene.deliveries()] == [new["id"]]


async def test_a_subscription_at_our_address_that_nobody_knows_is_ended(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    row = (await scene.endpoints())[0]
    await scene.services.database.pool.execute("DELETE FROM webhook_endpoint WHERE id = $1", row["id"])
    await lifecycle.maintain(scene.services, firm)
    assert sorted(scene.hooks()) == sorted(each["clio_webhook_id"] for each in await scene.endpoints())


async def test_unregistering_ends_everything_at_clio(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    rows = await scene.endpoints()
    await lifecycle.unregister(scene.services, firm)
    assert scene.hooks() == []
    assert len(await scene.endpoints("retired")) == 2
    assert (await scene.post(rows[0], {})).status_code == 410


async def test_unregistering_without_clio_retires_all_the_same(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    scene.mock.state.faults.requests.append(RequestFault(status=503, prefix=PREFIX, count=1000))
    await lifecycle.unregister(scene.services, firm)
    assert len(await scene.endpoints("retired")) == 2


async def test_an_edit_at_clio_reaches_the_mirror(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    contact = scene.create(title="Partner")
    scene.edit(contact, title="Of counsel")
    await scene.until_sent()
    assert await process_deliveries(scene.services) == 2
    row = await scene.contact(contact)
    assert row is not None
    assert row["title"] == "Of counsel"
    assert scene.fetches(contact) == 0


async def test_no_move_outside_the_table_is_made(scene: Scene) -> None:
    for source, targets in TRANSITIONS.items():
        for target in TRANSITIONS:
            endpoint = await scene.endpoint(1)
            await scene.services.database.pool.execute(
                "UPDATE webhook_endpoint SET state = $2 WHERE id = $1", endpoint["id"], source
            )
            moved = await move(scene.services.database.pool, endpoint["id"], target)
            assert moved is (target in targets or target == source)
            state = (await scene.row("webhook_endpoint", endpoint["id"]))["state"]
            assert state == (target if moved else source)
