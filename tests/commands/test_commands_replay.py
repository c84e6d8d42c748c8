"""`clio-service replay`: what is opened again, what a dry run shows, and a table rebuilt from nothing."""

import json
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from core.commands.replay import replay_command
from core.services import Services
from core.settings import Settings
from core.sync import requesting
from core.testing.driving import Control
from tests.commands.shell import shell
from tests.sync.reconcile_scene import Scene

INSERT = """
INSERT INTO webhook_delivery
    (firm, endpoint, resource, model, event, record_clio_id, digest, body, status, processed_at)
VALUES ($1, 1, 'contact', 'contact', $2, $3, $4, $5, $6, now())"""


async def _log(services: Services, firm: int, event: str, record: dict[str, Any], *, status: str) -> None:
    body = json.dumps({"data": record, "meta": {"event": event}}).encode()
    digest = f"{event}:{record['id']}:{status}".encode()
    await services.database.pool.execute(INSERT, firm, event, record["id"], digest, body, status)


async def _delivery(services: Services) -> asyncpg.Record:
    row = await services.database.pool.fetchrow("SELECT * FROM webhook_delivery")
    assert row is not None
    return row


async def test_a_dry_run_is_readable_and_the_replay_opens_what_it_showed(
    services: Services, settings: Settings, firm: int
) -> None:
    await _log(services, firm, "updated", {"id": 999_999}, status="dead")
    wanted = ("--firm", str(firm), "--model", "contact", "--status", "dead", "--since", "2h")
    status, stdout, stderr = await shell(settings, "replay", *wanted, "--dry-run")
    assert status == 0, stderr
    assert stdout.splitlines() == [
        "       1  dead      contact",
        f"firm {firm}, contact 999999: needs fetch",
        "1 deliveries match; nothing was changed",
    ]
    assert (await _delivery(services))["status"] == "dead"
    status, stdout, stderr = await shell(settings, "replay", *wanted, "--json")
    assert status == 0, stderr
    assert json.loads(stdout) == {
        "dry_run": False,
        "matched": [{"status": "dead", "model": "contact", "count": 1}],
        "reopened": 1,
    }
    row = await _delivery(services)
    assert (row["status"], row["replays"]) == ("received", 1)


async def test_a_table_whose_rows_were_lost_is_right_again(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    scene = Scene(services, firm, control)
    await scene.mirror_all()
    everything = await scene.present()
    gone, told = sorted(everything)[:2]
    await control.delete("contacts", gone)
    await _log(services, firm, "updated", {"id": told}, status="processed")
    await _log(services, firm, "deleted", {"id": gone}, status="processed")
    await services.database.pool.execute("DELETE FROM contacts_contact WHERE clio_id <> $1", gone)
    status, stdout, stderr = await shell(settings, "replay", "--rebuild", "contact", "--firm", str(firm), "--json")
    assert status == 0, stderr
    [report] = json.loads(stdout)
    assert (report["state"], report["missing"], report["stale"], report["extra"]) == ("succeeded", 0, 0, 0)
    assert await scene.present() == set(everything) - {gone}
    rows = await services.database.pool.fetch("SELECT status, replays FROM webhook_delivery")
    assert [tuple(row) for row in rows] == [("processed", 1)] * 2


async def test_a_run_on_its_way_comes_before_the_backfill(services: Services, settings: Settings, firm: int) -> None:
    await requesting.request_reconciliations(services, firms=[firm], resource="contact")
    status, stdout, stderr = await shell(settings, "replay", "--rebuild", "contact", "--firm", str(firm))
    assert status == 0, stderr
    kinds = await services.database.pool.fetch("SELECT DISTINCT kind FROM sync_run WHERE state = 'succeeded'")
    assert {row["kind"] for row in kinds} >= {"backfill", "reconcile"}
    assert stdout.split()[:3] == ["firm", "resource", "state"]


async def test_what_has_no_raw_log_or_is_not_there_is_told(settings: Settings, firm: int) -> None:
    status, _, stderr = await shell(settings, "replay", "--rebuild", "user", "--firm", str(firm))
    assert status == 1
    assert "clio-service: there are no webhooks of user" in stderr
    status, _, stderr = await shell(settings, "replay", "--firm", "77", "--status", "dead")
    assert status == 1
    assert "clio-service: there is no firm 77" in stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "say which deliveries"),
        (("--firm", "1"), "say which deliveries"),
        (("--rebuild", "contact"), "--rebuild takes --firm"),
        (("--rebuild", "contact", "--firm", "1", "--status", "dead"), "--rebuild takes --firm"),
        (("--plugin", "contacts", "--resource", "contact"), "pass one of"),
        (("--since", "yesterday"), "neither an instant"),
        (("--since", "2026-05-31T09:30:00"), "neither an instant"),
        (("--status", "received"), "is not one of"),
    ],
)
def test_wrong_use_is_told(options: tuple[str, ...], reason: str) -> None:
    answer = CliRunner().invoke(replay_command, options)
    assert (answer.exit_code, reason in answer.output) == (2, True), answer.output
