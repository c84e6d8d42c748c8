"""Too many records gone at once are held: nothing is applied until somebody approves, and only what Clio confirms."""

import asyncio

import pytest

from core.errors import BadInput, NotFound, ServiceError
from core.services import Services
from core.sync import approval, engine, requesting
from core.sync.verdicts import verdict_of
from core.testing.driving import Control, until
from mock_clio.settings import MockSettings
from tests.sync.reconcile_scene import Scene

CONTACTS = 60
GONE = 30


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = CONTACTS
    return mock_settings


@pytest.fixture
async def scene(services: Services, firm: int, control: Control) -> Scene:
    made = Scene(services, firm, control)
    await made.mirror_all()
    return made


async def vanish(scene: Scene, count: int = GONE) -> list[int]:
    """Delete the first contacts at Clio that are left; return their ids."""
    gone = sorted(await scene.control.records("contacts"))[:count]
    for clio_id in gone:
        await scene.control.delete("contacts", clio_id)
    return gone


async def hide(scene: Scene, clio_ids: list[int], *, hidden: bool) -> None:
    for clio_id in clio_ids:
        await scene.control.edit("contacts", clio_id, hidden=hidden)


async def held_run(scene: Scene) -> int:
    """Run one that holds what is gone; return it."""
    run = await scene.request()
    assert (await scene.finish(run))[0] == "partial"
    return run


async def with_presence(scene: Scene, presence: str) -> set[int]:
    return {clio_id for clio_id, each in (await scene.presences()).items() if each == presence}


async def open_findings(scene: Scene) -> list[str]:
    rows = await scene.services.database.pool.fetch("SELECT kind FROM access_finding WHERE resolved_at IS NULL")
    return [row["kind"] for row in rows]


async def test_what_is_held_is_counted_named_and_kept_with_its_evidence(scene: Scene) -> None:
    gone = await vanish(scene)
    run = await held_run(scene)
    report = dict(await scene.report(run))
    assert (report["held"], report["unknown"], report["decision"], verdict_of(report)) == (GONE, GONE, None, "held")
    assert report["held_at"] >= report["listed_at"]
    assert {(each["kind"], each["outcome"]) for each in report["samples"]} == {("extra", "held")}
    assert await with_presence(scene, "unknown") == set(gone)
    rows = await scene.services.database.pool.fetch("SELECT operation, evidence, run FROM change")
    assert {row["operation"] for row in rows} == {"unknown"}
    assert all((row["evidence"], row["run"]) == ({"listed": False, "held": True}, run) for row in rows)


async def test_approval_applies_only_what_clio_confirms(scene: Scene) -> None:
    gone = await vanish(scene)
    hidden = sorted(await scene.control.records("contacts"))[:3]
    await hide(scene, hidden, hidden=True)
    run = await held_run(scene)
    await hide(scene, hidden[:1], hidden=False)
    outcome = await scene.approve(run)
    assert outcome == ("succeeded", {"missing": 1, "extra": GONE + 2, "repaired": 1, "deleted": GONE, "hidden": 2})
    assert await with_presence(scene, "deleted") == set(gone)
    assert await with_presence(scene, "hidden") == set(hidden[1:])
    report = dict(await scene.report(run))
    assert (report["held"], report["decision"], report["decided_by"]) == (0, "approved", "somebody")
    assert report["decided_at"] >= report["held_at"]
    with pytest.raises(BadInput, match="holds no records"):
        await approval.approve(scene.services, run, by="somebody")


async def test_rejection_asks_nothing_and_can_be_thought_over(scene: Scene) -> None:
    gone = await vanish(scene)
    run = await held_run(scene)
    asked = len(await scene.control.requests())
    await approval.reject(scene.services, run, by="ada")
    await approval.request_approved(scene.services)
    assert len(await scene.control.requests()) == asked
    assert await scene.reconcile() == ("succeeded", {})
    assert await with_presence(scene, "unknown") == set(gone)
    report = await scene.report(run)
    assert (report["held"], report["decision"], report["decided_by"]) == (GONE, "rejected", "ada")
    assert await scene.approve(run) == ("succeeded", {"extra": GONE, "deleted": GONE})
    assert (await scene.report(run))["decision"] == "approved"


