"""An endpoint gets another address and secret, and nothing is missed meanwhile, whatever Clio does."""

import datetime

import asyncpg
import pytest

from core.coverage.ledger import RETRY_HORIZON
from core.errors import BadInput, ClioError, NotFound
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries
from tests.webhooks.coverage_stage import begin, holes, intervals, unlike
from tests.webhooks.webhook_scene import Scene, hint

PREFIX = "/api/v4/webhooks"


async def rotate(scene: Scene, firm: int) -> tuple[asyncpg.Record, asyncpg.Record]:
    """Rotate the endpoint of contacts; return it as it was, and the new one."""
    old = (await scene.endpoints())[0]
    [new] = await lifecycle.rotate(scene.services, firm, resource="contact")
    return old, await scene.row("webhook_endpoint", new)


async def hour_later(scene: Scene) -> None:
    """Let Clio have given up on what it had still to send to old addresses."""
    await scene.services.database.pool.execute(
        "UPDATE webhook_endpoint SET updated_at = updated_at - $1::interval WHERE state = 'retiring'",
        RETRY_HORIZON + datetime.timedelta(minutes=4),
    )


@pytest.mark.parametrize("handshake", ["during", "after", "never"])
async def test_the_new_one_is_enabled_before_the_old_one_goes(scene: Scene, firm: int, handshake: str) -> None:
    await scene.switch(handshake=handshake)
    await begin(scene, firm)
    contact = await scene.create(title="Before")
    await scene.until_sent()
    await process_deliveries(scene.services)
    old, new = await rotate(scene, firm)
    assert (await scene.row("webhook_endpoint", old["id"]))["state"] == "retiring"
    assert (new["state"], new["endpoint_key"] != old["endpoint_key"]) == ("enabled", True)
    assert scene.secret(new) != scene.secret(old)
    await scene.edit(contact, title="Meanwhile")
    await scene.until_sent()
    told = [row for row in await scene.deliveries() if row["resource"] == "contact" and row["event"] == "updated"]
    assert {row["endpoint"] for row in told} == {old["id"], new["id"]}
    await process_deliveries(scene.services)
    assert await unlike(scene) == {}
    assert (await scene.changes(contact)).count("updated") == 1
    assert await holes(scene) == []
    before, after = await intervals(scene)
    assert before["until_at"] >= after["from_at"] - datetime.timedelta(seconds=1)
    assert (before["is_open"], after["is_open"]) == (False, True)


async def test_the_old_address_still_takes_what_is_under_way_to_it(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    old, _ = await rotate(scene, firm)
    await lifecycle.maintain(scene.services, firm)
    assert (await scene.post(old, hint("updated", 1))).status_code == 200
    assert old["clio_webhook_id"] in await scene.hooks(firm)


async def test_it_answers_410_when_nothing_can_be_under_way_to_it_any_more(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    old, new = await rotate(scene, firm)
    await hour_later(scene)
    await lifecycle.maintain(scene.services, firm)
    retired = await scene.row("webhook_endpoint", old["id"])
    assert (retired["state"], retired["error_code"]) == ("retired", "ROTATED")
    assert old["clio_webhook_id"] not in await scene.hooks(firm)
    assert (await scene.post(retired, hint("updated", 2))).status_code == 410
    assert (await scene.post(new, hint("updated", 2))).status_code == 200


async def test_all_of_a_firm_can_be_rotated_again_and_again(scene: Scene, firm: int) -> None:
    first = await lifecycle.register(scene.services, firm)
    second = await lifecycle.rotate(scene.services, firm)
    third = await lifecycle.rotate(scene.services, firm)
    assert len({*first, *second, *third}) == 3 * len(first)
    assert {row["id"] for row in await scene.endpoints()} == set(third)
    await hour_later(scene)
    await lifecycle.maintain(scene.services, firm)
    assert {row["id"] for row in await scene.endpoints("retired")} == {*first, *second}
    assert len(await scene.hooks(firm)) == len(third)


async def test_where_clio_refuses_the_new_one_the_old_one_serves_on(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    old = (await scene.endpoints())[0]
    await scene.clio.fail(status=403, prefix=PREFIX, method="POST")
    with pytest.raises(ClioError):
        await lifecycle.rotate(scene.services, firm, resource="contact")
    await lifecycle.maintain(scene.services, firm)
    assert (await scene.endpoints())[0]["id"] == old["id"]
    [given_up] = await scene.endpoints("retired")
    assert given_up["error_code"] == "SUCCESSION_FAILED"
    assert await holes(scene) == []


async def test_a_lost_answer_of_a_rotation_is_found_again(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    old = (await scene.endpoints())[0]
    await scene.clio.fail(status=502, prefix=PREFIX, method="POST", when="after")
    with pytest.raises(ClioError):
        await lifecycle.rotate(scene.services, firm, resource="contact")
    await lifecycle.maintain(scene.services, firm)
    new = (await scene.endpoints())[0]
    assert new["id"] > old["id"]
    assert (await scene.row("webhook_endpoint", old["id"]))["state"] == "retiring"
    assert await holes(scene) == []


async def test_where_the_old_one_is_lost_meanwhile_the_new_one_takes_over(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    old = (await scene.endpoints())[0]
    await scene.clio.fail(status=502, prefix=PREFIX, method="POST", when="after")
    with pytest.raises(ClioError):
        await lifecycle.rotate(scene.services, firm, resource="contact")
    await scene.delete_hook(old)
    await lifecycle.maintain(scene.services, firm)
    new = (await scene.endpoints())[0]
    assert new["id"] > old["id"]
    assert (await scene.row("webhook_endpoint", old["id"]))["state"] == "retired"
    assert len(await holes(scene)) == 1


async def test_renewing_by_hand_extends_at_once_and_replaces_what_is_lost(scene: Scene, firm: int) -> None:
    await lifecycle.register(scene.services, firm)
    row = (await scene.endpoints())[0]
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=29)
    await scene.change_hook(row, expires_at=soon)
    assert await lifecycle.renew(scene.services, firm, row["id"]) == row["id"]
    renewed = await scene.row("webhook_endpoint", row["id"])
    assert renewed["expires_at"] > soon + datetime.timedelta(days=1)
    await scene.delete_hook(row)
    other = await lifecycle.renew(scene.services, firm, row["id"])
    assert other != row["id"]
    assert (await scene.row("webhook_endpoint", other))["state"] == "enabled"
    with pytest.raises(BadInput):
        await lifecycle.renew(scene.services, firm, row["id"])
    with pytest.raises(NotFound):
        await lifecycle.renew(scene.services, firm + 1, other)


async def test_what_a_person_deletes_stays_deleted_until_somebody_registers(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    row = (await scene.endpoints())[0]
    await lifecycle.end(scene.services, firm, row["id"])
    await lifecycle.maintain(scene.services, firm)
    assert "contact" not in {each["resource"] for each in await scene.endpoints()}
    assert row["clio_webhook_id"] not in await scene.hooks(firm)
    assert (await scene.post(row, {})).status_code == 410
    await lifecycle.register(scene.services, firm, resource="contact")
    assert (await scene.endpoints())[0]["resource"] == "contact"
    with pytest.raises(BadInput):
        await lifecycle.register(scene.services, firm, resource="user")
