"""The ledger: what proves that nothing changed unseen, which holes are found, and how each is repaired."""

import datetime
from typing import Any

import pytest

from core.coverage import intake, ledger, repair
from core.coverage.ledger import Model
from core.sync import requesting
from core.testing.driving import until
from core.webhooks import lifecycle
from tests.webhooks.coverage_stage import (
    DAY,
    HOUR,
    MINUTE,
    begin,
    clio_now,
    down,
    holes,
    intervals,
    pass_time,
    turn,
    work,
)
from tests.webhooks.webhook_scene import NOON, Scene

CONTACT = Model(firm=1, resource="contact")


def at(minutes: float) -> datetime.datetime:
    return NOON + datetime.timedelta(minutes=minutes)


async def prove(scene: Scene, endpoint: int, moment: float) -> None:
    await ledger.prove(scene.services.database, CONTACT, endpoint, at=at(moment), ahead=datetime.timedelta())


def minutes(moment: datetime.datetime) -> float:
    return (moment - NOON).total_seconds() / 60


async def spans(scene: Scene, basis: str = "webhook") -> list[tuple[float, float]]:
    """The intervals, in minutes after noon."""
    return [(minutes(row["from_at"]), minutes(row["until_at"])) for row in await intervals(scene, basis=basis)]


async def gaps(scene: Scene) -> list[tuple[float, float, str]]:
    return [(minutes(row["from_at"]), minutes(row["until_at"]), row["reason"]) for row in await holes(scene)]


async def test_looks_within_the_horizon_are_one_interval(scene: Scene) -> None:
    for moment in (0, 1, 2, 57, 112):
        await prove(scene, 7, moment)
    assert await spans(scene) == [(0, 112)]
    [interval] = await intervals(scene)
    assert (interval["proofs"], interval["is_open"], interval["endpoint"]) == (5, True, 7)
    assert await gaps(scene) == []


async def test_a_longer_time_without_a_look_is_a_hole(scene: Scene) -> None:
    for moment in (0, 10, 66):
        await prove(scene, 7, moment)
    assert await spans(scene) == [(0, 10), (66, 66)]
    assert await gaps(scene) == [(10, 66, "NOT_WATCHED")]


@pytest.mark.parametrize(("told", "holes_found"), [((40, 90), 0), ((40,), 1), ((90,), 1), ((40, 200), 1)])
async def test_deliveries_prove_as_much_as_looks_do(scene: Scene, told: tuple[int, ...], holes_found: int) -> None:
    endpoint = (await scene.endpoint(1))["id"]
    await prove(scene, endpoint, 0)
    for number, moment in enumerate(told):
        await scene.services.database.pool.execute(
            """INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, digest, body, received_at)
            VALUES (1, $1, 'contact', 'contact', 'updated', $2, '', $3)""",
            endpoint,
            bytes([number]),
            at(moment),
        )
    await prove(scene, endpoint, 140)
    assert len(await gaps(scene)) == holes_found


async def test_a_hole_that_deliveries_show_to_be_none_is_closed_without_a_run(scene: Scene) -> None:
    endpoint = (await scene.endpoint(1))["id"]
    database = scene.services.database
    await prove(scene, endpoint, 0)
    await ledger.find_unwatched(database, 1, {"contact": datetime.timedelta()}, at=at(60))
    assert await gaps(scene) == [(0, 60, "NOT_WATCHED")]
    await database.pool.execute(
        """INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, digest, body, received_at)
        VALUES (1, $1, 'contact', 'contact', 'updated', '', '', $2)""",
        endpoint,
        at(50),
    )
    await prove(scene, endpoint, 61)
    await repair.settle(scene.services, 1)
    [hole] = await holes(scene)
    assert (hole["run"], hole["reconciliation"], hole["closed_at"] is not None) == (None, None, True)


