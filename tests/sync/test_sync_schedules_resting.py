"""Paused firms and quiet hours: what waits, what goes on, and that nothing is missed afterwards."""

import asyncio
import datetime

import pytest

from core.connect import connect_firm
from core.coverage import ledger, repair
from core.coverage.ledger import Model
from core.errors import BadInput, FirmPaused, NotFound
from core.services import Services
from core.settings import Settings
from core.sync import engine, firm_schedule, requesting, schedule
from core.sync.quiet_hours import QuietHours
from core.testing.driving import Control, approve, until
from core.webhooks import lifecycle
from mock_clio.settings import MockSettings
from tests.sync.scheduling import add_firms, queue, queued, set_firm, take
from tests.sync.workers import worker_process

MINUTES = datetime.timedelta(minutes=1)
HOUR = datetime.timedelta(hours=1)
NIGHT = QuietHours.read(starts="22:00", ends="06:00", time_zone="Europe/Berlin")


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = 1007
    return mock_settings


async def request(services: Services, firm: int, *, by_hand: bool = True) -> int:
    [run] = await requesting.request_runs(services, firms=[firm], resource="contact", full=False, by_hand=by_hand)
    return run


async def state_of(services: Services, run: int) -> tuple[str, int]:
    row = await services.database.pool.fetchrow("SELECT state, pages FROM sync_run WHERE id = $1", run)
    assert row is not None
    return row["state"], row["pages"]


async def begin(services: Services, control: Control, run: int) -> "asyncio.Task[str]":
    """Work on a run until its second page is asked for, which takes long to come."""
    await control.fail(prefix="/api/v4/contacts", delay=30, skip=1, count=1)
    work = asyncio.create_task(engine.work_on(services, run, owner="test"))

    async def at_first_page() -> bool:
        return (await state_of(services, run))[1] == 1

    await until(at_first_page)
    return work


async def make_quiet(services: Services, firm: int) -> None:
    await set_firm(services, firm, rests_from=-MINUTES, rests_until=HOUR)


async def test_a_run_of_a_paused_firm_is_put_back_and_goes_on_with_its_next_page(
    services: Services, firm: int, control: Control
) -> None:
    run = await request(services, firm)
    work = await begin(services, control, run)
    await firm_schedule.pause(services, firm, reason="moves house")
    assert await work == "queued"
    assert await state_of(services, run) == ("queued", 1)
    assert await engine.work_on(services, run, owner="test") == "busy"
    assert await take(services, most=4) == []
    await firm_schedule.resume(services, firm)
    await control.call("DELETE", "faults")
    assert await engine.work_on(services, run, owner="test") == "succeeded"
    assert await state_of(services, run) == ("succeeded", 6)


async def test_a_run_of_a_paused_firm_asked_for_by_hand_is_refused(services: Services) -> None:
    paused, other = await add_firms(services, 2)
    await firm_schedule.pause(services, paused, reason="moves house")
    with pytest.raises(FirmPaused, match=rf"firm {paused} is paused: .*resumeFirm"):
        await request(services, paused)
    with pytest.raises(FirmPaused, match="firms resume"):
        await requesting.request_reconciliations(services, firms=[paused], resource="contact")
    assert await request_of_both(services, paused, other) == [(other, "contact", "backfill")]
    assert await requesting.request_runs(services, firms=[paused], resource="contact", full=False, by_hand=False) == []


async def request_of_both(services: Services, paused: int, other: int) -> list[tuple[int, str, str]]:
    await requesting.request_runs(services, firms=[paused, other], resource="contact", full=False)
    return await queued(services)


async def test_pausing_twice_keeps_the_time_and_resuming_twice_does_nothing(services: Services) -> None:
    [firm] = await add_firms(services, 1)

    async def row() -> tuple[datetime.datetime | None, str | None, datetime.datetime | None]:
        found = await services.database.pool.fetchrow("SELECT * FROM firm WHERE id = $1", firm)
        assert found is not None
        return found["paused_at"], found["pause_reason"], found["awake_since"]

    await firm_schedule.pause(services, firm, reason="one")
    first = await row()
    await firm_schedule.pause(services, firm, reason=" two ")
    assert await row() == (first[0], "two", None)
    await firm_schedule.resume(services, firm)
    resumed = await row()
    assert resumed[:2] == (None, None)
    await firm_schedule.resume(services, firm)
    assert await row() == resumed


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
async def test_a_pause_wants_a_reason(services: Services, reason: str) -> None:
    [firm] = await add_firms(services, 1)
    with pytest.raises(BadInput, match="1 to 500"):
        await firm_schedule.pause(services, firm, reason=reason)


