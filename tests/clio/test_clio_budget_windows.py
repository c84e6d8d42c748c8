"""The request budget around the end of a window, where answers are late, lost or rounded."""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from core.clio.budget import GUARD_MS, RequestBudget
from core.clio.priority import Priority
from core.errors import ClioRateLimited

KEY, OPEN = "clio:budget:{1}", "clio:budget:{1}:open"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as opened:
        yield opened


async def clio_now(client: redis.asyncio.Redis) -> float:
    seconds, micros = await client.time()
    return float(seconds) + float(micros) / 1e6


def told(limit: int, remaining: int, reset: float, **more: str) -> dict[str, str]:
    values = {"limit": limit, "remaining": remaining, "reset": int(reset)}
    return {f"x-ratelimit-{name}": str(value) for name, value in values.items()} | more


async def spend(budget: RequestBudget, headers: dict[str, str]) -> None:
    async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0) as slot:
        slot.sent()
        slot.observe(headers)


async def skew_ms(client: redis.asyncio.Redis) -> float:
    # redis leaves it untyped
    return float(await client.execute_command("HGET", KEY, "skew"))  # type: ignore[no-untyped-call]


async def test_an_answer_that_crosses_the_end_of_its_window_does_not_prolong_it(client: redis.asyncio.Redis) -> None:
    budget, ends = RequestBudget(client), math.ceil(await clio_now(client))
    async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0) as slot:
        slot.sent()
        await asyncio.sleep(ends + 0.1 - await clio_now(client))
        slot.observe(told(3, 0, ends))
    assert await skew_ms(client) == GUARD_MS


async def test_a_429_tells_how_far_clios_clock_is_behind(client: redis.asyncio.Redis) -> None:
    budget, now = RequestBudget(client), await clio_now(client)
    await spend(budget, told(3, 0, now - 2, **{"retry-after": "7"}))
    assert 8_000 < await skew_ms(client) < 11_000
    with pytest.raises(ClioRateLimited) as caught:
        await spend(budget, {})
    assert 5 < caught.value.retry_after_s <= 8


async def test_a_window_that_began_meanwhile_takes_back_what_was_learned_too_much(client: redis.asyncio.Redis) -> None:
    budget, now = RequestBudget(client), await clio_now(client)
    await spend(budget, told(3, 0, now - 2, **{"retry-after": "40"}))
    assert await skew_ms(client) > 40_000
    await client.execute_command("HSET", KEY, "ends", "0")  # type: ignore[no-untyped-call]
    await spend(budget, told(3, 2, now + 60))
    assert await skew_ms(client) < 3_000


async def test_ends_a_second_apart_are_one_window(client: redis.asyncio.Redis) -> None:
    budget, now = RequestBudget(client), await clio_now(client)
    await spend(budget, told(10, 5, now + 41))
    await spend(budget, told(10, 0, now + 40))
    await spend_refused(budget)
    await client.delete(KEY)
    await spend(budget, told(10, 0, now + 40))
    with pytest.raises(ClioRateLimited):
        async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0) as slot:
            slot.observe(told(10, 5, now + 41))


async def spend_refused(budget: RequestBudget) -> None:
    with pytest.raises(ClioRateLimited):
        await spend(budget, {})


async def test_a_request_whose_answer_is_lost_counts_until_the_window_ends(client: redis.asyncio.Redis) -> None:
    budget, now = RequestBudget(client), await clio_now(client)
    await spend(budget, told(10, 2, now + 40))
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await lose(budget)
    await spend_refused(budget)
    (_, lapses), *_ = await client.zrange(OPEN, 0, -1, withscores=True)
    assert lapses / 1000 <= now + 41


async def lose(budget: RequestBudget) -> None:
    async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0) as slot:
        slot.sent()
        raise TimeoutError


async def test_a_request_that_never_left_costs_nothing(client: redis.asyncio.Redis) -> None:
    async with RequestBudget(client).slot(1, Priority.INTERACTIVE, patience_s=0.0) as slot:
        slot.sent()
        slot.unsent()
    assert await client.zcard(OPEN) == 0


async def test_whoever_is_cancelled_while_asking_keeps_no_place(client: redis.asyncio.Redis) -> None:
    budget = RequestBudget(client)
    for turns in range(30):
        task = asyncio.create_task(lose(budget))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    held, now = await client.zrange(OPEN, 0, -1, withscores=True), await clio_now(client)
    assert all(lapses / 1000 < now + 61 for _, lapses in held), "a place is held for a request that was never sent"


async def test_a_longer_block_stands(client: redis.asyncio.Redis) -> None:
    budget = RequestBudget(client)
    await budget.block(1, 20)
    await budget.block(1, 1)
    with pytest.raises(ClioRateLimited) as caught:
        await spend(budget, {})
    assert caught.value.retry_after_s > 10


class Clio:
    """A server's side of the limit: windows of two seconds, whose end is told in whole seconds, cut off."""

    def __init__(self, client: redis.asyncio.Redis, *, limit: int) -> None:
        self._client, self._limit = client, limit
        self._ends = 0.0
        self._used = 0
        self.granted = 0
        self.refused = 0

    async def answer(self) -> dict[str, str]:
        """Count a request; return the headers of its answer."""
        now = await clio_now(self._client)
        if now >= self._ends:
            self._ends, self._used = now + 2, 0
        self._used += 1
        if self._used > self._limit:
            self.refused += 1
        else:
            self.granted += 1
        return told(self._limit, max(0, self._limit - self._used), self._ends)


async def test_saturating_processes_are_never_refused(client: redis.asyncio.Redis, redis_url: str) -> None:
    clio, enough = Clio(client, limit=20), asyncio.Event()

    async def process(number: int) -> None:
        # The group waits for each of them; a call of one that outlives the client would open a connection anew.
        async with redis.asyncio.Redis.from_url(redis_url) as own, asyncio.TaskGroup() as group:
            budget = RequestBudget(own)
            for _ in range(3):
                group.create_task(sync(budget, number))

    async def sync(budget: RequestBudget, number: int) -> None:
        while True:
            async with budget.slot(1, Priority.BACKFILL, patience_s=60.0) as slot:
                slot.sent()
                await asyncio.sleep(0.004 * number)
                headers = await clio.answer()
                await asyncio.sleep(0.006)
                slot.observe(headers)
            if clio.granted + clio.refused >= 20 + 15:
                enough.set()

    processes = [asyncio.create_task(process(number)) for number in range(3)]
    await enough.wait()
    for each in processes:
        each.cancel()
    await asyncio.gather(*processes, return_exceptions=True)
    assert clio.refused == 0
