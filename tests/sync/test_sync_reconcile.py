"""Reconcile runs: deletions without a webhook, misses and stale records are found, and absence deletes nothing."""

import asyncio
from typing import Any

import pytest

from core.clio.client import ClioClient
from core.clio.paging import Page
from core.errors import BadInput, NotFound, ServiceError
from core.services import Services
from core.settings import Settings
from core.sync import engine, requesting, runs, schedule
from core.testing.driving import Control, until
from mock_clio.settings import MockSettings
from tests.sync.reconcile_scene import Scene
from tests.sync.workers import worker_process

PAGE = 200
CONTACTS = 3 * PAGE + 7


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = CONTACTS
    return mock_settings


@pytest.fixture
async def scene(services: Services, firm: int, control: Control) -> Scene:
    made = Scene(services, firm, control)
    await made.mirror_all()
    return made


async def test_an_unchanged_firm_costs_its_pages_and_writes_nothing(scene: Scene) -> None:
    before = await scene.row_versions()
    run = await scene.request()
    asked = len(await scene.control.requests())
    assert await scene.work(run) == "succeeded"
    assert await scene.row_versions() == before
    assert await scene.changes() == []
    report = await scene.report(run)
    assert (report["listed"], report["requests"]) == (CONTACTS, 4)
    assert await scene.counters(run) == {}
    assert report["finished_at"] >= report["listed_at"] >= report["started_at"]
    requests = (await scene.control.requests())[asked:]
    assert len(requests) == 4
    row = await scene.run_row(run)
    assert (row["kind"], row["pages"], row["records_seen"], row["records_total"]) == (
        "reconcile",
        4,
        CONTACTS,
        CONTACTS,
    )


async def test_what_was_deleted_at_clio_without_a_webhook_is_deleted(scene: Scene) -> None:
    every = sorted(await scene.present())
    gone = [every[0], every[PAGE], every[-1]]
    for clio_id in gone:
        await scene.control.delete("contacts", clio_id)
    assert await scene.reconcile() == ("succeeded", {"extra": 3, "deleted": 3})
    presences = await scene.presences()
    assert {clio_id for clio_id, presence in presences.items() if presence == "deleted"} == set(gone)
    assert await scene.present() == set(await scene.control.records("contacts"))
    assert await scene.changes() == [(clio_id, "deleted", "reconcile") for clio_id in gone]
    assert await scene.reconcile() == ("succeeded", {})


async def test_records_lost_from_the_mirror_come_back_and_stale_ones_are_read_again(scene: Scene) -> None:
    every = sorted(await scene.present())
    lost, old = every[::5], every[1:10:3]
    await scene.forget(*lost)
    await scene.age(*old)
    wanted = {"missing": len(lost), "stale": len(old), "repaired": len(lost) + len(old)}
    run = await scene.request()
    assert await scene.work(run) == "succeeded"
    assert await scene.counters(run) == wanted
    assert (await scene.report(run))["requests"] == 4 + 2
    row = await scene.run_row(run)
    assert (row["records_created"], row["records_updated"]) == (len(lost), len(old))
    clio = await scene.control.records("contacts")
    rows = await scene.services.database.pool.fetch("SELECT clio_id, name, etag FROM contacts_contact")
    assert {row["clio_id"]: (row["name"], row["etag"]) for row in rows} == {
        clio_id: (record["name"], record["etag"]) for clio_id, record in clio.items()
    }
    assert {source for _, _, source in await scene.changes()} == {"reconcile"}


async def test_an_empty_mirror_is_filled_and_its_cursor_left_to_the_backfill(
    services: Services, firm: int, control: Control
) -> None:
    scene = Scene(services, firm, control, "user")
    users = set(await control.records("users"))
    assert await scene.reconcile() == ("succeeded", {"missing": len(users), "repaired": len(users)})
    assert await scene.present() == users
    assert await services.database.pool.fetchval("SELECT count(*) FROM sync_cursor") == 0


@pytest.mark.parametrize("presence", ["deleted", "hidden", "unknown"])
async def test_a_record_that_clio_lists_again_is_restored(scene: Scene, presence: str) -> None:
    back = min(await scene.present())
    await scene.mark(back, presence)
    assert await scene.reconcile() == ("succeeded", {"missing": 1, "repaired": 1})
    assert (await scene.presences())[back] == "present"
    assert (await scene.changes())[-1] == (back, "restored", "reconcile")


