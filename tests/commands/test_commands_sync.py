"""`clio-service sync`: run ids on stdout, progress on stderr, the exit status by what became of the runs."""

import asyncio
import json
import os
import pty
import signal

from core.services import Services
from core.settings import Settings
from core.sync import requesting
from core.testing.driving import Control, until
from tests.commands.shell import COMMAND, environment_of, shell


async def state_of(services: Services, run: int) -> str:
    return str(await services.database.pool.fetchval("SELECT state FROM sync_run WHERE id = $1", run))


async def is_running(services: Services, run: int) -> bool:
    return await state_of(services, run) == "running"


async def test_in_a_script_it_asks_for_the_runs_and_leaves_them_to_the_workers(
    services: Services, settings: Settings, firm: int
) -> None:
    answer = await shell(settings, "sync", "--resource", "contact")
    assert answer.status == 0, answer.stderr
    [run] = json.loads(answer.stdout)["runs"]
    assert await state_of(services, run) == "queued"
    assert f"firm {firm}" not in answer.stderr


async def test_waiting_shows_progress_and_works_where_no_worker_does(
    services: Services, settings: Settings, firm: int
) -> None:
    answer = await shell(settings, "sync", "--resource", "contact", "--wait")
    assert answer.status == 0, answer.stderr
    [run] = json.loads(answer.stdout)["runs"]
    assert await state_of(services, run) == "succeeded"
    assert f"firm {firm}: backfill contact: 60/60 succeeded, 1 requests, " in answer.stderr


async def test_several_runs_are_followed_at_once(services: Services, settings: Settings, firm: int) -> None:
    answer = await shell(settings, "sync", "--wait")
    assert answer.status == 0, answer.stderr
    asked = json.loads(answer.stdout)["runs"]
    assert len(asked) == len(services.registry.resources)
    assert {await state_of(services, run) for run in asked} == {"succeeded"}
    assert f"firm {firm}: backfill matter: 30/30 succeeded" in answer.stderr


async def test_a_run_that_does_not_succeed_makes_the_status_1_and_says_why(
    settings: Settings, firm: int, control: Control
) -> None:
    await control.fail(prefix="/api/v4/contacts", status=403, count=5)
    answer = await shell(settings, "sync", "--resource", "contact", "--wait")
    assert answer.status == 1
    assert f"firm {firm}, contact: failed, CLIO_FORBIDDEN: clio forbids GET contacts.json" in answer.stderr


async def test_a_throttled_run_says_when_it_goes_on(settings: Settings, firm: int, control: Control) -> None:
    await control.fail(prefix="/api/v4/contacts", status=429, retry_after=2)
    answer = await shell(settings, "sync", "--firm", str(firm), "--resource", "contact", "--wait")
    assert answer.status == 0, answer.stderr
    assert "0/? throttled, CLIO_RATE_LIMITED, again at " in answer.stderr
    assert "60/60 succeeded, 2 requests" in answer.stderr


async def test_an_interrupt_leaves_the_run_to_the_workers(
    services: Services, settings: Settings, firm: int, control: Control
) -> None:
    await control.fail(prefix="/api/v4/contacts", delay=30, count=1)
    [run] = await requesting.request_runs(services, firms=[firm], resource="contact", full=False)
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("sync", "--resource", "contact", "--wait"),
        env=environment_of(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await until(lambda: is_running(services, run))
    process.send_signal(signal.SIGINT)
    _, stderr = await process.communicate()
    assert process.returncode == 130
    assert b"left to the workers" in stderr
    assert await state_of(services, run) == "queued"


async def test_in_a_terminal_it_waits_and_draws_a_bar(settings: Settings, firm: int, control: Control) -> None:
    await control.fail(prefix="/api/v4/contacts", delay=0.5, count=1)
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *("sync", "--resource", "contact"),
            env={**environment_of(settings), "TERM": "xterm-256color", "COLUMNS": "120"},
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        drawn = asyncio.create_task(asyncio.to_thread(_read_all, ours))
        stdout, _ = await process.communicate()
        text = await drawn
    finally:
        os.close(ours)
    assert process.returncode == 0, text
    assert list(json.loads(stdout)) == ["runs"]
    assert f"firm {firm}: backfill contact" in text
    assert "━" in text
    assert "60/60" in text
    assert "succeeded" in text
    assert '"event"' not in text, "logs are for machines"


def _read_all(descriptor: int) -> str:
    """Read a terminal until whoever writes to it is gone."""
    read = b""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            return read.decode()
        if not chunk:
            return read.decode()
        read += chunk


async def test_an_unknown_firm_is_one_message(settings: Settings, firm: int) -> None:
    answer = await shell(settings, "sync", "--firm", str(firm + 1))
    assert (answer.status, answer.stdout) == (1, "")
    assert f"there is no connected firm {firm + 1}; there are: [{firm}]" in answer.stderr
