"""`clio-service reconcile`: progress on stderr, the report on stdout, the exit status by what became of the runs."""

import json

from core.services import Services
from core.settings import Settings
from core.sync import runs
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
    await runs.request_runs(services, firms=[firm], resource="user", full=True)
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
