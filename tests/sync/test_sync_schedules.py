"""How often resources are polled: what polls find, what webhooks tell, and what chance takes off."""

import datetime
from collections import Counter

import pytest

from core.coverage import ledger
from core.services import Services
from core.sync import engine, requesting, schedule
from core.sync.pace import FAILED, POLL_JITTER, QUICKEST, SLOWEST
from core.testing.driving import Control
from tests.sync.scheduling import add_firms, cursor, queued, read_before, set_firm

MINUTES = datetime.timedelta(minutes=1)


async def poll(services: Services, firm: int, resource: str = "contact") -> float:
    """Poll a resource now; return the pace afterwards."""
    await services.database.pool.execute("DELETE FROM sync_run WHERE state = 'queued'")
    [run] = await requesting.request_runs(services, firms=[firm], resource=resource, full=False)
    assert await engine.work_on(services, run, owner="test") == "succeeded"
    return float((await cursor(services, firm, resource))["pace"])


async def enable_webhook(services: Services, firm: int, *, delivered: bool = True) -> None:
    await services.database.pool.execute(
        """WITH made AS (
               INSERT INTO webhook_endpoint (firm, resource, model, endpoint_key, state, fields, enabled_at)
               VALUES ($1, 'contact', 'contact', 'key', 'enabled', '', now() - interval '1 hour') RETURNING id
           )
           INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, digest, body, received_at, status)
           SELECT $1, id, 'contact', 'contact', 'updated', '', '', now() - interval '30 minutes', 'processed'
           FROM made WHERE $2""",
        firm,
        delivered,
    )


async def test_polls_that_find_nothing_come_ever_more_rarely_and_one_that_does_sooner(
    services: Services, firm: int, control: Control
) -> None:
    paces = [await poll(services, firm) for _ in range(6)]
    assert paces == [1.0, 1.5, 2.25, 3.375, SLOWEST, SLOWEST]
    [contact, *_] = await control.records("contacts")
    for number, pace in enumerate([1.0, QUICKEST, QUICKEST]):
        await control.edit("contacts", contact, title=f"Partner {number}")
        assert await poll(services, firm) == pace
    assert await poll(services, firm) == QUICKEST * 1.5


async def test_where_webhooks_deliver_only_what_they_should_have_told_counts(
    services: Services, firm: int, control: Control
) -> None:
    await poll(services, firm)
    await enable_webhook(services, firm)
    [contact, *_] = await control.records("contacts")
    await control.edit("contacts", contact, title="Partner")
    assert await poll(services, firm) == 1.5
    await control.edit("contacts", contact, title="Of counsel")
    await control.call("POST", "clock/advance", {"seconds": 600})
    await poll(services, firm, "user")  # which tells the time at Clio
    assert await poll(services, firm) == 0.75


async def test_a_full_read_begins_anew(services: Services, firm: int) -> None:
    for _ in range(3):
        await poll(services, firm)
    await services.database.pool.execute("DELETE FROM sync_run WHERE state = 'queued'")
    [run] = await requesting.request_runs(services, firms=[firm], resource="contact", full=True)
    assert await engine.work_on(services, run, owner="test") == "succeeded"
    assert (await cursor(services, firm, "contact"))["pace"] == 1.0


@pytest.mark.parametrize(
    ("pace", "state", "delivered", "wanted", "reason"),
    [
        (1.0, "succeeded", None, 60.0, "steady"),
        (QUICKEST, "succeeded", None, 60.0 * QUICKEST, "busy"),
        (SLOWEST, "succeeded", None, 60.0 * SLOWEST, "idle"),
        (SLOWEST, "partial", None, 60.0 * FAILED, "failed"),
        (SLOWEST, "failed", None, 60.0 * FAILED, "failed"),
        (SLOWEST, "succeeded", True, 300.0 * SLOWEST, "covered"),
        (QUICKEST, "succeeded", True, 300.0, "covered"),
        (SLOWEST, "succeeded", False, 300.0, "steady"),
        (QUICKEST, "succeeded", False, 300.0 * QUICKEST, "busy"),
    ],
)
async def test_the_interval_is_what_is_declared_times_the_pace(
    services: Services, pace: float, state: str, delivered: bool | None, wanted: float, reason: str
) -> None:
    [firm] = await add_firms(services, 1)
    if delivered is not None:
        await enable_webhook(services, firm, delivered=delivered)
    await read_before(services, firm, "contact", pace=pace, state=state)
    await schedule.request_due_polls(services)
    found = await cursor(services, firm, "contact")
    assert (found["interval_s"], found["reason"]) == (wanted, reason)
    assert wanted * (1 - POLL_JITTER) - 5 <= found["left_s"] <= wanted
    assert (firm, "contact", "backfill") not in await queued(services)
    await read_before(services, firm, "contact", pace=pace, state=state, ended_s=wanted + 1)
    await services.database.pool.execute("DELETE FROM sync_run WHERE state = 'queued'")
    await schedule.request_due_polls(services)
    assert "contact" in {resource for _, resource, _ in await queued(services)}


