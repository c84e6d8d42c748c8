"""Telling whoever watches that a run moved. Redis only carries the hint; the run's row says what is true."""

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.logging import get_logger

log = get_logger(__name__)

PROGRESS_CHANNEL = "sync:progress"
"""Redis channel of hints `{"firm": id, "run": id}`; a watcher reads the row."""


async def publish_progress(redis: Redis, *, firm: int, run: int) -> None:
    """Publish that a run changed. A hint that is lost is made up for by the watcher's next look at the rows."""
    try:
        await redis.publish(PROGRESS_CHANNEL, msgspec.json.encode({"firm": firm, "run": run}))
    except (RedisError, OSError) as error:
        log.warning("progress_not_published", error=type(error).__name__, run_id=run)
