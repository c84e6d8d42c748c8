"""Worker processes that tests may kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.settings import Settings


@asynccontextmanager
async def worker_process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker with a lease of two seconds until the block ends."""
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
        "REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else "",
        "PUBLIC_URL": settings.public_base,
        "CLIO_CLIENT_ID": settings.clio_client_id,
        "CLIO_CLIENT_SECRET": settings.clio_client_secret.get_secret_value(),
        "CLIO_BASE_URL": str(settings.clio_base_url),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "LEASE_S": "2",
        "SYNC_PAGES_AHEAD": str(settings.sync_pages_ahead),
        "POLL_FACTOR": "100",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from core.cli import main; main()", "worker", env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
