"""`clio-service history`, run from a shell."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from core.services import Services
from core.settings import Settings
from tests.commands.shell import COMMAND, environment_of, shell
from tests.history.past import ONE, Past, months_ago


async def begin(settings: Settings, *arguments: str) -> asyncio.subprocess.Process:
    """Start a command and return it while it runs."""
    return await asyncio.create_subprocess_exec(
        *(*COMMAND, "history", *arguments),
        env=environment_of(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return [each.name for each in folder.iterdir()]


async def waits_for_a_lock(past: Past) -> None:
    """Return once some session waits for a lock in the test's database."""
    while not await past.pool.fetchval(  # noqa: ASYNC110 - only PostgreSQL knows
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ):
        await asyncio.sleep(0.05)


async def test_verify_prints_heads_and_fails_where_something_is_broken(past: Past, settings: Settings) -> None:
    await past.write(5)
    answer = await shell(settings, "history", "seal")
    assert json.loads(answer.stdout) == {"changes": 5, "links": 1}
    answer = await shell(settings, "history", "verify")
    assert answer.status == 0, answer.stderr
    one, two = answer.stdout.splitlines()
    head = one.rpartition(" ")[2]
    assert one == f"firm 1: intact; 1 links, 5 changes verified, 0 not sealed yet; head {head}"
    assert two == "firm 2: intact; 0 links, 0 changes verified, 0 not sealed yet; head none"
    assert "firm 1 (1/2): 1 links, 5 changes checked" in answer.stderr
    assert (await shell(settings, "history", "verify", "--firm", "1", "--expect", head)).status == 0
    await past.pool.execute("DELETE FROM change; DELETE FROM history_seal")
    assert (await shell(settings, "history", "verify")).status == 0
    answer = await shell(settings, "history", "verify", "--expect", head, "--json")
    assert answer.status == 1
    verdict = json.loads(answer.stdout)[0]
    assert (verdict["head"], [each["flaw"] for each in verdict["breaks"]]) == (None, ["missing_seal"])


@pytest.mark.usefixtures("past")
async def test_wrong_use_is_told(settings: Settings) -> None:
    for arguments, status in (
        (("verify", "--expect", "1:2:xyz"), 2),
        (("verify", "--firm", "77"), 1),
        (("verify", "--from", "4", "--expect", f"1:3:{'a' * 64}"), 2),
        (("verify", "--firm", "2", "--expect", f"1:3:{'a' * 64}"), 1),
        (("verify", "--file", "/dev/null"), 1),
        (("export", "--firm", "77"), 1),
        (("export", "--firm", "1", "--record", "3"), 2),
        (("purge", "--yes"), 2),
        (("purge", "--keep-days", "365", "--firm", "77"), 1),
        (("hold", "release", "1", "--reason", "x"), 2),
        (("hold", "release", "1", "--reason", "x", "--yes"), 1),
        (("hold", "place", "--firm", "77", "--reason", "x"), 1),
    ):
        answer = await shell(settings, "history", *arguments)
        assert (answer.status, "Traceback" in answer.stderr) == (status, False), (arguments, answer.stderr)


async def test_an_export_is_written_whole_and_verified_from_its_file(
    past: Past, settings: Settings, tmp_path: Path
) -> None:
    await past.write(1_500)
    await past.seal()
    file = tmp_path / "history.jsonl"
    answer = await shell(settings, "history", "export", "--firm", "1", "-o", str(file))
    assert (answer.status, answer.stdout) == (0, ""), answer.stderr
    assert "1500 changes and 1 links exported" in answer.stderr
    assert names(tmp_path) == ["history.jsonl"]
    on_stdout = (await shell(settings, "history", "export", "--firm", "1")).stdout.splitlines()
    assert file.read_text().splitlines()[1:] == on_stdout[1:]
    assert len(on_stdout) == 1_503
    answer = await shell(settings, "history", "verify", "--file", str(file))
    assert answer.status == 0, answer.stderr
    file.write_text(file.read_text().replace("Ann", "Bob", 1))
    answer = await shell(settings, "history", "verify", "--file", str(file))
    assert (answer.status, "altered_row" in answer.stdout) == (1, True)


async def test_an_interrupted_export_leaves_no_file(past: Past, settings: Settings, tmp_path: Path) -> None:
    await past.write(10)
    file = tmp_path / "history.jsonl"
    file.write_text("the one before")
    async with past.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE change IN ACCESS EXCLUSIVE MODE")
        process = await begin(settings, "export", "--firm", "1", "-o", str(file))
        await waits_for_a_lock(past)
        assert len(names(tmp_path)) == 2
        process.send_signal(signal.SIGINT)
        _, stderr = await process.communicate()
    assert (process.returncode, b"Traceback" in stderr) == (130, False), stderr
    assert (names(tmp_path), file.read_text()) == ([file.name], "the one before")


async def test_a_reader_that_has_enough_ends_the_export_quietly(past: Past, settings: Settings) -> None:
    await past.write(20_000)
    process = await begin(settings, "export", "--firm", "1")
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(await process.stdout.readline())["type"] == "export"
    process.stdout._transport.close()  # type: ignore[attr-defined]  # asyncio has no public way to close it
    stderr = await process.stderr.read()
    assert (await process.wait(), b"Traceback" in stderr, b"exported" in stderr) == (1, False, False), stderr


async def test_holds_and_purges(past: Past, settings: Settings, services: Services) -> None:
    await past.by_month(24)
    await past.write(3, at=months_ago(20))
    await past.seal()
    answer = await shell(
        settings, "history", "hold", "place", "--firm", "1", "--reason", "Doe v. Roe", "--by", "counsel"
    )
    hold = json.loads(answer.stdout)["hold"]
    purge = ("history", "purge", "--keep-days", "365")
    assert json.loads((await shell(settings, *purge)).stdout) == {"would_purge": []}
    assert json.loads((await shell(settings, *purge, "--yes")).stdout)["changes"] == 0
    [listed] = json.loads((await shell(settings, "history", "hold", "list")).stdout)
    assert (listed["id"], listed["reason"], listed["placed_by"]) == (hold, "Doe v. Roe", "counsel")
    answer = await shell(settings, "history", "hold", "release", str(hold), "--reason", "settled", "--yes")
    assert answer.status == 0, answer.stderr
    assert json.loads((await shell(settings, "history", "hold", "list")).stdout) == []
    assert json.loads((await shell(settings, *purge)).stdout) == {"would_purge": [{"firm": ONE, "changes": 3}]}
    done = json.loads((await shell(settings, *purge, "--yes", "--reason", "asked to")).stdout)
    assert (done["firms"], done["changes"]) == (1, 3)
    assert await past.changes() == []
    assert (await shell(settings, "history", "verify")).status == 0
    assert await services.database.pool.fetchval("SELECT count(*) FROM legal_hold") == 1