@pytest.mark.parametrize("how", ["forbidden", "redacted"])
async def test_what_clio_does_not_show_is_hidden_and_not_deleted(scene: Scene, how: str) -> None:
    hidden = min(await scene.present())
    await scene.control.call("PATCH", "switches", {"hidden_record": how})
    await scene.control.edit("contacts", hidden, hidden=True)
    assert await scene.reconcile() == ("succeeded", {"extra": 1, "hidden": 1})
    assert (await scene.presences())[hidden] == "hidden"
    assert await scene.changes() == [(hidden, "hidden", "reconcile")]


async def test_a_stale_record_that_is_gone_when_it_is_read_is_deleted(scene: Scene) -> None:
    old, other = sorted(await scene.present())[:2]
    await scene.age(old, other)
    run = await scene.request()
    await scene.control.fail(prefix="/api/v4/contacts.json", delay=1.0, skip=4, count=1)
    work = asyncio.create_task(scene.work(run))
    await until(lambda: found(scene, run))
    await scene.control.delete("contacts", old)
    assert await work == "succeeded"
    assert await scene.counters(run) == {"stale": 2, "repaired": 1, "deleted": 1}
    assert (await scene.presences())[old] == "deleted"


async def test_a_stale_record_read_as_redacted_is_asked_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    stale, read = min(await scene.present()), ClioClient.records

    async def read_redacted(*given: Any, **named: Any) -> Page:
        page = await read(*given, **named)
        await scene.control.edit("contacts", stale, hidden=True)
        [record] = page.records
        record.update({**dict.fromkeys(record), "id": stale, "redacted": True})
        return page

    await scene.age(stale)
    monkeypatch.setattr(ClioClient, "records", read_redacted)
    assert await scene.reconcile() == ("succeeded", {"stale": 1, "hidden": 1})
    assert (await scene.presences())[stale] == "hidden"


async def found(scene: Scene, run: int) -> bool:
    """Whether the list has been compared to its end."""
    row = await scene.services.database.pool.fetchrow(
        "SELECT listed_at FROM reconciliation_report WHERE run = $1 AND listed_at IS NOT NULL", run
    )
    return row is not None


async def test_more_gone_at_once_than_is_likely_are_held_until_somebody_approves(scene: Scene) -> None:
    every = sorted(await scene.present())
    gone = every[: CONTACTS // 5 + 1]
    for clio_id in gone:
        await scene.control.delete("contacts", clio_id)
    lost = every[-1]
    await scene.forget(lost)
    asked = len(await scene.control.requests())
    run = await scene.request()
    assert await scene.work(run) == "partial"
    counters = {"missing": 1, "repaired": 1, "extra": len(gone), "unknown": len(gone)}
    assert await scene.counters(run) == counters
    assert len(await scene.control.requests()) - asked == 3 + 1
    row = await scene.run_row(run)
    assert (row["state"], row["error_code"]) == ("partial", "MASS_DISAPPEARANCE")
    assert f"approve {run}" in row["error_message"]
    presences = await scene.presences()
    assert {presences[clio_id] for clio_id in gone} == {"unknown"}
    assert presences[lost] == "present"
    assert await scene.reconcile() == ("succeeded", {})
    assert await scene.approve(run) == ("succeeded", {"extra": len(gone), "deleted": len(gone)})
    assert {(await scene.presences())[clio_id] for clio_id in gone} == {"deleted"}


async def test_two_firms_with_the_same_ids_do_not_touch_each_other(scene: Scene) -> None:
    other = await scene.services.database.pool.fetchval(
        "INSERT INTO firm (region, clio_account_id, name) VALUES ('us', 7, 'Other') RETURNING id"
    )
    await scene.copy_to_firm(other)
    before = await scene.row_versions(other)
    every = sorted(await scene.present())
    await scene.control.delete("contacts", every[0])
    await scene.forget(every[1])
    await scene.age(every[2])
    wanted = {"missing": 1, "stale": 1, "extra": 1, "repaired": 2, "deleted": 1}
    assert await scene.reconcile() == ("succeeded", wanted)
    assert await scene.row_versions(other) == before


async def test_what_was_told_after_a_page_was_asked_for_is_newer_than_the_page(scene: Scene) -> None:
    """A contact that the page does not have yet, and one that it still has, stay as the webhooks left them."""
    run = await scene.request()
    await scene.control.fail(prefix="/api/v4/contacts.json", delay=1.5, skip=3, count=1)
    work = asyncio.create_task(scene.work(run))
    await until(lambda: at_page(scene, run, 3))
    clio = await scene.control.records("contacts")
    gone = max(clio)
    await scene.deliver({**clio[gone], "id": gone + 1})
    await scene.mark(gone, "deleted", ago_s=0)
    assert await work == "succeeded"
    assert await scene.counters(run) == {}
    presences = await scene.presences()
    assert (presences[gone], presences[gone + 1]) == ("deleted", "present")


async def test_a_record_created_after_the_run_began_is_left_to_its_webhook(scene: Scene) -> None:
    run = await scene.request()
    await scene.control.fail(prefix="/api/v4/contacts.json", delay=2.5, skip=3, count=1)
    work = asyncio.create_task(scene.work(run))
    await until(lambda: at_page(scene, run, 3))
    await asyncio.sleep(1.1)
    created = await scene.control.create("contacts", type="Person", first_name="Brand", last_name="New")
    assert await work == "succeeded"
    assert (await scene.report(run))["listed"] == CONTACTS + 1
    assert await scene.counters(run) == {}
    assert created not in await scene.presences()


async def at_page(scene: Scene, run: int, pages: int) -> bool:
    return bool((await scene.run_row(run))["pages"] >= pages)


async def test_a_run_that_is_stopped_among_its_pages_goes_on_and_counts_exactly(scene: Scene) -> None:
    every = sorted(await scene.present())
    for clio_id in (every[1], every[-2]):
        await scene.control.delete("contacts", clio_id)
    await scene.forget(every[2], every[-3])
    run = await scene.request()
    await scene.control.fail(prefix="/api/v4/contacts.json", delay=6, skip=2, count=1)
    work = asyncio.create_task(scene.work(run))
    await until(lambda: at_page(scene, run, 2))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await scene.run_row(run))["state"] == "queued"
    assert await scene.work(run) == "succeeded"
    assert await scene.counters(run) == {"missing": 2, "extra": 2, "repaired": 2, "deleted": 2}
    assert (await scene.report(run))["listed"] == CONTACTS - 2
    assert await scene.present() == set(await scene.control.records("contacts"))


