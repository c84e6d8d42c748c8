"""Workers killed at any point, and several at once: a run goes on within a page, and no two work on it together."""

import asyncio
import random
import signal
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import pytest

from core.services import Services
from core.settings import Settings
from core.sync import requesting
from core.testing.driving import Control, until
from mock_clio.settings import MockSettings
from tests.sync.reconcile_scene import Scene
from tests.sync.workers import worker_process

PAGE = 200
PAGES = 8
KILLS = 3
PAGE_S = 0.25
"""How long Clio takes for a page, so that there is something to kill."""

IN_HAND = 2
"""Pages that a worker has asked for and not written: the one in hand, and the one under way."""


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = PAGES * PAGE - 7
    return mock_settings


@pytest.fixture
async def scene(services: Services, firm: int, control: Control) -> Scene:
    return Scene(services, firm, control)


async def request(scene: Scene, kind: str) -> int:
    """Ask for a run that reads every contact."""
    if kind != "backfill":
        await scene.mirror_all()
        await scene.services.database.pool.execute("UPDATE sync_cursor SET high_water_at = '2000-01-01'")
    if kind == "reconcile":
        return await scene.request()
    asked = await requesting.request_runs(
        scene.services, firms=[scene.firm], resource=scene.resource.name, full=kind == "backfill"
    )
    return asked[0]


def is_page_of(kind: str, entry: dict[str, Any]) -> bool:
    """Whether a request of the journal is for a page of contacts, by what it asks for."""
    query = parse_qs(entry["query"])
    if entry["path"] != "/api/v4/contacts.json" or "ids[]" in query:
        return False
    lists_only = query["fields"] == ["id,etag,updated_at"]
    return lists_only == (kind == "reconcile") and ("updated_since" in query) == (kind == "incremental")


async def has_ended(scene: Scene, run: int) -> bool:
    return bool((await scene.run_row(run))["finished_at"])


@pytest.mark.parametrize("kind", ["backfill", "incremental", "reconcile"])
async def test_a_worker_killed_at_any_point_asks_again_for_what_it_had_in_hand_alone(
    scene: Scene, settings: Settings, control: Control, kind: str
) -> None:
    run = await request(scene, kind)
    await control.call("DELETE", "journal")
    await control.fail(prefix="/api/v4/contacts.json", delay=PAGE_S, count=1000)
    rng = random.Random(kind)  # noqa: S311 - chance is no secret
    kills = 0
    for _ in range(KILLS):
        pages = (await scene.run_row(run))["pages"]
        async with worker_process(settings) as worker:
            await until(partial(moved, scene, run, pages))
            await asyncio.sleep(rng.uniform(0, 2 * PAGE_S))
            worker.kill()
            await worker.wait()
        kills += not await has_ended(scene, run)
    assert kills >= 2, "the run was over before anybody was killed"
    async with worker_process(settings):
        await until(lambda: has_ended(scene, run), timeout_s=60)
    row = await scene.run_row(run)
    assert (row["state"], row["pages"], row["records_seen"]) == ("succeeded", PAGES, PAGES * PAGE - 7)
    asked = Counter(entry["query"] for entry in await control.requests() if is_page_of(kind, entry))
    assert len(asked) == PAGES
    assert sum(asked.values()) <= PAGES + IN_HAND * kills, asked
    assert await scene.present() == set(await control.records("contacts", fields="id"))
    if kind != "backfill":
        assert await scene.changes() == []


async def moved(scene: Scene, run: int, pages: int) -> bool:
    row = await scene.run_row(run)
    return bool(row["pages"] > pages or row["finished_at"])


WATCH = """
CREATE TABLE lease_log (
    run bigint, firm bigint, resource text, was text, is_now text, lapsed boolean, pages_moved boolean, others bigint
);
CREATE FUNCTION log_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO lease_log VALUES (
        NEW.id, NEW.firm, NEW.resource, OLD.lease_owner, NEW.lease_owner, OLD.lease_until < clock_timestamp(),
        NEW.pages > OLD.pages, (
            SELECT count(*) FROM sync_run AS other WHERE other.firm = NEW.firm AND other.resource = NEW.resource
            AND other.id <> NEW.id AND other.state = 'running' AND NEW.state = 'running'
        )
    );
    RETURN NEW;
END $$;
CREATE TRIGGER log_lease BEFORE UPDATE ON sync_run FOR EACH ROW EXECUTE FUNCTION log_lease()"""


async def test_no_two_workers_run_the_same_firm_and_resource_at_once(
    scene: Scene, settings: Settings, control: Control
) -> None:
    """Three workers, of which one is stopped for longer than its lease and wakes up, while every kind of run is due."""
    pool = scene.services.database.pool
    await pool.execute(WATCH)
    await control.fail(prefix="/api/v4/contacts.json", delay=PAGE_S, count=1000)
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(worker_process(settings)) for _ in range(3)]
        for kind in ("backfill", "reconcile", "backfill"):
            if kind == "reconcile":
                await requesting.request_reconciliations(scene.services, firms=[scene.firm], resource=None)
            else:
                await requesting.request_runs(scene.services, firms=[scene.firm], resource=None, full=True)
            await until(lambda: is_running(scene), timeout_s=60)  # its turn comes after other resources'
            owner = await pool.fetchval(
                "SELECT lease_owner FROM sync_run WHERE state = 'running' AND resource = 'contact'"
            )
            frozen = next((each for each in workers if f":{each.pid}:" in (owner or "")), workers[0])
            frozen.send_signal(signal.SIGSTOP)
            try:
                await wake_needlessly(scene, during_s=3)
            finally:
                frozen.send_signal(signal.SIGCONT)
            await until(lambda: is_quiet(scene), timeout_s=60)
    rows = await pool.fetch("SELECT * FROM lease_log")
    taken = [row for row in rows if row["is_now"] is not None and row["is_now"] != row["was"]]
    assert len({row["is_now"] for row in taken}) == 3, "not every worker had a run"
    assert any(row["was"] is not None for row in taken), "nobody took over"
    assert [dict(row) for row in taken if row["was"] is not None and not row["lapsed"]] == []
    assert [dict(row) for row in rows if row["pages_moved"] and row["was"] != row["is_now"]] == []
    assert [dict(row) for row in rows if row["others"]] == []
    assert await scene.present() == set(await control.records("contacts", fields="id"))


async def wake_needlessly(scene: Scene, *, during_s: float) -> None:
    """Wake the workers again and again, while somebody works on all there is to do."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + during_s
    while loop.time() < ends_at:
        await scene.services.queue.wake_sync()
        await asyncio.sleep(0.1)


async def is_running(scene: Scene) -> bool:
    row = await scene.services.database.pool.fetchval(
        "SELECT true FROM sync_run WHERE state = 'running' AND resource = 'contact' AND pages > 0"
    )
    return bool(row)


async def is_quiet(scene: Scene) -> bool:
    return not await scene.services.database.pool.fetchval(
        "SELECT EXISTS (SELECT FROM sync_run WHERE state IN ('queued', 'running', 'throttled'))"
    )
