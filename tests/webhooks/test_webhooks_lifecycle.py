"""Subscriptions: every way in which Clio may shake hands and choose a secret, renewal, loss, suspension, the end."""

import asyncio
import datetime
from typing import Any, Literal

import asyncpg
import pytest

from core.clio.webhooks import create_webhook
from core.errors import ClioUnavailable
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries
from core.webhooks.states import TRANSITIONS, move
from core.webhooks.subscription import RENEW_FROM, RENEW_TO, renewal_left
from tests.webhooks.coverage_stage import down
from tests.webhooks.webhook_scene import Scene

PREFIX = "/api/v4/webhooks"
REASONS = {
    "missing": "MISSING_AT_CLIO",
    "suspended": "SUSPENDED_BY_CLIO",
    "expired": "EXPIRED",
    "moved": "ADDRESS_CHANGED",
}


def subscribed(scene: Scene) -> list[str]:
    """The resources that have a webhook, in order of loading."""
    return [resource.name for resource in scene.services.registry.resources if resource.webhook]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize("honoured", [True, False], ids=["our-secret", "clios-secret"])
@pytest.mark.parametrize("handshake", ["during", "after", "never"])
async def test_registration_leads_to_deliveries_that_verify(
    scene: Scene, firm: int, handshake: Literal["during", "after", "never"], honoured: bool
) -> None:
    await scene.switch(handshake=handshake, honour_given_secret=honoured)
    endpoints = await lifecycle.register(scene.services, firm)
    assert len(endpoints) == len(subscribed(scene))
    await scene.until_sent()
    await scene.create()
    await scene.until_sent()
    assert {(row["resource"], row["event"]) for row in await scene.deliveries()} >= {("contact", "created")}
    await lifecycle.maintain(scene.services, firm)
    rows = await scene.endpoints()
    assert {row["resource"]: row["id"] for row in rows} == dict(zip(subscribed(scene), endpoints, strict=True))
    hooks = await scene.hooks(firm)
    for row in rows:
        hook = hooks[row["clio_webhook_id"]]
        assert hook["shared_secret"] == scene.secret(row)
        assert hook["status"] == "enabled"


async def test_a_handshake_that_nobody_heard_is_finished_from_here(scene: Scene, firm: int, front: Any) -> None:
    with down(front[0]):
        await lifecycle.register(scene.services, firm)
    pending = await scene.endpoints("pending")
    assert len(pending) == len(subscribed(scene))
    await lifecycle.maintain(scene.services, firm)
    assert [row["id"] for row in await scene.endpoints()] == [row["id"] for row in pending]


async def test_registering_again_makes_nothing_new(scene: Scene, firm: int) -> None:
    first = await lifecycle.register(scene.services, firm)
    hooks = set(await scene.hooks(firm))
    assert await lifecycle.register(scene.services, firm) == first
    assert set(await scene.hooks(firm)) == hooks


async def test_two_workers_register_once(scene: Scene, firm: int) -> None:
    both = await asyncio.gather(*(lifecycle.register(scene.services, firm) for _ in range(4)))
    assert {tuple(endpoints) for endpoints in both} == {tuple(both[0])}
    assert len(await scene.hooks(firm)) == len(subscribed(scene))


async def test_a_subscription_asks_for_every_field_and_nearly_31_days(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    row = (await scene.endpoints())[0]
    hook = (await scene.hooks(firm))[row["clio_webhook_id"]]
    assert hook["fields"] == scene.services.registry.resource("contact").endpoint.fields
    assert hook["events"] == ["created", "updated", "deleted"]
    left = datetime.datetime.fromisoformat(hook["expires_at"]) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=30.5) < left < datetime.timedelta(days=31)


async def test_a_lost_answer_does_not_subscribe_twice(scene: Scene, firm: int) -> None:
    await scene.clio.fail(status=502, prefix=PREFIX, method="POST", when="after")
    await lifecycle.register(scene.services, firm)
    assert len(await scene.hooks(firm)) == len(subscribed(scene))
    await lifecycle.register(scene.services, firm)
    assert len(await scene.hooks(firm)) == len(subscribed(scene))
    assert len(await scene.endpoints()) == len(subscribed(scene))


def test_each_subscription_is_extended_at_a_point_of_its_own() -> None:
    life = datetime.timedelta(days=30)
    points = {renewal_left(f"key {number}", life) for number in range(100)}
    assert len(points) == 100
    assert all(life * RENEW_FROM <= point <= life * RENEW_TO for point in points)
    assert renewal_left("key 7", life) in points


async def test_what_clio_refuses_again_and_again_is_asked_for_ever_more_rarely(scene: Scene, firm: int) -> None:
    await scene.switch(document_webhooks="refused")
    await lifecycle.register(scene.services, firm)
    for hours, refusals in ((0, 1), (2, 2), (1, 2), (3, 3), (3, 3), (5, 4)):
        [row] = [each for each in await scene.endpoints("failed") if each["resource"] == "document"]
        await scene.age(row, hours=hours)
        await lifecycle.maintain(scene.services, firm)
        row = await scene.row("webhook_endpoint", row["id"])
        assert (row["state"], row["refusals"]) == ("failed", refusals), hours
        assert (row["error_code"], "422" in row["error_message"]) == ("CLIO_INVALID_REQUEST", True)
    await scene.switch(document_webhooks="delivered")
    await lifecycle.register(scene.services, firm)
    row = await scene.row("webhook_endpoint", row["id"])
    assert (row["state"], row["refusals"], row["error_message"]) == ("enabled", 0, None)


