"""Sync runs: complete, resumable, honest about failure."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from core.errors import NotFound, ServiceError
from core.services import Services
from core.settings import Settings
from core.sync import engine, requesting, runs, schedule
from core.testing.driving import CLIENT_ID, Control, until
from mock_clio.settings import MockSettings
from tests.sync.workers import worker_process

PAGE = 200


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = 5 * PAGE + 7
    return mock_settings


async def request(services: Services, firm: int, resource: str, *, full: bool = False) -> int:
    [run] = await requesting.request_runs(services, firms=[firm], resource=resource, full=full)
    return run


async def row(services: Services, run: int) -> asyncpg.Record:
    found = await services.database.pool.fetchrow("SELECT * FROM sync_run WHERE id = $1", run)
    assert found is not None
    return found


async def at_page(services: Services, run: int, pages: int) -> bool:
    return bool((await row(services, run))["pages"] >= pages)


async def in_state(services: Services, run: int, state: str) -> bool:
    return bool((await row(services, run))["state"] == state)


async def succeeded(services: Services, run: int) -> bool:
    return await settle(services, run, turns=1) == "succeeded"


async def make_due(services: Services) -> None:
    await services.database.pool.execute("UPDATE sync_run SET not_before_at = now() WHERE finished_at IS NULL")


async def settle(services: Services, run: int, *, turns: int = 12) -> str:
    """Work on a run until it is neither put back nor busy."""
    outcome = "queued"
    for _ in range(turns):
        await make_due(services)
        outcome = await engine.work_on(services, run, owner="test")
        if outcome not in {"queued", "throttled", "busy"}:
            break
    return outcome


async def mirrored(services: Services, firm: int) -> dict[int, Sequence[Any]]:
    rows = await services.database.pool.fetch(
        "SELECT clio_id, name, etag, clio_updated_at FROM contacts_contact WHERE firm = $1 AND presence = 'present'",
        firm,
    )
    return {found["clio_id"]: (found["name"], found["etag"], found["clio_updated_at"]) for found in rows}


async def assert_mirror_equals_clio(services: Services, firm: int, control: Control) -> None:
    found = await mirrored(services, firm)
    wanted = await control.records("contacts")
    assert found.keys() == wanted.keys()
    assert {clio_id: (name, etag) for clio_id, (name, etag, _) in found.items()} == {
        clio_id: (record["name"], record["etag"]) for clio_id, record in wanted.items()
    }


async def test_a_backfill_mirrors_every_record_and_is_followed_by_an_incremental(
    services: Services, firm: int, control: Control
) -> None:
    run = await request(services, firm, "contact")
    assert await settle(services, run) == "succeeded"
    await assert_mirror_equals_clio(services, firm, control)
    done = await row(services, run)
    assert (done["kind"], done["pages"], done["records_seen"], done["records_total"]) == ("backfill", 6, 1007, 1007)
    following = await services.database.pool.fetchrow("SELECT * FROM sync_run ORDER BY id DESC LIMIT 1")
    assert following is not None
    assert (following["kind"], following["state"]) == ("incremental", "queued")


async def test_a_second_full_sync_writes_nothing(services: Services, firm: int) -> None:
    await settle(services, await request(services, firm, "contact"))
    changes = await services.database.pool.fetchval("SELECT count(*) FROM change")
    await services.database.pool.execute("UPDATE sync_run SET state = 'succeeded' WHERE state = 'queued'")
    again = await request(services, firm, "contact", full=True)
    assert await settle(services, again) == "succeeded"
    written = await row(services, again)
    assert (written["records_seen"], written["records_created"], written["records_updated"]) == (1007, 0, 0)
    assert await services.database.pool.fetchval("SELECT count(*) FROM change") == changes


async def test_an_incremental_reads_what_changed_alone(services: Services, firm: int, control: Control) -> None:
    await settle(services, await request(services, firm, "contact"))
    await control.call("POST", "clock/advance", {"seconds": 3600})
    changed = min(await control.records("contacts"))
    await control.edit("contacts", changed, title="Partner")
    await services.database.pool.execute("UPDATE sync_cursor SET high_water_at = now() + interval '10 minutes'")
    await services.database.pool.execute("DELETE FROM sync_run WHERE state = 'queued'")
    run = await request(services, firm, "contact")
    assert await settle(services, run) == "succeeded"
    assert (await row(services, run))["records_seen"] == 1
    await assert_mirror_equals_clio(services, firm, control)


async def test_a_token_that_expires_in_the_middle_is_renewed_and_the_backfill_goes_on(
    services: Services, firm: int, control: Control
) -> None:
    run = await request(services, firm, "contact")
    await control.fail(prefix="/api/v4/contacts", delay=0.3, skip=2, count=1)
    work = asyncio.create_task(settle(services, run))
    await until(lambda: at_page(services, run, 2))
    await control.call("POST", "tokens/expire", {"client_id": CLIENT_ID})
    assert await work == "succeeded"
    assert 401 in {entry["status"] for entry in await control.requests("/api/v4/contacts")}
    assert (await row(services, run))["failures"] == 0
    await assert_mirror_equals_clio(services, firm, control)


@pytest.mark.parametrize(
    "fault",
    [{"status": 429, "retry_after": 1}, {"status": 503}, {"status": 500, "count": 6}],
    ids=["429", "503", "500"],
)
async def test_a_fault_in_the_middle_of_the_pages_loses_nothing(
    services: Services, firm: int, control: Control, fault: dict[str, Any]
) -> None:
    await control.fail(prefix="/api/v4/contacts", skip=3, **fault)
    run = await request(services, firm, "contact")
    await until(lambda: succeeded(services, run))
    await assert_mirror_equals_clio(services, firm, control)
    assert (await row(services, run))["records_seen"] == 1007


async def test_a_run_that_keeps_failing_has_failed_and_moves_no_cursor(
    services: Services, firm: int, control: Control
) -> None:
    await settle(services, await request(services, firm, "user"))
    cursor = await services.database.pool.fetchval("SELECT high_water_at FROM sync_cursor")
    await services.database.pool.execute("DELETE FROM sync_run WHERE state = 'queued'")
    run = await request(services, firm, "user")
    await services.database.pool.execute(
        "UPDATE sync_run SET failures = $1 WHERE id = $2", engine.MOST_FAILURES - 1, run
    )
    await control.fail(prefix="/api/v4/users", status=500, count=100)
    assert await settle(services, run) == "failed"
    failed = await row(services, run)
    assert (failed["state"], failed["error_code"]) == ("failed", "CLIO_UNAVAILABLE")
    assert await services.database.pool.fetchval("SELECT high_water_at FROM sync_cursor") == cursor


async def test_what_the_same_request_would_meet_again_fails_at_once(
    services: Services, firm: int, control: Control
) -> None:
    await control.fail(prefix="/api/v4/contacts", status=403, count=1)
    run = await request(services, firm, "contact")
    assert await settle(services, run, turns=1) == "failed"
    assert (await row(services, run))["error_code"] == "CLIO_FORBIDDEN"


async def test_a_run_is_not_worked_on_twice_at_once(services: Services, firm: int, control: Control) -> None:
    run = await request(services, firm, "contact")
    outcomes = await asyncio.gather(*(engine.work_on(services, run, owner=f"worker {number}") for number in range(4)))
    assert sorted(outcomes) == ["busy", "busy", "busy", "succeeded"]
    assert len(await control.requests("/api/v4/contacts")) == 6


async def test_asking_twice_gives_the_same_run(services: Services, firm: int) -> None:
    first = await request(services, firm, "contact")
    assert await request(services, firm, "contact", full=True) == first


async def test_a_plugin_that_keeps_other_fields_is_read_in_full_again(services: Services, firm: int) -> None:
    await engine.work_on(services, await request(services, firm, "contact"), owner="test")
    assert (await row(services, await request(services, firm, "contact")))["kind"] == "incremental"
    await services.database.pool.execute("UPDATE sync_run SET state = 'cancelled' WHERE state = 'queued'")
    await services.database.pool.execute("UPDATE sync_cursor SET fields = 'id,etag,name'")
    again = await request(services, firm, "contact")
    assert (await row(services, again))["kind"] == "backfill"
    await engine.work_on(services, again, owner="test")
    assert (await row(services, await request(services, firm, "contact")))["kind"] == "incremental"


async def test_an_unknown_resource_or_no_connected_firm_is_refused(services: Services, firm: int) -> None:
    with pytest.raises(NotFound, match=r"there is no resource 'bill'; there are: .*contact, "):
        await request(services, firm, "bill")
    with pytest.raises(ServiceError, match="connectFirm"):
        await request(services, firm + 1, "contact")


async def test_a_cancelled_run_stops_after_its_page(services: Services, firm: int, control: Control) -> None:
    run = await request(services, firm, "contact")
    await control.fail(prefix="/api/v4/contacts", delay=2.5, skip=1, count=1)
    work = asyncio.create_task(engine.work_on(services, run, owner="test"))
    await until(lambda: at_page(services, run, 1))
    assert await runs.cancel_run(services, run, by="tests")
    assert await work == "cancelled"
    assert (await row(services, run))["state"] == "cancelled"
    assert not await runs.cancel_run(services, run, by="tests")
    with pytest.raises(NotFound):
        await runs.cancel_run(services, run + 100, by="tests")


async def test_a_queued_run_is_cancelled_at_once(services: Services, firm: int) -> None:
    run = await request(services, firm, "contact")
    assert await runs.cancel_run(services, run, by="tests")
    assert await engine.work_on(services, run, owner="test") == "busy"
    assert (await row(services, run))["state"] == "cancelled"


async def test_a_cancelled_run_whose_worker_died_is_ended_and_not_taken_up_again(services: Services, firm: int) -> None:
    run = await request(services, firm, "contact")
    await services.database.pool.execute(
        "UPDATE sync_run SET state = 'running', lease_owner = 'dead', lease_until = now() - interval '1 second'"
    )
    assert await runs.cancel_run(services, run, by="tests")
    assert await engine.work_on(services, run, owner="test") == "busy"
    await runs.finish_cancelled(services.database)
    assert (await row(services, run))["state"] == "cancelled"


async def test_a_worker_that_is_stopped_gives_its_run_back(services: Services, firm: int, control: Control) -> None:
    run = await request(services, firm, "contact")
    await control.fail(prefix="/api/v4/contacts", delay=20, skip=1, count=1)
    work = asyncio.create_task(engine.work_on(services, run, owner="test"))
    await until(lambda: at_page(services, run, 1))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await row(services, run))["state"] == "queued"
    assert await settle(services, run) == "succeeded"
    await assert_mirror_equals_clio(services, firm, control)


async def test_so_does_one_that_has_not_heard_yet_that_it_has_it(
    services: Services, firm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, take_up = asyncio.Event(), runs.take_up

    async def take_up_slowly(*given: Any, **named: Any) -> runs.Run | None:
        run = await take_up(*given, **named)
        taken.set()
        await asyncio.sleep(0.1)
        return run

    run = await request(services, firm, "contact")
    monkeypatch.setattr(runs, "take_up", take_up_slowly)
    work = asyncio.create_task(engine.work_on(services, run, owner="test"))
    await taken.wait()
    assert (await row(services, run))["state"] == "running"
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await row(services, run))["state"] == "queued"


async def test_polling_asks_for_what_is_due_and_no_more(services: Services, firm: int) -> None:
    every = len(services.registry.resources)
    assert await schedule.request_due_polls(services) == every
    assert await schedule.request_due_polls(services) == 0
    taken = await runs.take_due(
        services.database, owner="test", lease_s=3, firm_most=every + 1, most=100, most_bulk=100
    )
    assert len(taken) == every
    await services.database.pool.execute("UPDATE firm SET state = 'grant_dead'")
    await services.database.pool.execute("DELETE FROM sync_run")
    assert await schedule.request_due_polls(services) == 0
    assert firm == 1


async def test_a_worker_killed_in_the_middle_of_a_backfill_loses_at_most_a_page(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    run = await request(services, firm, "contact")
    await control.fail(prefix="/api/v4/contacts", delay=30, skip=2, count=1)
    async with worker_process(settings) as first:
        await until(lambda: at_page(services, run, 2))
        first.kill()
        await first.wait()
        await control.call("DELETE", "faults")
        async with worker_process(settings):
            await until(lambda: in_state(services, run, "succeeded"))
    await assert_mirror_equals_clio(services, firm, control)
    finished = await row(services, run)
    assert (finished["attempt"], finished["records_seen"], finished["pages"]) == (2, 1007, 6)


async def test_so_does_one_that_is_killed_between_windows(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    await control.fail(prefix="/api/v4/contacts", delay=0.4, count=1000)
    run = await request(services, firm, "contact")
    by_twos = settings.model_copy(update={"sync_pages_ahead": 2})
    async with worker_process(by_twos) as first:
        await until(lambda: at_page(services, run, 2), timeout_s=60)
        first.kill()
        await first.wait()
    killed = await row(services, run)
    assert (killed["plan"], "offset=" in killed["next_url"]) == ("windows, 200 a page, 2 ahead", True)
    async with worker_process(by_twos):
        await until(lambda: in_state(services, run, "succeeded"), timeout_s=60)
    await assert_mirror_equals_clio(services, firm, control)
    finished = await row(services, run)
    assert (finished["attempt"], finished["records_seen"], finished["pages"]) == (2, 1007, 6)