async def test_a_run_that_is_stopped_among_its_findings_settles_each_once(scene: Scene) -> None:
    every = sorted(await scene.present())
    gone = every[:6]
    for clio_id in gone:
        await scene.control.delete("contacts", clio_id)
    run = await scene.request()
    await scene.control.fail(prefix=f"/api/v4/contacts/{gone[3]}", delay=6, count=1)
    work = asyncio.create_task(scene.work(run))
    await until(lambda: has_deleted(scene, run, 3))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await scene.work(run) == "succeeded"
    assert await scene.counters(run) == {"extra": 6, "deleted": 6}
    assert await scene.changes() == [(clio_id, "deleted", "reconcile") for clio_id in gone]
    assert (await scene.run_row(run))["pages"] == 4


async def test_a_worker_killed_among_the_pages_loses_at_most_one(
    scene: Scene, settings: Settings, control: Control
) -> None:
    every = sorted(await scene.present())
    await control.delete("contacts", every[1])
    await scene.forget(every[2], every[-3])
    run = await scene.request()
    await control.fail(prefix="/api/v4/contacts.json", delay=30, skip=2, count=1)
    async with worker_process(settings) as first:
        await until(lambda: at_page(scene, run, 2))
        first.kill()
        await first.wait()
        await control.call("DELETE", "faults")
        async with worker_process(settings):
            await until(lambda: has_succeeded(scene, run))
    assert await scene.counters(run) == {"missing": 2, "extra": 1, "repaired": 2, "deleted": 1}
    row = await scene.run_row(run)
    assert (row["attempt"], row["pages"], row["records_seen"]) == (2, 4, CONTACTS - 1)


async def has_succeeded(scene: Scene, run: int) -> bool:
    return bool((await scene.run_row(run))["state"] == "succeeded")


async def has_deleted(scene: Scene, run: int, count: int) -> bool:
    return bool(
        await scene.services.database.pool.fetchval(
            "SELECT true FROM reconciliation_report WHERE run = $1 AND deleted >= $2", run, count
        )
    )


async def test_a_worker_that_lost_its_lease_writes_and_counts_nothing_more(scene: Scene) -> None:
    every = sorted(await scene.present())
    await scene.control.delete("contacts", every[0])
    run = await scene.request()
    await scene.control.fail(prefix=f"/api/v4/contacts/{every[0]}", delay=0.6, count=1)
    work = asyncio.create_task(scene.work(run, owner="slow"))
    await until(lambda: found(scene, run))
    await scene.services.database.pool.execute(
        "UPDATE sync_run SET lease_owner = 'other', lease_until = now() + interval '1 hour'"
    )
    assert await work == "lost"
    assert await scene.counters(run) == {"extra": 1}
    assert (await scene.presences())[every[0]] == "present"
    await scene.services.database.pool.execute("UPDATE sync_run SET lease_until = now() - interval '1 second'")
    assert await scene.work(run) == "succeeded"
    assert await scene.counters(run) == {"extra": 1, "deleted": 1}


