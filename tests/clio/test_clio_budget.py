"""The request budget: Clio's limit is never passed, and next to all of it is used."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from core.clio.budget import RequestBudget
from core.clio.priority import Priority
from core.errors import ClioRateLimited


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as opened:
        yield opened


async def clio_now(client: redis.asyncio.Redis) -> float:
    seconds, micros = await client.time()
    return float(seconds) + float(micros) / 1e6


async def spend(budget: RequestBudget, headers: dict[str, str], *, priority: Priority = Priority.BACKFILL) -> None:
    async with budget.slot(1, priority, patience_s=0.0) as slot:
        slot.observe(headers)


def told(limit: int, remaining: int, reset: float) -> dict[str, str]:
    names = ("limit", "remaining", "reset")
    return {
        f"x-ratelimit-{name}": str(int(value)) for name, value in zip(names, (limit, remaining, reset), strict=True)
    }


async def test_what_clio_says_is_left_is_all_that_is_granted(client: redis.asyncio.Redis) -> None:
    budget, reset = RequestBudget(client), await clio_now(client) + 40
    await spend(budget, told(50, 1, reset), priority=Priority.INTERACTIVE)
    await spend(budget, told(50, 0, reset), priority=Priority.INTERACTIVE)
    with pytest.raises(ClioRateLimited, match="used up") as caught:
        await spend(budget, {}, priority=Priority.INTERACTIVE)
    assert 30 < caught.value.retry_after_s <= 41


async def test_requests_under_way_count_whoever_sent_them(client: redis.asyncio.Redis) -> None:
    reset = await clio_now(client) + 40
    await spend(RequestBudget(client), told(10, 4, reset))
    decided: asyncio.Queue[bool] = asyncio.Queue()
    release = asyncio.Event()

    async def hold() -> None:
        try:
            async with RequestBudget(client).slot(1, Priority.INTERACTIVE, patience_s=0.0):
                decided.put_nowait(True)
                await release.wait()
        except ClioRateLimited:
            decided.put_nowait(False)

    holders = [asyncio.create_task(hold()) for _ in range(9)]
    granted = [await decided.get() for _ in holders]
    release.set()
    await asyncio.gather(*holders)
    assert (granted.count(True), granted.count(False)) == (4, 5)


async def test_syncs_leave_a_reserve_that_others_may_use(client: redis.asyncio.Redis) -> None:
    budget, reset = RequestBudget(client), await clio_now(client) + 40
    await spend(budget, told(50, 2, reset))
    with pytest.raises(ClioRateLimited):
        await spend(budget, {}, priority=Priority.BACKFILL)
    await spend(budget, {}, priority=Priority.INTERACTIVE)


async def test_the_reserve_is_released_at_the_end_of_a_window(client: redis.asyncio.Redis) -> None:
    budget, reset = RequestBudget(client), await clio_now(client) + 2
    await spend(budget, told(50, 2, reset))
    await spend(budget, {}, priority=Priority.BACKFILL)


async def test_a_new_window_has_the_whole_limit(client: redis.asyncio.Redis) -> None:
    budget, now = RequestBudget(client), await clio_now(client)
    await spend(budget, told(50, 0, now + 40))
    await spend_in_new_window(budget, client, told(50, 49, now + 100))
    await spend(budget, {})


async def spend_in_new_window(budget: RequestBudget, client: redis.asyncio.Redis, headers: dict[str, str]) -> None:
    # redis leaves it untyped
    await client.execute_command("HSET", "clio:budget:{1}", "ends", "0")  # type: ignore[no-untyped-call]
    await spend(budget, headers)


async def test_a_late_answer_of_an_old_window_changes_nothing(client: redis.asyncio.Redis) -> None:
    budget, now = RequestBudget(client), await clio_now(client)
    await spend(budget, told(50, 40, now + 50))
    await spend(budget, told(50, 0, now - 10))
    await spend(budget, {})


async def test_a_clio_whose_clock_is_behind_is_not_asked_too_early(client: redis.asyncio.Redis) -> None:
    budget, asked_at = RequestBudget(client), await clio_now(client)
    await spend(budget, told(3, 2, asked_at - 5), priority=Priority.INTERACTIVE)
    ends_ms = await client.execute_command("HGET", "clio:budget:{1}", "ends")  # type: ignore[no-untyped-call]
    assert float(ends_ms) >= asked_at * 1000, "a request granted in a window shows that it had not ended"
    rest = {"retry-after": "30"}
    await spend(budget, told(3, 0, asked_at - 5) | rest, priority=Priority.INTERACTIVE)
    with pytest.raises(ClioRateLimited) as caught:
        await spend(budget, {}, priority=Priority.INTERACTIVE)
    assert 15 < caught.value.retry_after_s <= 31


async def test_a_429_stops_everybody_for_as_long_as_clio_says(client: redis.asyncio.Redis) -> None:
    await RequestBudget(client).block(1, 20)
    with pytest.raises(ClioRateLimited) as caught:
        await spend(RequestBudget(client), {}, priority=Priority.INTERACTIVE)
    assert 15 < caught.value.retry_after_s <= 20


async def test_firms_do_not_share_a_budget(client: redis.asyncio.Redis) -> None:
    budget = RequestBudget(client)
    await budget.block(1, 20)
    async with budget.slot(2, Priority.BACKFILL, patience_s=0.0):
        assert await client.zcard("clio:budget:{2}:open") == 1


async def test_a_place_is_given_back_when_the_request_fails(client: redis.asyncio.Redis) -> None:
    with pytest.raises(RuntimeError):
        async with RequestBudget(client).slot(1, Priority.BACKFILL, patience_s=0.0):
            raise RuntimeError("no answer")
    assert await client.zcard("clio:budget:{1}:open") == 0