async def test_firms_that_were_polled_together_are_not_polled_together_again(services: Services) -> None:
    firms = await add_firms(services, 200)
    for firm in firms:
        await read_before(services, firm, "contact", pace=SLOWEST)
    await schedule.request_due_polls(services)
    due = [int((await cursor(services, firm, "contact"))["left_s"]) for firm in firms]
    assert max(Counter(due).values()) < 30
    assert max(due) - min(due) > 60 * SLOWEST * POLL_JITTER / 2


async def test_one_look_serves_all_firms_and_none_is_looked_at_before_its_time(services: Services) -> None:
    names = [each.name for each in services.registry.resources]
    firms = await add_firms(services, 20)
    for firm in firms:
        for name in names:
            await read_before(services, firm, name, ended_s=86400 if firm in firms[:5] else 0)
    assert await schedule.request_due_polls(services) == 5 * len(names)
    assert await schedule.request_due_polls(services) == 0
    looks = await services.database.pool.fetch("SELECT DISTINCT firm FROM sync_cursor WHERE look_at <= now()")
    assert {row["firm"] for row in looks} == set(firms[:5])


async def test_a_webhook_that_ends_is_noticed_within_minutes_however_idle_the_resource_was(services: Services) -> None:
    [firm] = await add_firms(services, 1)
    await enable_webhook(services, firm)
    await read_before(services, firm, "contact", pace=SLOWEST)
    await schedule.request_due_polls(services)
    assert (await cursor(services, firm, "contact"))["interval_s"] == 300 * SLOWEST
    await services.database.pool.execute("UPDATE webhook_endpoint SET state = 'suspended'")
    await services.database.pool.execute(
        "UPDATE sync_cursor SET look_at = look_at - make_interval(secs => $1)", schedule.LOOK_S
    )
    await schedule.request_due_polls(services)
    assert (await cursor(services, firm, "contact"))["interval_s"] == 60 * SLOWEST


async def test_no_interval_is_long_enough_for_a_hole(services: Services) -> None:
    longest = max(each.poll_s for each in services.registry.resources) * max(SLOWEST, FAILED)
    assert datetime.timedelta(seconds=longest) < ledger.HORIZON


async def test_comparisons_due_at_once_are_spread_over_the_next_day(services: Services) -> None:
    firms = await add_firms(services, 100)
    for firm in firms:
        await services.database.pool.execute(
            """INSERT INTO sync_cursor (firm, resource, high_water_at, backfilled_at)
               VALUES ($1, 'contact', now(), now())""",
            firm,
        )
    assert await schedule.request_due_reconciliations(services) == 0

    async def due_after(hours: float) -> int:
        await services.database.pool.execute("DELETE FROM sync_run")
        await services.database.pool.execute(
            "UPDATE sync_cursor SET backfilled_at = now() - make_interval(secs => $1)", hours * 3600
        )
        return await schedule.request_due_reconciliations(services)

    assert await due_after(17.9) == 0
    assert 20 < await due_after(21) < 80
    assert await due_after(24.1) == 100


@pytest.mark.parametrize("rest", ["paused", "quiet", "disconnected"])
async def test_a_firm_that_rests_is_left_alone_and_others_are_not(services: Services, rest: str) -> None:
    resting, awake = await add_firms(services, 2)
    for firm in (resting, awake):
        await read_before(services, firm, "contact", ended_s=86400)
    await services.database.pool.execute("UPDATE sync_cursor SET backfilled_at = now() - interval '2 days'")
    match rest:
        case "paused":
            await set_firm(services, resting, paused_at=0 * MINUTES)
        case "quiet":
            await set_firm(services, resting, rests_from=-MINUTES, rests_until=MINUTES)
        case _:
            await set_firm(services, resting, state="disconnected")
    assert await schedule.request_due_reconciliations(services) == 1
    await schedule.request_due_polls(services)
    assert {firm for firm, _, _ in await queued(services)} == {awake}
