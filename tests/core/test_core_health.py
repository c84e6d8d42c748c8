"""Health: whether each part answers, and how fast."""

import asyncio

from core.health import readiness
from core.services import Services


async def test_every_part_that_answers_is_up_with_its_latency(services: Services) -> None:
    found = await readiness(services)
    assert found["state"] == "up"
    assert {name for name, part in found["parts"].items() if part["state"] == "up"} == {
        "postgresql",
        "redis",
        "plugins",
    }
    assert found["parts"]["postgresql"]["latency_ms"] > 0


async def test_a_part_that_is_away_is_down_and_named(services: Services) -> None:
    await services.database.close()
    found = await readiness(services)
    assert (found["state"], found["parts"]["postgresql"]["state"], found["parts"]["redis"]["state"]) == (
        "down",
        "down",
        "up",
    )
    await services.database.open()


async def test_a_part_that_does_not_answer_in_time_is_down(services: Services) -> None:
    blocked = [await services.database.pool.acquire() for _ in range(services.settings.database_pool_size)]
    try:
        found = await asyncio.wait_for(readiness(services), timeout=10)
    finally:
        for connection in blocked:
            await services.database.pool.release(connection)
    assert found["parts"]["postgresql"] == {"state": "down", "error": "TimeoutError"}
