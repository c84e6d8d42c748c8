"""Whether the process lives, and whether each part it needs answers, with the time that took."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get

from core.services import Services

PART_TIMEOUT_S = 2.0


async def _measure(probe: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(PART_TIMEOUT_S):
            await probe()
    except Exception as error:  # noqa: BLE001 - whatever a part raises, the answer is that it is not well
        return {"state": "down", "error": type(error).__name__}
    return {"state": "up", "latency_ms": round((time.perf_counter() - started) * 1000, 2)}


async def readiness(services: Services) -> dict[str, Any]:
    """Return the state of each part: `postgresql`, `redis`, `plugins`; `state` is `up` when all that must be are."""

    async def ask_database() -> None:
        await services.database.pool.fetchval("SELECT 1")

    async def ask_redis() -> None:
        await services.redis.ping()

    database, redis = await asyncio.gather(_measure(ask_database), _measure(ask_redis))
    refused = {plugin.name: plugin.reason for plugin in services.registry.refused}
    plugins: dict[str, Any] = {
        "state": "degraded" if refused else "up",
        "loaded": [plugin.name for plugin in services.registry.plugins],
    }
    if refused:
        plugins["refused"] = refused
    well = database["state"] == redis["state"] == "up"
    return {
        "state": "up" if well else "down",
        "parts": {"postgresql": database, "redis": redis, "plugins": plugins},
    }


@get("/health/live", sync_to_thread=False, summary="Whether the process answers")
def live() -> dict[str, str]:
    """Answer as long as the event loop turns; asks no other part."""
    return {"state": "up"}


def ready_handler(services: Services) -> Any:
    """Return the route `/health/ready`: 200 when PostgreSQL and Redis answer, else 503, each with its latency."""

    @get("/health/ready", summary="State and latency of each part")
    async def ready() -> Response[dict[str, Any]]:
        found = await readiness(services)
        return Response(found, status_code=200 if found["state"] == "up" else 503)

    return ready