async def test_a_cancelled_run_leaves_its_report_and_no_findings(scene: Scene) -> None:
    await scene.forget(min(await scene.present()))
    run = await scene.request()
    await scene.control.fail(prefix="/api/v4/contacts.json", delay=2.5, skip=1, count=1)
    work = asyncio.create_task(scene.work(run))
    await until(lambda: at_page(scene, run, 1))
    assert await runs.cancel_run(scene.services, run, by="tests")
    assert await work == "cancelled"
    report = await scene.report(run)
    assert report["finished_at"] is not None
    assert report["missing"] == 1
    assert await scene.services.database.pool.fetchval("SELECT count(*) FROM reconciliation_finding") == 0


async def test_a_list_that_is_forbidden_deletes_nothing(scene: Scene) -> None:
    await scene.control.fail(prefix="/api/v4/contacts.json", status=403)
    assert await scene.reconcile() == ("failed", {})
    assert len(await scene.present()) == CONTACTS


async def test_pages_out_of_order_are_not_compared(scene: Scene) -> None:
    run = await scene.request()
    await scene.services.database.pool.execute(
        "UPDATE sync_run SET next_url = 'contacts.json?fields=id,etag,updated_at&limit=200&order=id(desc)'"
    )
    assert await scene.work(run) == "failed"
    assert (await scene.run_row(run))["error_code"] == "CLIO_UNEXPECTED_ANSWER"
    assert len(await scene.present()) == CONTACTS
    assert await scene.services.database.pool.fetchval("SELECT count(*) FROM reconciliation_finding") == 0


async def test_a_turn_that_is_over_gives_the_run_to_the_next(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    every = sorted(await scene.present())
    await scene.control.delete("contacts", every[0])
    await scene.control.delete("contacts", every[1])
    await scene.forget(every[3])
    monkeypatch.setattr(engine, "SLICE_S", -1.0)
    run = await scene.request()
    turns = 0
    while await scene.work(run) == "queued":
        turns += 1
    assert turns >= 5
    assert await scene.counters(run) == {"missing": 1, "extra": 2, "repaired": 1, "deleted": 2}


async def test_it_is_due_once_a_day_and_one_resource_of_a_firm_at_a_time(scene: Scene) -> None:
    database = scene.services.database.pool
    await Scene(scene.services, scene.firm, scene.control, "user").mirror_all()
    assert await schedule.request_due_reconciliations(scene.services) == 0
    await database.execute("UPDATE sync_cursor SET backfilled_at = now() - interval '25 hours'")
    assert await schedule.request_due_reconciliations(scene.services) == 1
    assert await schedule.request_due_reconciliations(scene.services) == 0
    assert await scene.work(await database.fetchval("SELECT id FROM sync_run WHERE state = 'queued'")) == "succeeded"
    assert await schedule.request_due_reconciliations(scene.services) == 1
    assert await scene.work(await database.fetchval("SELECT id FROM sync_run WHERE state = 'queued'")) == "succeeded"
    assert await schedule.request_due_reconciliations(scene.services) == 0
    rows = await database.fetch("SELECT resource, kind FROM sync_run")
    assert {(row["resource"], row["kind"]) for row in rows} == {("contact", "reconcile"), ("user", "reconcile")}
    await database.execute("UPDATE firm SET state = 'grant_dead'")
    await database.execute("UPDATE sync_run SET finished_at = now() - interval '25 hours'")
    assert await schedule.request_due_reconciliations(scene.services) == 0


async def test_polling_waits_for_a_reconcile_run_and_does_not_count_it(scene: Scene) -> None:
    every = len(scene.services.registry.resources)
    run = await scene.request()
    assert await schedule.request_due_polls(scene.services) == every - 1
    assert await scene.work(run) == "succeeded"
    assert await schedule.request_due_polls(scene.services) == 1


async def test_asking_beside_another_run_gives_that_one(scene: Scene) -> None:
    [incremental] = await requesting.request_runs(scene.services, firms=[scene.firm], resource="contact", full=False)
    assert await scene.request() == incremental


async def test_an_unknown_resource_one_without_a_list_or_no_firm_is_refused(scene: Scene) -> None:
    with pytest.raises(NotFound, match="there is no resource 'bill'"):
        await requesting.request_reconciliations(scene.services, firms=[scene.firm], resource="bill")
    with pytest.raises(ServiceError, match="connectFirm"):
        await requesting.request_reconciliations(scene.services, firms=[scene.firm + 1], resource="contact")
    for resource in scene.services.registry.resources:
        if not resource.has_list:
            with pytest.raises(BadInput, match="no whole"):
                await requesting.request_reconciliations(scene.services, firms=[scene.firm], resource=resource.name)
