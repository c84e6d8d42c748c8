"""Commands of `clio-service`, each in a process of its own."""

import asyncio
import os
import sys
from typing import NamedTuple

from core.settings import Settings

COMMAND = (
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from core.cli import main; main()",
)
"""`clio-service` as a child that heeds SIGINT: what a shell runs in the background ignores it, with its children."""


class Answer(NamedTuple):
    """What a command that has ended left."""

    status: int
    stdout: str
    stderr: str


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment of a process with these settings."""
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
        "PUBLIC_URL": settings.public_base,
        "SYNC_PAGES_AHEAD": str(settings.sync_pages_ahead),
    }
    if settings.clio_base_url is not None:
        environment["CLIO_BASE_URL"] = str(settings.clio_base_url)
    return environment


async def shell(settings: Settings, *arguments: str) -> Answer:
    """Run `clio-service` with the arguments, and the settings in its environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from core.cli import main; main()", *arguments),
        env=environment_of(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return Answer(process.returncode or 0, stdout.decode(), stderr.decode())
