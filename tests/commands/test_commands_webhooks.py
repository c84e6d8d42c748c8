"""`clio-service webhooks`: endpoints listed, registered, renewed, rotated and ended from a shell."""

import asyncio
import json
import os
import sys
from typing import Any

from core.settings import Settings
from core.testing.api import Api


async def webhooks(settings: Settings, *arguments: str) -> tuple[int, str, str]:
    """Run the command; return status, stdout and stderr."""
    secrets = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "CLIO_CLIENT_SECRET": settings.clio_client_secret,
        "JWT_SECRET": settings.jwt_secret,
        "ENCRYPTION_KEYS": settings.encryption_keys,
    }
    environment = {
        **os.environ,
        **{name: secret.get_secret_value() for name, secret in secrets.items() if secret},
        "CLIO_CLIENT_ID": settings.clio_client_id,
        "CLIO_BASE_URL": str(settings.clio_base_url),
        "PUBLIC_URL": settings.public_base,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from core.cli import main; main()",
        "webhooks",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return process.returncode or 0, stdout.decode(), stderr.decode()


async def rows(settings: Settings, *arguments: str) -> list[dict[str, Any]]:
    status, stdout, stderr = await webhooks(settings, *arguments, "--json")
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
    status, stdout, _ = await webhooks(settings, "list", "--all")
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
        status, _, stderr = await webhooks(settings, *arguments)
        assert (status, message in stderr) == (1, True), (arguments, stderr)