async def test_a_firm_that_is_not_there_is_named(services: Services) -> None:
    for work in (
        firm_schedule.pause(services, 7, reason="x"),
        firm_schedule.resume(services, 7),
        firm_schedule.set_quiet_hours(services, 7, NIGHT),
        firm_schedule.set_quiet_hours(services, 7, None),
    ):
        with pytest.raises(NotFound, match="no firm 7"):
            await work


async def test_a_paused_firm_can_be_connected_again_and_waits(services: Services, firm: int) -> None:
    await firm_schedule.pause(services, firm, reason="moves house")
    state, code = await approve(await services.accounts.authorize_url("us"))
    assert await connect_firm(services, state=state, code=code) == firm
    assert await queued(services) == []
    await firm_schedule.resume(services, firm)
    assert await schedule.request_due_polls(services) == len(services.registry.resources)


async def test_in_quiet_hours_bulk_waits_unless_a_person_asked_for_it(services: Services) -> None:
    [firm] = await add_firms(services, 1)
    await queue(services, firm, ["contact"], kind="backfill")
    await queue(services, firm, ["matter"], kind="reconcile")
    await queue(services, firm, ["user"], kind="incremental")
    await make_quiet(services, firm)
    assert [run.kind for run in await take(services, most=4, firm_most=4)] == ["incremental"]
    assert await request(services, firm) > 0
    assert [run.resource for run in await take(services, most=4, firm_most=4)] == ["contact"]
    await set_firm(services, firm, rests_from=-2 * HOUR, rests_until=-MINUTES)
    assert [run.kind for run in await take(services, most=4, firm_most=4)] == ["reconcile"]


async def test_quiet_hours_that_begin_put_a_backfill_back_but_not_a_persons(
    services: Services, firm: int, control: Control
) -> None:
    run = await request(services, firm, by_hand=False)
    work = await begin(services, control, run)
    await make_quiet(services, firm)
    assert await work == "queued"
    await control.call("DELETE", "faults")
    assert await request(services, firm) == run
    await control.fail(prefix="/api/v4/contacts", delay=3, skip=1, count=1)
    assert await engine.work_on(services, run, owner="test") == "succeeded"


async def test_a_run_whose_worker_died_does_not_look_alive_while_its_firm_rests(services: Services) -> None:
    paused, awake = await add_firms(services, 2)
    for firm in (paused, awake):
        await queue(services, firm, ["contact", "matter"])
    taken = {run.resource: run.id for run in await take(services, most=4) if run.firm == paused}
    await services.database.pool.execute("UPDATE sync_run SET lease_until = now() - interval '1 s'")
    await services.database.pool.execute(
        "UPDATE sync_run SET lease_until = now() + interval '1 minute' WHERE id = $1", taken["matter"]
    )
    assert await firm_schedule.put_back_resting(services.database) == 0
    await firm_schedule.pause(services, paused, reason="moves house")
    assert await firm_schedule.put_back_resting(services.database) == 1
    assert await state_of(services, taken["contact"]) == ("queued", 0)
    assert await state_of(services, taken["matter"]) == ("running", 0)


async def test_quiet_hours_are_written_as_the_instants_that_come_next(services: Services) -> None:
    [firm] = await add_firms(services, 1)
    await firm_schedule.set_quiet_hours(services, firm, NIGHT)
    row = await services.database.pool.fetchrow("SELECT * FROM firm WHERE id = $1", firm)
    assert row is not None
    assert (row["quiet_from"], row["quiet_until"], row["quiet_time_zone"]) == ("22:00", "06:00", "Europe/Berlin")
    assert row["rests_until"].astimezone(NIGHT.zone).time() == datetime.time(6)
    await firm_schedule.set_quiet_hours(services, firm, None)
    row = await services.database.pool.fetchrow("SELECT * FROM firm WHERE id = $1", firm)
    assert row is not None
    assert [row[name] for name in ("quiet_from", "quiet_until", "quiet_time_zone", "rests_from", "rests_until")] == (
        [None] * 5
    )


async def test_when_quiet_hours_end_the_next_ones_are_due(services: Services) -> None:
    over, going, lost, none = await add_firms(services, 4)
    for firm in (over, going, lost):
        await firm_schedule.set_quiet_hours(services, firm, NIGHT)
    await set_firm(services, over, rests_from=-HOUR, rests_until=-MINUTES)
    await set_firm(services, lost, rests_from=-HOUR, rests_until=-MINUTES, quiet_time_zone="Mars/Olympus")
    before = await services.database.pool.fetchrow("SELECT * FROM firm WHERE id = $1", going)
    assert await firm_schedule.turn_quiet_hours(services.database) == 2
    assert await firm_schedule.turn_quiet_hours(services.database) == 0
    rows = {
        row["id"]: row
        for row in await services.database.pool.fetch("SELECT *, now() - awake_since AS awake, now() AS at FROM firm")
    }
    assert rows[over]["rests_until"] > rows[over]["at"]
    assert rows[over]["awake"] >= MINUTES
    assert rows[lost]["rests_until"] is None
    assert before is not None
    assert rows[going]["rests_until"] == before["rests_until"]
    assert rows[none]["awake_since"] is None


