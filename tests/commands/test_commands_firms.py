"""`clio-service firms`: pausing, resuming and quiet hours from a shell."""

import json

from core.services import Services
from core.settings import Settings
from tests.commands.shell import shell


async def test_firms_are_paused_resumed_and_given_quiet_hours(services: Services, settings: Settings) -> None:
    await services.database.pool.execute(
        "INSERT INTO firm (id, region, clio_account_id, name) VALUES (1, 'us', 1, ''), (2, 'eu', 2, '')"
    )
    status, stdout, stderr = await shell(settings, "firms", "pause", "1", "--reason", "moves house", "--json")
    assert status == 0, stderr
    [firm] = json.loads(stdout)
    assert (firm["firm"], firm["pause_reason"], firm["paused_at"] is not None) == (1, "moves house", True)

    status, stdout, stderr = await shell(settings, "sync", "--firm", "1")
    assert (status, stdout) == (1, "")
    assert "firm 1 is paused: resume with resumeFirm or `clio-service firms resume`" in stderr
    status, stdout, stderr = await shell(settings, "sync", "--resource", "user")
    assert (status, len(json.loads(stdout)["runs"])) == (0, 1)
    assert "paused_firms_left_out" in stderr

    hours = ("firms", "quiet-hours", "2")
    status, stdout, stderr = await shell(settings, *hours, "22:00", "06:30", "Europe/Berlin")
    assert status == 0, stderr
    assert "22:00-06:30 Europe/Berlin" in stdout
    status, stdout, stderr = await shell(settings, "firms", "list")
    assert [line.split()[:3] for line in stdout.splitlines()] == [
        ["firm", "region", "state"],
        ["1", "us", "connected"],
        ["2", "eu", "connected"],
    ]
    assert stdout.splitlines()[2].split()[-2:] == ["0", "1"]

    status, stdout, stderr = await shell(settings, "firms", "resume", "1", "--json")
    assert json.loads(stdout)[0]["paused_at"] is None
    status, stdout, stderr = await shell(settings, *hours, "--clear", "--json")
    assert json.loads(stdout)[0]["quiet_hours"] is None


async def test_wrong_use_and_unknown_firms_are_told_apart(services: Services, settings: Settings) -> None:
    assert services.settings is settings
    for arguments in (("22:00",), (), ("22:00", "06:00", "UTC", "--clear")):
        status, _, stderr = await shell(settings, "firms", "quiet-hours", "1", *arguments)
        assert status == 2
        assert "give FROM, UNTIL and TIME_ZONE, or --clear" in stderr
    status, _, stderr = await shell(settings, "firms", "quiet-hours", "1", "22:00", "06:00", "Nowhere")
    assert (status, "no time zone 'Nowhere'" in stderr) == (1, True)
    status, _, stderr = await shell(settings, "firms", "resume", "7")
    assert (status, "there is no firm 7" in stderr) == (1, True)
