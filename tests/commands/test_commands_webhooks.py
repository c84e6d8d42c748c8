"""`clio-service webhooks`: endpoints listed, registered, renewed, rotated and ended from a shell."""

import json
from typing import Any

from core.settings import Settings
from core.testing.api import Api
from tests.commands.shell import shell


async def rows(settings: Settings, *arguments: str) -> list[dict[str, Any]]:
    status, stdout, stderr = await shell(settings, "webhooks", *arguments, "--json")
    assert status == 0, stderr
    found: list[dict[str, Any]] = json.loads(stdout)
    return found


async def test_from_registering_to_the_end(settings: Settings, firm: int, api: Api) -> None:
    assert firm == 1
    assert await rows(settings, "list") == []
    [made] = await rows(settings, "register", "--firm", "1", "--resource", "contact")
    assert (made["resource"], made["state"], made["coverage"]) == ("contact", "enabled", "unproven")
    [renewed] = await rows(settings, "renew", str(made["endpoint"]))
    assert renewed["expires_at"] >= made["expires_at"]
    old, new = await rows(settings, "rotate", "--resource", "contact")
    assert (old["endpoint"], old["state"], new["state"]) == (made["endpoint"], "retiring", "enabled")
    ended = await rows(settings, "delete", str(new["endpoint"]))
    assert {each["endpoint"]: each["state"] for each in ended} == {
        old["endpoint"]: "retiring",
        new["endpoint"]: "retired",
    }
    status, stdout, _ = await shell(settings, "webhooks", "list", "--all")
    assert status == 0
    head, *lines = [line.split() for line in stdout.splitlines()]
    assert head == ["endpoint", "firm", "resource", "state", "coverage", "expires_at", "error_code"]
    assert [line[3] for line in lines] == ["retiring", "retired"]
    keys = await api.services.database.pool.fetch("SELECT endpoint_key FROM webhook_endpoint")
    assert not any(row["endpoint_key"] in stdout for row in keys)


async def test_what_is_not_there_is_said_by_name(settings: Settings, firm: int) -> None:
    for arguments, message in (
        (("register", "--firm", str(firm + 1)), f"there is no connected firm {firm + 1}"),
        (("register", "--resource", "dragon"), "there is no resource 'dragon'"),
        (("rotate", "--resource", "user"), "clio has no webhook for user"),
        (("renew", "999"), "there is no webhook endpoint 999"),
        (("delete", "999"), "there is no webhook endpoint 999"),
    ):
        status, _, stderr = await shell(settings, "webhooks", *arguments)
        assert (status, message in stderr) == (1, True), (arguments, stderr)
