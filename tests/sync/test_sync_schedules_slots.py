"""The slots of a worker: never more runs than slots, and the next one as soon as one has ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.jobs.slots import SyncSlots
from core.services import Services
from core.settings import Settings
from core.sync import engine, requesting
from core.sync.runs import Run
from core.testing.driving import Control, until


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sync_concurrency": 3})


@asynccontextmanager
async def turning(services: Services) -> AsyncIterator[SyncSlots]:
    """Slots that are filled when they are woken or a run ends: nothing comes by the clock."""
    slots = SyncSlots(services, owner="test")

    async def turn() -> None:
        while True:
            await slots.turn(wait_s=600)

    turns = asyncio.create_task(turn())
    try:
        yield slots
    finally:
        turns.cancel()
        await asyncio.gather(turns, return_exceptions=True)
        await slots.close()


async def test_a_run_that_ends_makes_room_for_the_next(
    services: Services, firm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    going: list[Run] = []
    most = {"runs": 0, "backfills": 0}
    work = engine.work

    async def counted(services: Services, run: Run, *, owner: str) -> str:
        going.append(run)
        most["runs"] = max(most["runs"], len(going))
        most["backfills"] = max(most["backfills"], sum(each.kind == "backfill" for each in going))
        try:
            return await work(services, run, owner=owner)
        finally:
            going.remove(run)

    monkeypatch.setattr(engine, "work", counted)
    names = ["user", "contact", "matter", "activity"]
    for name in names:
        await requesting.request_runs(services, firms=[firm], resource=name, full=True)

    async def all_done() -> bool:
        done = await services.database.pool.fetchval(
            "SELECT count(DISTINCT resource) FROM sync_cursor WHERE backfilled_at IS NOT NULL"
        )
        return bool(done == len(names))

    async with turning(services) as slots:
        slots.wake()
        await until(all_done)
    assert most["runs"] <= 3
    assert most["backfills"] == 2


async def test_closing_gives_back_what_is_in_hand(services: Services, firm: int, control: Control) -> None:
    [run] = await requesting.request_runs(services, firms=[firm], resource="contact", full=True)
    await control.fail(prefix="/api/v4/contacts", delay=30)

    async def is_running() -> bool:
        return bool(await services.database.pool.fetchval("SELECT state = 'running' FROM sync_run WHERE id = $1", run))

    async with turning(services) as slots:
        slots.wake()
        await until(is_running)
    row = await services.database.pool.fetchrow("SELECT state, lease_owner FROM sync_run WHERE id = $1", run)
    assert row is not None
    assert tuple(row) == ("queued", None)
