"""Who goes first when the request budget is short, what everybody is owed all the same, and who is told to wait."""

import asyncio
import datetime
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clio.budget import RequestBudget
from core.clio.budget_scripts import keys_of
from core.clio.budget_state import BudgetState, waiting_of
from core.clio.priority import SHARES, Priority
from core.errors import ClioRateLimited

LIMIT = 50


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as opened:
        yield opened


async def clio_now(client: redis.asyncio.Redis) -> float:
    seconds, micros = await client.time()
    return float(seconds) + float(micros) / 1e6


class Clio:
    """What Clio tells of one window."""

    def __init__(self, ends_at: float, *, used: int = 0) -> None:
        self.ends_at, self.used = ends_at, used

    def answer(self) -> dict[str, str]:
        """Count a request; return the headers of its answer."""
        self.used += 1
        values = {"limit": LIMIT, "remaining": LIMIT - self.used, "reset": int(self.ends_at)}
        return {f"x-ratelimit-{name}": str(value) for name, value in values.items()}


async def ask(budget: RequestBudget, priority: Priority, clio: Clio | None = None) -> bool:
    """Ask once; return whether it was granted."""
    try:
        async with budget.slot(1, priority, patience_s=0.0) as slot:
            slot.observe(clio.answer() if clio else {})
    except ClioRateLimited:
        return False
    return True


async def look(budget: RequestBudget, believed_for: datetime.timedelta | None = None) -> BudgetState:
    return (await budget.look({1: believed_for}))[1]


async def wait_in_line(client: redis.asyncio.Redis, priority: Priority, requests: int) -> None:
    """Let requests of another process wait."""
    key = keys_of(1)[2 + [*Priority].index(priority)]
    lapses = {f"{priority.value}-{number}": (await clio_now(client) + 30) * 1000 for number in range(requests)}
    await client.zadd(key, lapses)


async def test_who_waits_in_another_process_goes_first(client: redis.asyncio.Redis) -> None:
    clio, budget = Clio(await clio_now(client) + 3, used=LIMIT - 8), RequestBudget(client)
    for _ in range(5):
        assert await ask(budget, Priority.RECONCILE, clio), "nobody else waits, and the window is about to end"
    await wait_in_line(client, Priority.WEBHOOK, 3)
    assert not await ask(budget, Priority.RECONCILE, clio), "three places are left for the three that wait"
    assert await ask(budget, Priority.INTERACTIVE, clio)


async def test_what_a_kind_is_owed_is_kept_from_more_urgent_ones(client: redis.asyncio.Redis) -> None:
    clio, budget = Clio(await clio_now(client) + 40), RequestBudget(client)
    await wait_in_line(client, Priority.BACKFILL, 20)
    while await ask(budget, Priority.INTERACTIVE, clio):
        assert clio.used < LIMIT
    assert LIMIT - clio.used == int(LIMIT * SHARES[Priority.BACKFILL].least)


async def test_a_backfill_leaves_room_to_the_end_of_the_window(client: redis.asyncio.Redis) -> None:
    for left_s, kept in ((58, 10), (31, 5), (8, 2), (1, 0)):
        await client.flushdb()
        # The guard of a second is part of what is left.
        clio, budget = Clio(int(await clio_now(client)) + left_s - 1), RequestBudget(client)
        while await ask(budget, Priority.BACKFILL, clio):
            assert clio.used <= LIMIT
        assert abs(LIMIT - clio.used - kept) <= 1, f"{left_s} s before the end"


async def test_whoever_gives_up_no_longer_waits(client: redis.asyncio.Redis) -> None:
    budget = RequestBudget(client)
    await budget.block(1, 30)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), budget.slot(1, Priority.BACKFILL, patience_s=60.0):
            raise AssertionError("it was blocked")
    assert not await ask(budget, Priority.WEBHOOK)
    assert (await look(budget)).waiting == []


async def test_the_state_says_who_waits_and_how_long(client: redis.asyncio.Redis) -> None:
    clio, budget = Clio(await clio_now(client) + 30, used=LIMIT - 1), RequestBudget(client)
    assert await ask(budget, Priority.INTERACTIVE, clio)
    await wait_in_line(client, Priority.WEBHOOK, 2)
    await wait_in_line(client, Priority.RECONCILE, LIMIT)
    state = await look(budget)
    assert (state.limit, state.used, state.is_shared, state.blocked_for_s) == (LIMIT, LIMIT, True, 0)
    assert 28 < state.ends_in_s <= 31
    first, second = state.waiting
    assert (first.priority, first.requests, second.priority, second.requests) == (
        Priority.WEBHOOK,
        2,
        Priority.RECONCILE,
        LIMIT,
    )
    assert first.eta_s == pytest.approx(state.ends_in_s, abs=0.1)
    assert second.eta_s == pytest.approx(state.ends_in_s + 60, abs=0.1), "two of them miss the next window"


def test_what_fits_now_need_not_wait() -> None:
    [waiting] = waiting_of([0, 0, 3, 0, 0], limit=50, free=40, next_in_s=20.0)
    assert (waiting.requests, waiting.eta_s) == (3, 0.0)


async def test_a_limit_told_before_the_peak_hours_is_not_believed_in_them(client: redis.asyncio.Redis) -> None:
    budget, now = RequestBudget(client), await clio_now(client)
    told = {"x-ratelimit-limit": "300", "x-ratelimit-remaining": "240", "x-ratelimit-reset": str(int(now + 40))}
    async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0) as slot:
        slot.observe(told)
    assert await ask(budget, Priority.INTERACTIVE), "the limit is 300"
    await asyncio.sleep(0.01)  # told in another millisecond than asked
    with pytest.raises(ClioRateLimited):
        async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0, believed_for=datetime.timedelta()):
            pass
    hour = datetime.timedelta(hours=1)
    async with budget.slot(1, Priority.INTERACTIVE, patience_s=0.0, believed_for=hour):
        pass
    assert (await look(budget, datetime.timedelta())).limit == LIMIT


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turns=st.lists(st.sampled_from([*Priority]), min_size=150, max_size=300),
    kinds=st.sets(st.sampled_from([*Priority]), min_size=2),
)
async def test_no_kind_that_waits_is_starved(
    client: redis.asyncio.Redis, turns: list[Priority], kinds: set[Priority]
) -> None:
    await client.flushdb()
    clio, budget, granted = Clio(await clio_now(client) + 1), RequestBudget(client), Counter[Priority]()
    for kind in kinds:
        await wait_in_line(client, kind, LIMIT)
    for kind in turns * 2:
        if kind in kinds and await ask(budget, kind, clio):
            granted[kind] += 1
    assert clio.used <= LIMIT
    for kind in kinds:
        least, asked = int(LIMIT * SHARES[kind].least), 2 * turns.count(kind)
        assert granted[kind] >= min(least, asked), f"{kind} got {granted[kind]} of {asked}"
