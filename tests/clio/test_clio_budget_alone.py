"""The request budget while Redis is away, and when it comes back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from core.clio.budget import AWAY_S, DEFAULT_LIMIT, RequestBudget
from core.clio.budget_state import BudgetState
from core.clio.local_share import LOCAL_SHARE
from core.clio.priority import Priority
from core.errors import ClioRateLimited

SHARE = int(DEFAULT_LIMIT * LOCAL_SHARE)


@pytest.fixture
async def nobody(api_port: int) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis(port=api_port) as client:
        yield client


def told(remaining: int, *, limit: int = DEFAULT_LIMIT) -> dict[str, str]:
    values = {"limit": limit, "remaining": remaining, "reset": int(time.time()) + 40}
    return {f"x-ratelimit-{name}": str(value) for name, value in values.items()}


async def ask(budget: RequestBudget, remaining: int, priority: Priority = Priority.INTERACTIVE) -> bool:
    try:
        async with budget.slot(1, priority, patience_s=0.0) as slot:
            slot.observe(told(remaining))
    except ClioRateLimited:
        return False
    return True


async def look(budget: RequestBudget) -> BudgetState:
    return (await budget.look({1: None}))[1]


async def test_a_process_keeps_to_its_share(nobody: redis.asyncio.Redis) -> None:
    budget = RequestBudget(nobody)
    with capture_logs() as logs:
        granted = [await ask(budget, 40) for _ in range(2 * SHARE)]
    assert granted == [True] * SHARE + [False] * SHARE
    assert [entry["event"] for entry in logs].count("budget_not_shared") == 1
    state = await look(budget)
    assert (state.limit, state.used, state.is_shared) == (SHARE, SHARE, False)


async def test_runs_leave_some_of_it_to_people(nobody: redis.asyncio.Redis) -> None:
    budget = RequestBudget(nobody)
    granted = [await ask(budget, 40, Priority.BACKFILL) for _ in range(SHARE)]
    assert granted == [True] * (SHARE - 1) + [False]
    assert await ask(budget, 40)


async def test_what_clio_says_is_left_for_all_holds_here_too(nobody: redis.asyncio.Redis) -> None:
    budget = RequestBudget(nobody)
    assert await ask(budget, 1)
    assert await ask(budget, 0)
    assert not await ask(budget, 0)


async def test_until_clio_has_told_one_request_is_under_way(nobody: redis.asyncio.Redis) -> None:
    budget = RequestBudget(nobody)
    async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0) as slot:
        assert not await ask(budget, 40)
        slot.observe(told(40))
    assert await ask(budget, 39)


async def test_a_429_holds_here_too(nobody: redis.asyncio.Redis) -> None:
    budget = RequestBudget(nobody)
    await budget.block(1, 20)
    assert not await ask(budget, 40)


async def test_when_redis_is_back_the_budget_is_shared_again(redis_url: str, api_port: int) -> None:
    parts = urlsplit(redis_url)
    away = parts._replace(netloc=f"{parts.username or ''}:{parts.password or ''}@127.0.0.1:{api_port}").geturl()
    async with redis.asyncio.Redis.from_url(away) as client:
        budget = RequestBudget(client)
        assert await ask(budget, 3)
        async with relay(api_port, parts.port or 6379):
            await asyncio.sleep(AWAY_S)
            state = await look(budget)
            assert (state.is_shared, state.used) == (True, 0), "redis knows nothing yet"
            async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0):
                state = await look(budget)
            assert (state.limit, state.used) == (DEFAULT_LIMIT, DEFAULT_LIMIT - 3 + 1), "what was told meanwhile counts"
            await client.connection_pool.disconnect()


@asynccontextmanager
async def relay(port: int, to: int) -> AsyncIterator[None]:
    """Pass on what comes to one port of this machine to another."""
    running: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", to)
        running.update(asyncio.create_task(each) for each in (pass_on(reader, to_writer), pass_on(to_reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*running)