async def test_another_endpoint_begins_a_hole_unless_both_were_seen(scene: Scene) -> None:
    database = scene.services.database
    await prove(scene, 7, 0)
    await prove(scene, 7, 5)
    await prove(scene, 8, 5)
    assert await gaps(scene) == []
    await ledger.lapse(database, CONTACT, 8, at=at(20), reason="SUSPENDED_BY_CLIO")
    await prove(scene, 9, 21)
    assert await spans(scene) == [(0, 5), (5, 5), (21, 21)]
    assert await gaps(scene) == [(5, 21, "SUSPENDED_BY_CLIO")]


async def test_what_expired_held_until_then_if_somebody_looked_shortly_before(scene: Scene) -> None:
    database = scene.services.database
    await prove(scene, 7, 0)
    await ledger.lapse(database, CONTACT, 7, at=at(60), reason="EXPIRED", held_until=at(50))
    assert await gaps(scene) == [(50, 60, "EXPIRED")]
    await prove(scene, 8, 60)
    await ledger.lapse(database, CONTACT, 8, at=at(999), reason="EXPIRED", held_until=at(900))
    assert await gaps(scene) == [(50, 60, "EXPIRED"), (60, 999, "EXPIRED")]


async def test_what_is_disproved_is_taken_back(scene: Scene) -> None:
    database = scene.services.database
    for moment in (0, 30):
        await prove(scene, 7, moment)
    await ledger.disprove(database, CONTACT, 7, since=at(10), at=at(31), reason="SILENT")
    assert await spans(scene) == [(0, 10)]
    assert await gaps(scene) == [(10, 31, "SILENT")]