async def test_the_subscription_of_somebody_else_is_left_alone(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    client = scene.services.accounts.client(firm)
    other = await create_webhook(
        client,
        url="https://elsewhere.example/hook",
        model="contact",
        events=["created"],
        fields="id",
        expires_at=_now() + datetime.timedelta(days=1),
        shared_secret="of somebody else",
    )
    await lifecycle.maintain(scene.services, firm)
    await lifecycle.unregister(scene.services, firm)
    assert list(await scene.hooks(firm)) == [other["id"]]


async def test_what_clio_refuses_does_not_stop_the_others(scene: Scene, firm: int) -> None:
    await scene.clio.fail(status=403, prefix=PREFIX, method="POST")
    assert len(await lifecycle.register(scene.services, firm)) == len(subscribed(scene)) - 1
    [failed] = await scene.endpoints("failed")
    assert failed["error_code"] == "CLIO_FORBIDDEN"
    await lifecycle.maintain(scene.services, firm)
    assert [row["id"] for row in await scene.endpoints("failed")] == [failed["id"]]
    await scene.age(failed, hours=2)
    await lifecycle.maintain(scene.services, firm)
    assert {row["id"] for row in await scene.endpoints()} >= {failed["id"]}


async def test_clio_being_away_is_told_on_registering_and_only_logged_on_maintaining(scene: Scene, firm: int) -> None:
    await scene.clio.fail(status=503, prefix=PREFIX, count=8)
    with pytest.raises(ClioUnavailable):
        await lifecycle.register(scene.services, firm)
    await lifecycle.maintain(scene.services, firm)
    assert len(await lifecycle.register(scene.services, firm)) == len(subscribed(scene))


async def test_past_half_of_its_life_a_subscription_is_extended(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    row = (await scene.endpoints())[0]
    for days, extended in ((19, False), (15, True)):
        await scene.change_hook(row, expires_at=_now() + datetime.timedelta(days=days))
        await lifecycle.maintain(scene.services, firm)
        hook = (await scene.hooks(firm))[row["clio_webhook_id"]]
        left = datetime.datetime.fromisoformat(hook["expires_at"]) - _now()
        assert (left > datetime.timedelta(days=30)) is extended
    assert (await scene.endpoints())[0]["id"] == row["id"]


@pytest.mark.parametrize("loss", ["missing", "suspended", "expired", "moved"])
async def test_a_lost_subscription_is_replaced_and_its_endpoint_retired(scene: Scene, firm: int, loss: str) -> None:
    await lifecycle.register(scene.services, firm)
    old = (await scene.endpoints())[0]
    if loss == "missing":
        await scene.delete_hook(old)
    elif loss == "suspended":
        await _suspend(scene, old)
    elif loss == "expired":
        await scene.change_hook(old, expires_at=_now() - datetime.timedelta(minutes=1))
    else:
        await scene.change_hook(old, url="https://127.0.0.1:9/elsewhere")
    await lifecycle.maintain(scene.services, firm)
    new = (await scene.endpoints())[0]
    assert (new["resource"], new["id"] > old["id"]) == ("contact", True)
    retired = await scene.row("webhook_endpoint", old["id"])
    assert (retired["state"], retired["error_code"]) == ("retired", REASONS[loss])
    assert len(await scene.hooks(firm)) == len(subscribed(scene))
    await scene.create()
    await scene.until_sent()
    about_contacts = [row["endpoint"] for row in await scene.deliveries() if row["resource"] == "contact"]
    assert about_contacts == [new["id"]]


async def _suspend(scene: Scene, endpoint: asyncpg.Record) -> None:
    """Let Clio meet an endpoint that fails, until it gives up on it."""
    pool = scene.services.database.pool
    await scene.switch(suspend_after_failures=1)
    await pool.execute("ALTER TABLE webhook_delivery RENAME TO webhook_delivery_away")
    await scene.create()
    await scene.until_sent()
    await pool.execute("ALTER TABLE webhook_delivery_away RENAME TO webhook_delivery")
    assert (await scene.hooks(endpoint["firm"]))[endpoint["clio_webhook_id"]]["status"] == "suspended"


async def test_a_subscription_at_our_address_that_nobody_knows_is_ended(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    row = (await scene.endpoints())[0]
    await scene.services.database.pool.execute("DELETE FROM webhook_endpoint WHERE id = $1", row["id"])
    await lifecycle.maintain(scene.services, firm)
    assert sorted(await scene.hooks(firm)) == sorted(each["clio_webhook_id"] for each in await scene.endpoints())


async def test_unregistering_ends_everything_at_clio(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    rows = await scene.endpoints()
    await lifecycle.unregister(scene.services, firm)
    assert await scene.hooks(firm) == {}
    assert len(await scene.endpoints("retired")) == len(subscribed(scene))
    assert (await scene.post(rows[0], {})).status_code == 410


async def test_unregistering_without_clio_retires_all_the_same(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    await scene.clio.fail(status=503, prefix=PREFIX, count=1000)
    await lifecycle.unregister(scene.services, firm)
    assert len(await scene.endpoints("retired")) == len(subscribed(scene))


async def test_an_edit_at_clio_reaches_the_mirror(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    contact = await scene.create(title="Partner")
    await scene.edit(contact, title="Of counsel")
    await scene.until_sent()
    assert await process_deliveries(scene.services) == 3  # the contact twice, and the folder that it was given
    row = await scene.contact(contact)
    assert row is not None
    assert row["title"] == "Of counsel"
    assert await scene.fetches(contact) == 0


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