async def test_what_clio_lists_again_is_restored_and_held_no_more(scene: Scene) -> None:
    """A permission that was lost, and given back."""
    hidden = sorted(await scene.control.records("contacts"))[:GONE]
    await hide(scene, hidden, hidden=True)
    run = await held_run(scene)
    assert await open_findings(scene) == ["fewer"]
    await hide(scene, hidden[5:], hidden=False)
    assert await scene.reconcile() == ("succeeded", {"missing": GONE - 5, "repaired": GONE - 5})
    assert (await scene.report(run))["held"] == 5
    assert await open_findings(scene) == ["fewer"]
    await hide(scene, hidden, hidden=False)
    assert await scene.reconcile() == ("succeeded", {"missing": 5, "repaired": 5})
    report = dict(await scene.report(run))
    assert (report["held"], report["decision"], verdict_of(report)) == (0, None, "whole")
    assert await open_findings(scene) == []
    assert await scene.present() == set(await scene.control.records("contacts"))
    assert await scene.services.database.pool.fetchval("SELECT count(*) FROM reconciliation_finding") == 0


async def test_a_webhook_settles_what_is_held_too(scene: Scene) -> None:
    gone = await vanish(scene)
    run = await held_run(scene)
    await scene.mark(gone[0], "deleted", ago_s=0)
    assert await scene.reconcile() == ("succeeded", {})
    assert (await scene.report(run))["held"] == GONE - 1


async def test_an_approval_is_of_what_was_held_and_of_nothing_that_went_since(scene: Scene) -> None:
    await vanish(scene, 25)
    first = await held_run(scene)
    later = await vanish(scene, 24)
    assert await scene.approve(first) == ("partial", {"extra": 49, "deleted": 25, "unknown": 24})
    assert await with_presence(scene, "unknown") == set(later)
    assert (await scene.report(first))["held"] == 0
    second = await scene.services.database.pool.fetchval("SELECT max(id) FROM sync_run")
    assert (await scene.report(second))["held"] == 24
    assert await scene.approve(second) == ("succeeded", {"extra": 24, "deleted": 24})


async def test_two_runs_may_hold_and_each_is_decided_by_itself(scene: Scene) -> None:
    await vanish(scene, 25)
    first = await held_run(scene)
    later = await vanish(scene, 24)
    second = await held_run(scene)
    assert await scene.approve(second) == ("succeeded", {"extra": 24, "deleted": 24})
    assert await with_presence(scene, "deleted") == set(later)
    assert (await scene.report(first))["held"] == 25


async def test_an_approval_behind_another_run_is_asked_for_by_the_workers(scene: Scene) -> None:
    await vanish(scene)
    run = await held_run(scene)
    [other] = await requesting.request_runs(scene.services, firms=[scene.firm], resource="contact", full=False)
    assert await approval.approve(scene.services, run, by="somebody") is None
    assert await approval.request_approved(scene.services) is None
    assert await engine.work_on(scene.services, other, owner="test") == "succeeded"
    await scene.services.database.pool.execute("DELETE FROM sync_run WHERE state = 'queued'")
    asking = await approval.request_approved(scene.services)
    assert asking is not None
    assert await approval.request_approved(scene.services) is None
    assert await scene.finish(asking) == ("succeeded", {"extra": GONE, "deleted": GONE})
    assert await approval.request_approved(scene.services) is None


async def test_an_approval_of_a_firm_that_is_not_connected_waits_until_it_is(scene: Scene) -> None:
    await vanish(scene)
    run = await held_run(scene)
    pool = scene.services.database.pool
    await pool.execute("UPDATE firm SET state = 'grant_dead'")
    with pytest.raises(ServiceError, match="not connected"):
        await approval.approve(scene.services, run, by="somebody")
    assert await approval.request_approved(scene.services) is None
    await pool.execute("UPDATE firm SET state = 'connected'")
    asking = await approval.request_approved(scene.services)
    assert asking is not None
    assert await scene.finish(asking) == ("succeeded", {"extra": GONE, "deleted": GONE})


