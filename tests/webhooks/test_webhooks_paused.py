"""A paused firm's deliveries are taken in and processed, and its subscriptions live on."""

from core.sync import firm_schedule, schedule
from tests.webhooks.coverage_stage import DAY, HOUR, begin, holes, intervals, pass_time, turn
from tests.webhooks.webhook_scene import Scene, contact_event


async def test_what_is_delivered_meanwhile_is_in_the_mirror(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await firm_schedule.pause(scene.services, firm, reason="moves house")
    await scene.settle(endpoint, contact_event("updated", 11, title="Partner"))
    [delivery] = await scene.deliveries()
    assert (delivery["status"], delivery["outcome"]) == ("processed", "created")


async def test_subscriptions_are_looked_after_and_renewed(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    contact = await scene.create(title="Before")
    await scene.until_sent()
    await turn(scene.services, firm)
    await firm_schedule.pause(scene.services, firm, reason="moves house")
    for _ in range(3):
        await pass_time(scene, HOUR / 2)
        await turn(scene.services, firm)
    await scene.edit(contact, title="During")
    await scene.until_sent()
    await turn(scene.services, firm)
    row = await scene.contact(contact)
    assert row is not None
    assert row["title"] == "During"
    assert await schedule.request_due_polls(scene.services) == 0
    assert await holes(scene) == []
    [interval] = await intervals(scene)
    assert interval["is_open"]
    before = await scene.endpoints()
    await pass_time(scene, 20 * DAY)
    await turn(scene.services, firm)
    after = await scene.endpoints()
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert all(now["expires_at"] > then["expires_at"] for now, then in zip(after, before, strict=True))
