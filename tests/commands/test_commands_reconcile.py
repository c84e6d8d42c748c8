"""`clio-service reconcile`: progress on stderr, the report on stdout, the exit status by what became of the runs."""

import json

import pytest

from core.services import Services
from core.settings import Settings
from core.sync import requesting
from core.testing.driving import Control
from tests.commands.shell import shell
from tests.sync.reconcile_scene import Scene


async def test_it_works_on_the_run_and_prints_a_table(settings: Settings, firm: int) -> None:
    answer = await shell(settings, "reconcile", "--firm", str(firm), "--resource", "contact")
    assert answer.status == 0, answer.stderr
    head, line = [line.split() for line in answer.stdout.strip().splitlines()]
    assert head[:6] == ["firm", "resource", "state", "listed", "missing", "stale"]
    assert line[:6] == [str(firm), "contact", "succeeded", "60", "60", "0"]
    assert f"firm {firm}: reconcile contact: 60/60 succeeded" in answer.stderr


async def test_json_holds_the_report_and_the_status_says_that_something_was_held_back(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    scene = Scene(services, firm, control)
    await scene.mirror_all()
    for clio_id in sorted(await scene.present())[:30]:
        await control.delete("contacts", clio_id)
    answer = await shell(settings, "reconcile", "--resource", "contact", "--json")
    assert answer.status == 1
    [report] = json.loads(answer.stdout)
    assert (report["firm"], report["resource"], report["state"]) == (firm, "contact", "partial")
    assert (report["error_code"], report["extra"], report["unknown"]) == ("MASS_DISAPPEARANCE", 30, 30)
    assert report["started_at"] < report["finished_at"]
    assert (report["verdict"], report["held"]) == ("held", 30)
    answer = await shell(settings, "reconcile", "approve", str(report["run"]), "--json")
    [report] = json.loads(answer.stdout)
    assert (answer.status, report["state"], report["deleted"], report["verdict"]) == (0, "succeeded", 30, "whole")


async def test_a_run_of_another_kind_comes_first(services: Services, settings: Settings, firm: int) -> None:
    await requesting.request_runs(services, firms=[firm], resource="user", full=True)
    answer = await shell(settings, "reconcile", "--resource", "user", "--json")
    assert answer.status == 0, answer.stderr
    [report] = json.loads(answer.stdout)
    assert (report["listed"], report["missing"]) == (4, 0)
    kinds = await services.database.pool.fetch("SELECT kind, state FROM sync_run ORDER BY id")
    assert [tuple(row) for row in kinds] == [
        ("backfill", "succeeded"),
        ("incremental", "succeeded"),
        ("reconcile", "succeeded"),
    ]


async def test_an_unknown_firm_or_resource_is_one_message(settings: Settings, firm: int) -> None:
    answer = await shell(settings, "reconcile", "--firm", str(firm + 1))
    assert (answer.status, answer.stdout) == (1, "")
    assert answer.stderr.strip().splitlines()[-1] == (
        f"clio-service: there is no connected firm {firm + 1}; there are: [{firm}]"
    )
    answer = await shell(settings, "reconcile", "--resource", "dragon")
    assert answer.status == 1
    assert "there is no resource 'dragon'" in answer.stderr


async def test_the_report_says_first_whether_the_copy_is_whole(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    scene = Scene(services, firm, control)
    await scene.mirror_all()
    gone = min(await scene.present())
    await control.delete("contacts", gone)
    await shell(settings, "reconcile", "--resource", "contact")
    answer = await shell(settings, "reconcile", "report")
    assert answer.status == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[0] == (
        f"contact of firm {firm}: WHOLE. The mirror has the 59 records that clio lists, by id, etag and updated_at."
    )
    roots = [line.split()[1] for line in lines if line.split()[0] in {"root", "clio"}]
    assert len(set(roots)) == 1
    assert f"  extra, deleted: {gone}" in lines
    assert any("1 deleted, 59 present" in line for line in lines)
    assert any(line.startswith("  covered  by backfill from the beginning to 2") for line in lines)
    taken = json.loads((await shell(settings, "reconcile", "root", "--resource", "contact", "--json")).stdout)
    assert taken == [{"firm": firm, "resource": "contact", "root": roots[0], "records": 59}]
    [as_json] = json.loads((await shell(settings, "reconcile", "report", "latest", "--json")).stdout)
    assert (as_json["root"], as_json["verdict"], as_json["differing"]) == (roots[0], "whole", 0)


async def test_an_approval_behind_another_run_waits_for_it(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    scene = Scene(services, firm, control)
    await scene.mirror_all()
    for clio_id in sorted(await scene.present())[:30]:
        await control.delete("contacts", clio_id)
    run = await scene.request()
    await scene.finish(run)
    await requesting.request_runs(services, firms=[firm], resource="contact", full=False)
    answer = await shell(settings, "reconcile", "approve", str(run))
    assert answer.status == 0, answer.stderr
    assert answer.stdout.startswith(f"contact of firm {firm}: WHOLE. The mirror has the 30 records")
    assert "deleted 30" in answer.stdout


async def test_what_is_held_is_said_first_and_can_be_rejected(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    scene = Scene(services, firm, control)
    await scene.mirror_all()
    for clio_id in sorted(await scene.present())[:30]:
        await control.delete("contacts", clio_id)
    run = await scene.request()
    await scene.finish(run)
    answer = await shell(settings, "reconcile", "report", str(run))
    assert answer.stdout.startswith(f"contact of firm {firm}: NOT WHOLE. 30 records are gone from clio's list")
    assert "extra, held: " in answer.stdout
    answer = await shell(settings, "reconcile", "reject", str(run))
    assert (answer.status, answer.stdout) == (
        0,
        "30 records stay of unknown presence; what clio lists again is restored\n",
    )
    report = await scene.report(run)
    assert (report["decision"], report["held"]) == ("rejected", 30)
    assert report["decided_by"].endswith("(command line)")


@pytest.mark.usefixtures("firm")
async def test_a_report_that_is_not_there_is_one_message(settings: Settings) -> None:
    for arguments, message in (
        (("report",), "nothing was reconciled yet"),
        (("report", "x"), "'x' is no number of a run"),
        (("approve", "7"), "there is no reconcile run 7"),
        (("root", "--resource", "dragon"), "there is no resource 'dragon'"),
    ):
        answer = await shell(settings, "reconcile", *arguments)
        assert (answer.status, answer.stdout) == (1, ""), arguments
        assert message in answer.stderr.splitlines()[-1]