async def test_an_approved_run_that_fails_leaves_the_rest_held_for_another(scene: Scene) -> None:
    gone = await vanish(scene)
    run = await held_run(scene)
    asking = await approval.approve(scene.services, run, by="somebody")
    assert asking is not None
    with pytest.raises(BadInput, match=f"run {asking} was approved"):
        await approval.reject(scene.services, run, by="somebody else")
    await scene.control.fail(prefix=f"/api/v4/contacts/{gone[10]}", status=400, count=1)
    assert (await scene.finish(asking))[0] == "failed"
    assert (await scene.report(run))["held"] == GONE - 10
    assert await approval.request_approved(scene.services) is None  # it rests after a failure
    await scene.services.database.pool.execute("UPDATE sync_run SET finished_at = finished_at - interval '1 hour'")
    again = await approval.request_approved(scene.services)
    assert again is not None
    assert await scene.finish(again) == ("succeeded", {"extra": GONE - 10, "deleted": GONE - 10})


async def test_a_stopped_worker_holds_each_record_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.sync.reconcile.HOLD_TOGETHER", 7)
    monkeypatch.setattr(engine, "SLICE_S", -1.0)
    await vanish(scene)
    run = await held_run(scene)
    report = await scene.report(run)
    assert (report["held"], report["unknown"], len(report["samples"])) == (GONE, GONE, 20)
    assert len(await scene.changes()) == GONE
    assert await scene.approve(run) == ("succeeded", {"extra": GONE, "deleted": GONE})


async def test_what_is_known_to_be_deleted_by_then_is_not_held(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.sync.reconcile.HOLD_TOGETHER", 7)
    monkeypatch.setattr(engine, "SLICE_S", -1.0)
    gone = await vanish(scene)
    run = await scene.request()
    assert await scene.work(run) == "queued"
    assert (await scene.report(run))["held"] == 7
    await scene.mark(gone[-1], "deleted", ago_s=0)
    assert (await scene.finish(run))[0] == "partial"
    assert (await scene.report(run))["held"] == GONE - 1
    held = await scene.services.database.pool.fetch("SELECT clio_id FROM reconciliation_finding WHERE kind = 'held'")
    assert {row["clio_id"] for row in held} == set(gone[:-1])
    assert (await scene.presences())[gone[-1]] == "deleted"


async def test_a_worker_that_lost_its_lease_holds_nothing(scene: Scene) -> None:
    await vanish(scene)
    run = await scene.request()
    await scene.control.fail(prefix="/api/v4/contacts.json", delay=0.6, count=1)
    work = asyncio.create_task(scene.work(run, owner="slow"))

    async def is_running() -> bool:
        return bool((await scene.run_row(run))["state"] == "running")

    await until(is_running)
    await scene.services.database.pool.execute("UPDATE sync_run SET lease_owner = 'other'")
    assert await work == "lost"
    assert (await scene.report(run))["held"] == 0
    assert len(await scene.present()) == CONTACTS


async def test_there_is_nothing_to_decide_about_what_is_not_held(scene: Scene) -> None:
    run = await scene.request()
    await scene.finish(run)
    for decide in (approval.approve, approval.reject):
        with pytest.raises(BadInput, match=f"run {run} holds no records"):
            await decide(scene.services, run, by="somebody")
        with pytest.raises(NotFound, match="no reconciliation report of run 999"):
            await decide(scene.services, 999, by="somebody")


async def test_what_a_lost_permission_took_stands_as_a_finding_until_it_is_decided(scene: Scene) -> None:
    await vanish(scene)
    run = await held_run(scene)
    await scene.reconcile()
    assert await open_findings(scene) == ["fewer"]
    await scene.approve(run)
    assert await open_findings(scene) == []
