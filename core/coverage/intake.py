"""Whether anybody takes deliveries: an enabled subscription covers nothing while every API process is down."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from core.db.engine import CONNECT_ERRORS, Database
from core.errors import DatabaseUnavailable
from core.logging import get_logger

log = get_logger(__name__)

BEAT_S = 20.0

LATE = datetime.timedelta(seconds=90)
"""An intake that has not been heard of for so long is down."""

_BEAT = "INSERT INTO intake (id, seen_at) VALUES (1, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now()"


@asynccontextmanager
async def beating(database: Database) -> AsyncIterator[None]:
    """Say every twenty seconds, for the block, that deliveries are taken; a database that is away is not told."""
    heart = asyncio.create_task(_beat(database))
    try:
        yield
    finally:
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart


async def is_up(database: Database) -> bool:
    """Tell whether some process has said of late that it takes deliveries; where none ever has, nobody knows better."""
    up: bool = await database.pool.fetchval(
        "SELECT coalesce(max(seen_at) > now() - $1::interval, true) FROM intake", LATE
    )
    return up


async def _beat(database: Database) -> None:
    while True:
        try:
            await database.pool.execute(_BEAT)
        except (*CONNECT_ERRORS, DatabaseUnavailable, TimeoutError) as error:
            log.debug("intake_not_told", error=type(error).__name__)
        await asyncio.sleep(BEAT_S)