async def test_a_rest_leaves_no_hole_but_what_was_missed_before_it_does(services: Services, firm: int) -> None:
    model = Model(firm=firm, resource="user")
    patience = {"user": datetime.timedelta(hours=1)}

    async def holes() -> int:
        await ledger.find_unwatched(services.database, firm, patience, at=datetime.datetime.now(datetime.UTC))
        return int(await services.database.pool.fetchval("SELECT count(*) FROM coverage_hole"))

    await services.database.pool.execute(
        """INSERT INTO coverage_interval (firm, resource, basis, until_at)
           VALUES ($1, $2, 'poll', now() - interval '8 hours')""",
        model.firm,
        model.resource,
    )
    await firm_schedule.pause(services, firm, reason="moves house")
    assert await holes() == 0
    await firm_schedule.resume(services, firm)
    assert await holes() == 0
    await make_quiet(services, firm)
    assert await holes() == 0
    await set_firm(services, firm, awake_since=-2 * HOUR, rests_from=-9 * HOUR, rests_until=-2 * HOUR)
    assert await holes() == 1


async def test_after_a_pause_the_ledger_has_no_gap(services: Services, firm: int, control: Control) -> None:
    assert await engine.work_on(services, await request(services, firm), owner="test") == "succeeded"
    assert await engine.work_on(services, await request(services, firm), owner="test") == "succeeded"
    await firm_schedule.pause(services, firm, reason="moves house")
    [contact, *_] = await control.records("contacts")
    await control.edit("contacts", contact, title="Partner")
    # Nine hours pass: all that is known ends so long ago.
    for table, names in {
        "sync_cursor": ("high_water_at", "look_at"),
        "coverage_interval": ("from_at", "until_at"),
        "sync_run": ("finished_at",),
    }.items():
        for name in names:
            await services.database.pool.execute(f"UPDATE {table} SET {name} = {name} - interval '9 hours'")
    assert await schedule.request_due_polls(services) == 0
    await firm_schedule.resume(services, firm)
    await lifecycle.maintain(services, firm)
    await schedule.request_due_polls(services)
    run = await services.database.pool.fetchval(
        "SELECT id FROM sync_run WHERE state = 'queued' AND resource = 'contact'"
    )
    assert await engine.work_on(services, run, owner="test") == "succeeded"
    title = await services.database.pool.fetchval("SELECT title FROM contacts_contact WHERE clio_id = $1", contact)
    assert title == "Partner"
    stretches = await services.database.pool.fetch(
        "SELECT basis, from_at, until_at FROM coverage_interval WHERE resource = 'contact' AND basis = 'poll'"
    )
    assert len(stretches) == 1
    assert stretches[0]["until_at"] - stretches[0]["from_at"] >= 9 * HOUR
    assert await services.database.pool.fetchval("SELECT count(*) FROM coverage_hole") == 0


async def test_holes_of_a_firm_that_rests_are_repaired_afterwards(services: Services, firm: int) -> None:
    assert await engine.work_on(services, await request(services, firm), owner="test") == "succeeded"
    await services.database.pool.execute("DELETE FROM sync_run WHERE state = 'queued'")
    now = datetime.datetime.now(datetime.UTC)
    await ledger.find_hole(
        services.database.pool, Model(firm=firm, resource="contact"), from_at=now - HOUR, until_at=now, reason="EXPIRED"
    )
    await make_quiet(services, firm)
    assert await repair.repair_holes(services) == 0
    await set_firm(services, firm, rests_from=-2 * HOUR, rests_until=-MINUTES)
    assert await repair.repair_holes(services) == 1
    assert await queued(services) == [(firm, "contact", "incremental")]


async def test_a_worker_leaves_a_paused_firm_alone_until_it_is_resumed(
    services: Services, settings: Settings, firm: int
) -> None:
    await firm_schedule.pause(services, firm, reason="moves house")
    [waiting] = await queue(services, firm, ["user"])
    async with worker_process(settings):
        await until(lambda: services.redis.exists(f"webhooks:looked:{firm}"))
        await asyncio.sleep(2.5)
        assert await state_of(services, waiting) == ("queued", 0)
        await firm_schedule.resume(services, firm)

        async def done() -> bool:
            return (await state_of(services, waiting))[0] == "succeeded"

        await until(done)
