"""Time passes at Clio: no model is ever uncovered while the service runs, and what it slept through it repairs."""

import asyncio
import datetime
from typing import Any

import pytest

from core.jobs.worker import WorkerProcess
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.sync.requesting import OVERLAP_S
from core.testing.driving import until
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries
from mock_clio.server import MockClioServer
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
    unlike,
)
from tests.webhooks.webhook_scene import Scene

STEP = 54 * MINUTE
"""A worker looks every minute; more seldom is quicker here, and still within what leaves no hole."""


async def test_forty_days_walked_leave_no_model_uncovered(scene: Scene, firm: int, mock_clio: MockClioServer) -> None:
    await begin(scene, firm)
    await scene.services.database.pool.execute("DELETE FROM coverage_interval WHERE basis <> 'webhook'")
    contact = await scene.create(title="Day 0")
    expiries = set()
    for step in range(40 * DAY // STEP):
        mock_clio.state.clock.advance(STEP)
        await lifecycle.maintain(scene.services, firm)
        if step % 96 == 0:
            await scene.edit(contact, title=f"Step {step}")
            await scene.until_sent()
            await process_deliveries(scene.services)
            assert await unlike(scene) == {}
            hooks = await scene.hooks(firm)
            assert {hook["status"] for hook in hooks.values()} == {"enabled"}
            expiries |= {hook["expires_at"] for hook in hooks.values()}
    endpoints = await scene.endpoints()
    now = await clio_now(scene)
    assert len(expiries) >= 2 * len(endpoints), "they were renewed twice, and not all at once"
    for endpoint in endpoints:
        [interval] = await intervals(scene, endpoint["resource"])
        assert interval["is_open"]
        assert interval["until_at"] - interval["from_at"] > datetime.timedelta(days=35)
        assert now - interval["until_at"] < datetime.timedelta(seconds=5)
        assert await holes(scene, endpoint["resource"]) == []


async def test_forty_days_at_once_are_read_and_subscribed_anew(scene: Scene, firm: int) -> None:
    await begin(scene, firm)
    before = await scene.endpoints()
    contact = await scene.create(title="Before")
    await scene.until_sent()
    await pass_time(scene, 40 * DAY)
    await scene.edit(contact, title="While nobody was told")
    await turn(scene.services, firm)
    assert await unlike(scene) == {}
    after = await scene.endpoints()
    assert [row["resource"] for row in after] == [row["resource"] for row in before]
    assert not {row["id"] for row in after} & {row["id"] for row in before}
    for endpoint in after:
        assert endpoint["expires_at"] > await clio_now(scene) + datetime.timedelta(days=30)
        [hole] = await holes(scene, endpoint["resource"])
        assert (hole["reason"], hole["closed_at"] is not None) == ("EXPIRED", True)
    await scene.edit(contact, title="Told again")
    await scene.until_sent()
    await process_deliveries(scene.services)
    assert await unlike(scene) == {}


@pytest.mark.parametrize("suspends", [True, False], ids=["suspended", "still-enabled"])
async def test_after_three_days_down_exactly_the_hole_is_repaired_and_reported(
    scene: Scene, firm: int, front: Any, settings: Settings, registry: Registry, suspends: bool
) -> None:
    if not suspends:
        await scene.switch(suspend_after_seconds=None)
    await begin(scene, firm)
    edited, deleted = await scene.create(title="Before"), await scene.create(title="To go")
    await scene.until_sent()
    await turn(scene.services, firm)
    slept_from = await clio_now(scene)
    with down(front[0]):
        for day in range(3):
            await scene.edit(edited, title=f"Day {day}", seconds=MINUTE)
            for _ in range(8):
                await pass_time(scene, 3 * HOUR)
        await scene.delete(deleted)
        await pass_time(scene, 2 * HOUR)
        created = await scene.create(title="Unheard of")
    woke_at = await clio_now(scene)
    fresh = Services(settings, registry)
    async with fresh.open():
        await turn(fresh, firm)
    assert await unlike(scene) == {}
    row = await scene.contact(created)
    assert row is not None
    [hole] = await holes(scene)
    second = datetime.timedelta(seconds=3)
    assert abs(hole["from_at"] - slept_from) < second
    assert abs(hole["until_at"] - woke_at) < second
    assert hole["reason"] == ("SUSPENDED_BY_CLIO" if suspends else "NOT_WATCHED")
    run = await scene.row("sync_run", hole["run"])
    assert (run["kind"], run["state"]) == ("incremental", "succeeded")
    assert run["since_at"] == hole["from_at"] - datetime.timedelta(seconds=OVERLAP_S)
    comparison = await scene.row("sync_run", hole["reconciliation"])
    assert (comparison["kind"], comparison["state"]) == ("reconcile", "succeeded")
    assert hole["closed_at"] is not None
    [poll] = await intervals(scene, basis="poll")
    assert poll["from_at"] <= hole["from_at"]
    assert poll["until_at"] >= hole["until_at"]


async def test_a_worker_that_starts_looks_before_it_polls(
    scene: Scene, firm: int, settings: Settings, registry: Registry
) -> None:
    await begin(scene, firm)
    await scene.services.database.pool.execute("UPDATE sync_run SET finished_at = finished_at - interval '1 hour'")
    await pass_time(scene, 3 * DAY)
    fresh, stop = Services(settings, registry), asyncio.Event()

    async def is_swept() -> bool:
        return [hole["swept_at"] is not None for hole in await holes(scene)] == [True]

    async with fresh.open():
        working = asyncio.create_task(WorkerProcess(fresh).run(stop))
        try:
            await until(is_swept)
        finally:
            stop.set()
            await working
    [hole] = await holes(scene)
    run = await scene.row("sync_run", hole["run"])
    assert run["since_at"] == hole["from_at"] - datetime.timedelta(seconds=OVERLAP_S)


async def test_a_short_outage_is_no_hole_for_clio_sends_again(scene: Scene, firm: int, front: Any) -> None:
    await begin(scene, firm)
    contact = await scene.create(title="Before")
    await scene.until_sent()
    await turn(scene.services, firm)
    with down(front[0]):
        await scene.edit(contact, title="While away")
        await pass_time(scene, 40 * MINUTE)
    await turn(scene.services, firm)
    assert await holes(scene) == []
    await pass_time(scene, 30 * MINUTE)
    await turn(scene.services, firm)
    assert await unlike(scene) == {}
    assert await holes(scene) == []
    [interval] = await intervals(scene)
    assert interval["is_open"]
