"""Hints over Redis pub/sub. A hint that is lost is made up for by looking again, so Redis may come and go."""

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis

from core.logging import get_logger
from core.redis_pool import REDIS_ERRORS

log = get_logger(__name__)

RETRY_S = 1.0


async def listen(redis: Redis, channel: str, hear: Callable[[], None]) -> None:
    """Call `hear` at every message of a channel, and when listening begins, until cancelled. One log line a failure."""
    away = False
    while True:
        hints = redis.pubsub(ignore_subscribe_messages=True)
        try:
            await hints.subscribe(channel)
            if away:
                log.info("hints_back", channel=channel)
            away = False
            hear()
            while True:
                if await hints.get_message(timeout=None) is not None:
                    hear()
        except REDIS_ERRORS as error:
            if not away:
                log.warning("hints_away", channel=channel, error=type(error).__name__)
            away = True
        finally:
            # redis-py leaves this method without annotations.
            await hints.aclose()  # type: ignore[no-untyped-call]
        await asyncio.sleep(RETRY_S)
