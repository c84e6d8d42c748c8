"""`clio-service metrics rebuild`: how many deliveries were counted on stdout, and the exit status."""

import asyncio
import os
import sys

from core.metrics.epochs import LOCK_KEY, read_epoch
from core.services import Services
from core.settings import Settings


async def rebuild(settings: Settings) -> tuple[int, str, str]:
    """Run the command; return its exit status, stdout and stderr."""
    secrets = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "CLIO_CLIENT_SECRET": settings.clio_client_secret,
        "JWT_SECRET": settings.jwt_secret,
        "ENCRYPTION_KEYS": settings.encryption_keys,
    }
    environment = {name: secret.get_secret_value() for name, secret in secrets.items() if secret}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from core.cli import main; main()", "metrics", "rebuild"),
        env={**os.environ, **environment, "CLIO_CLIENT_ID": settings.clio_client_id},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return process.returncode or 0, stdout.decode(), stderr.decode()


async def test_it_counts_the_log_anew(services: Services, settings: Settings) -> None:
    await services.database.pool.execute(
        """INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, digest, body)
           SELECT 1, 1, 'matter', 'matter', 'updated', int4send(n), '{}' FROM generate_series(1, 3) AS n"""
    )
    status, stdout, stderr = await rebuild(settings)
    assert (status, stdout) == (0, "3\n"), stderr
    epoch = await read_epoch(services.redis)
    assert epoch is not None
    assert epoch.counted_at is not None


async def test_it_says_that_another_process_is_at_it(services: Services, settings: Settings) -> None:
    await services.redis.set(LOCK_KEY, "of another process")
    status, stdout, stderr = await rebuild(settings)
    assert (status, stdout) == (1, "")
    assert "another process" in stderr