async def test_while_no_api_runs_nothing_is_proven(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    pool = scene.services.database.pool
    [before] = await intervals(scene)
    await pool.execute("INSERT INTO intake (id, seen_at) VALUES (1, now() - interval '2 minutes')")
    for gaps_found in (0, 1):
        await pass_time(scene, 40 * MINUTE)
        await lifecycle.maintain(scene.services, firm)
        assert [row["until_at"] for row in await intervals(scene)] == [before["until_at"]]
        assert len(await holes(scene)) == gaps_found
    async with intake.beating(scene.services.database):

        async def is_up() -> bool:
            return await intake.is_up(scene.services.database)

        await until(is_up)
    await turn(scene.services, firm)
    [hole] = await holes(scene)
    assert (hole["reason"], hole["closed_at"] is not None) == ("NOT_WATCHED", True)
    assert [row["is_open"] for row in await intervals(scene)] == [False, True]


async def test_connecting_covers_everything_without_a_hole(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    now = await clio_now(scene)
    for resource in scene.services.registry.resources:
        [backfill] = await intervals(scene, resource.name, basis="backfill")
        assert backfill["from_at"] is None
        [poll] = await intervals(scene, resource.name, basis="poll")
        assert poll["from_at"] <= backfill["until_at"]
        assert now - poll["until_at"] < datetime.timedelta(minutes=2)
        assert len(await intervals(scene, resource.name)) == (resource.webhook is not None)
    assert await holes(scene, None) == []


async def test_polls_that_follow_one_another_are_one_interval(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    for _ in range(3):
        await pass_time(scene, 4 * MINUTE)
        [run] = await requesting.request_runs(scene.services, firms=[firm], resource="user", full=False)
        await work(scene.services)
    [poll] = await intervals(scene, "user", basis="poll")
    assert (poll["run"], poll["proofs"]) == (run, 4)


async def test_a_polled_resource_that_nobody_read_has_a_hole_too(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    await pass_time(scene, 2 * HOUR)
    await turn(scene.services, firm)
    [hole] = await holes(scene, "user")
    assert (hole["reason"], hole["closed_at"] is not None) == ("NOT_WATCHED", True)
    assert datetime.timedelta(hours=1.9) < hole["until_at"] - hole["from_at"] < datetime.timedelta(hours=2.1)


async def test_what_is_seldom_polled_is_not_missed_sooner(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    for hours, gaps_found in ((5, 0), (7, 1)):
        day = {"user": datetime.timedelta(hours=6)}
        now = await clio_now(scene) + datetime.timedelta(hours=hours)
        await ledger.find_unwatched(scene.services.database, firm, day, at=now)
        assert len(await holes(scene, None)) == gaps_found


@pytest.mark.parametrize(
    ("fault", "state"),
    [({"status": 403}, "failed"), ({"patch": {"data": [], "meta": {"paging": None}}}, "partial")],
    ids=["refused", "cut short"],
)
async def test_a_hole_lasts_while_runs_fail_and_is_repaired_when_they_do_not(
    scene: Scene, firm: int, fault: dict[str, Any], state: str
) -> None:
    await begin(scene, firm)
    pool = scene.services.database.pool
    await scene.clio.fail(prefix="/api/v4/users.json", count=1, **fault)
    await pass_time(scene, 2 * HOUR)
    await scene.clio.edit("users", min(await scene.clio.records("users")), first_name="Noor")
    await turn(scene.services, firm)
    [hole] = await holes(scene, "user")
    assert (await scene.row("sync_run", hole["run"]))["state"] == state
    assert hole["swept_at"] is None
    await pass_time(scene, HOUR)
    await turn(scene.services, firm)
    [lasting] = await holes(scene, "user")
    assert (lasting["id"], lasting["until_at"] > hole["until_at"]) == (hole["id"], True)
    await pool.execute("UPDATE sync_run SET finished_at = finished_at - interval '11 minutes' WHERE state = $1", state)
    await turn(scene.services, firm)
    [repaired] = await holes(scene, "user")
    assert repaired["closed_at"] is not None
    assert (await scene.row("sync_run", repaired["run"]))["state"] == "succeeded"


async def test_a_run_that_is_on_its_way_is_taken_and_what_it_does_not_cover_asked_for_again(
    scene: Scene, firm: int
) -> None:
    await begin(scene, firm)
    await pass_time(scene, 3 * DAY)
    [early] = await requesting.request_runs(scene.services, firms=[firm], resource="contact", full=False)
    await lifecycle.maintain(scene.services, firm)
    assert await repair.repair_holes(scene.services) > 0
    assert [hole["run"] for hole in await holes(scene)] == [None]
    await work(scene.services)
    [hole] = await holes(scene)
    assert (hole["run"], hole["swept_at"] is not None, hole["closed_at"]) == (early, True, None)
    await turn(scene.services, firm)
    [hole] = await holes(scene)
    assert hole["closed_at"] is not None


async def test_a_cursor_does_not_move_past_what_was_not_read(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    pool = scene.services.database.pool
    before = await pool.fetchval("SELECT high_water_at FROM sync_cursor WHERE resource = 'contact'")
    await requesting.request_runs(
        scene.services,
        firms=[firm],
        resource="contact",
        full=False,
        changed_since=before + datetime.timedelta(hours=1),
    )
    await work(scene.services)
    assert await pool.fetchval("SELECT high_water_at FROM sync_cursor WHERE resource = 'contact'") == before


async def test_a_firm_that_is_disconnected_has_no_hole_until_it_is_back(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    await lifecycle.unregister(scene.services, firm)
    assert [row["is_open"] for row in await intervals(scene)] == [False]
    assert await holes(scene, None) == []
    await pass_time(scene, HOUR)
    await begin(scene, firm)
    [hole] = await holes(scene)
    assert hole["closed_at"] is not None


async def test_where_clio_is_behind_our_clock_nothing_is_believed_that_was_not_read(scene: Scene, firm: int) -> None:
    await pass_time(scene, -20 * MINUTE)
    await begin(scene, firm)
    contact = await scene.create(title="Late")
    await requesting.request_runs(scene.services, firms=[firm], resource="contact", full=False)
    await work(scene.services)
    row = await scene.contact(contact)
    assert row is not None
    [poll] = await intervals(scene, basis="poll")
    assert poll["until_at"] < await clio_now(scene) + datetime.timedelta(seconds=3)


@pytest.mark.parametrize("status", [200, 503])
async def test_what_clio_still_retries_needs_no_repair(scene: Scene, firm: int, front: Any, status: int) -> None:
    await begin(scene, firm)
    if status == 503:
        with down(front[0]):
            await scene.create(title="Sent again")
            await pass_time(scene, 30 * MINUTE)
    await turn(scene.services, firm)
    assert await holes(scene, "contact") == []
