"""How many deliveries of each model and event were received, processed, failed, dead or forged, counted in Redis.

Best effort: PostgreSQL holds the truth, and a Redis that is away costs counts, never deliveries.
"""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Literal

from redis.exceptions import RedisError

from core.errors import RedisUnavailable
from core.logging import get_logger

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

CountedStatus = Literal["received", "processed", "failed", "dead", "forged"]

GATHER_S = 0.25
"""Counts wait this long for company before they go to Redis in one pipeline."""

REDIS_ERRORS = (RedisError, RedisUnavailable, OSError)


def counts_key(firm: int) -> str:
    """Return the Redis hash that holds a firm's counts."""
    return f"webhooks:counts:{firm}"


class DeliveryCounters:
    """Gathers counts in memory and sends them to Redis, one pipeline for all that came together."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._waiting: Counter[tuple[int, str, str, CountedStatus]] = Counter()
        self._sender: asyncio.Task[None] | None = None
        self._away = False

    def add(self, firm: int, model: str, event: str, status: CountedStatus, amount: int = 1) -> None:
        """Count; what is counted reaches Redis with the next `flush`."""
        self._waiting[firm, model, event, status] += amount

    def add_soon(self, firm: int, model: str, event: str, status: CountedStatus) -> None:
        """Count, and send it to Redis within a moment."""
        self.add(firm, model, event, status)
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send_later())

    async def flush(self) -> None:
        """Send what waits; a Redis that is away is logged once and the counts are dropped."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, Counter()
        try:
            async with self._services.redis.pipeline(transaction=False) as pipeline:
                for (firm, model, event, status), amount in waiting.items():
                    pipeline.hincrby(counts_key(firm), f"{model}.{event}:{status}", amount)
                await pipeline.execute()
        except REDIS_ERRORS as error:
            if not self._away:
                log.warning("webhook_counts_dropped", error=type(error).__name__)
            self._away = True
        else:
            self._away = False

    async def close(self) -> None:
        """Send what waits and end the background task."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
            self._sender = None
        await self.flush()

    async def _send_later(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_S)
            await self.flush()
        self._sender = None


async def counts(services: "Services", firm: int) -> dict[tuple[str, str], int]:
    """Return a firm's counts since Redis was last emptied, by `model.event` and status.

    A key is such as `("matter.updated", "processed")`; the event of a forged delivery is not believed and counts as
    `unknown`. One command.
    """
    # redis-py annotates its one command method for both of its clients; with this one the answer is awaitable.
    found: dict[bytes, bytes] = await services.redis.hgetall(counts_key(firm))  # type: ignore[misc]
    parts = ((name.decode().rpartition(":"), int(amount)) for name, amount in found.items())
    return {(subject, status): amount for (subject, _, status), amount in parts}
