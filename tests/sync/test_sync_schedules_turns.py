"""Whose turn it is: firms take turns, a firm has so many runs at once and no more, and no run has two workers."""

import asyncio
import itertools
import random
from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.services import Services
from core.sync import runs
from core.sync.turns import TAKE, TAKE_LOCK
from tests.sync.scheduling import add_firms, clear, finish, queue, resources, take

DATABASE = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(queues=st.lists(st.integers(1, 25), min_size=2, max_size=12), slots=st.integers(1, 5))
@DATABASE
async def test_no_firm_waits_longer_than_a_round(services: Services, queues: list[int], slots: int) -> None:
    await clear(services)
    waiting = {}
    for firm, count in zip(await add_firms(services, len(queues)), queues, strict=True):
        await queue(services, firm, resources(count))
        waiting[firm] = count
    since: Counter[int] = Counter()
    while any(waiting.values()):
        taken = await take(services, most=slots)
        assert taken
        for run in taken:
            waiting[run.firm] -= 1
        served = Counter(run.firm for run in taken)
        for firm, count in waiting.items():
            since[firm] = 0 if served[firm] or not count else since[firm] + sum(served.values())
            assert since[firm] < len(queues), f"firm {firm} waited while every other had a turn"
        others = [firm for firm, count in waiting.items() if count and not served[firm]]
        assert not others or max(served.values()) == 1, "a firm had a second slot while another had none"
        await finish(services, taken)


@given(seed=st.integers(), firms=st.integers(2, 6), slots=st.integers(1, 4))
@DATABASE
async def test_while_runs_end_at_any_time_a_firm_with_none_goes_first(
    services: Services, seed: int, firms: int, slots: int
) -> None:
    await clear(services)
    chance = random.Random(seed)  # noqa: S311 - which runs end is no secret
    waiting: Counter[int] = Counter()
    for firm in await add_firms(services, firms):
        waiting[firm] = chance.randint(1, 10)
        await queue(services, firm, resources(waiting[firm]))
    going: list[runs.Run] = []
    last = dict.fromkeys(waiting, 0)
    for turn in itertools.count(1):
        if not any(waiting.values()):
            break
        before = Counter(run.firm for run in going)
        taken = await take(services, most=slots - len(going))
        served = Counter(run.firm for run in taken)
        passed = [firm for firm, count in waiting.items() if count and not before[firm] and not served[firm]]
        for firm, count in served.items():
            assert not passed or (before[firm], count) == (0, 1), "a firm had a second run while another had none"
            assert all(last[other] >= last[firm] for other in passed), "one that had waited longer was passed over"
            last[firm] = turn
            waiting[firm] -= count
        going += taken
        ended = [run for run in going if chance.random() < 0.5] or going[:1]
        await finish(services, ended)
        going = [run for run in going if run not in ended]


@given(firm_most=st.integers(1, 4), lapsing=st.booleans())
@settings(DATABASE, max_examples=8)
async def test_racing_workers_never_share_a_run_nor_exceed_what_a_firm_may_have(
    services: Services, firm_most: int, lapsing: bool
) -> None:
    await clear(services)
    queues = dict(zip(await add_firms(services, 3), (9, 2, 5), strict=True))
    for firm, count in queues.items():
        await queue(services, firm, resources(count))
    left = sum(queues.values())
    holders: defaultdict[int, set[str]] = defaultdict(set)

    async def worker(name: str) -> list[runs.Run]:
        mine = []
        for _ in range(3):
            taken = await take(services, most=2, firm_most=firm_most, owner=name)
            for run in taken:
                holders[run.id].add(name)
            mine += taken
        return mine

    while left:
        taken = [run for mine in await asyncio.gather(*(worker(f"w{number}") for number in range(6))) for run in mine]
        assert all(len(names) == 1 for names in holders.values())
        going = await services.database.pool.fetch(
            "SELECT firm, count(*) FROM sync_run WHERE state = 'running' GROUP BY firm"
        )
        assert {row["firm"] for row in going} == {run.firm for run in taken}
        assert max(row["count"] for row in going) <= firm_most
        if lapsing:
            await services.database.pool.execute(
                "UPDATE sync_run SET lease_until = now() - interval '1 second' WHERE state = 'running'"
            )
            holders.clear()
            again = await asyncio.gather(*(worker(f"w{number}") for number in range(6)))
            assert sorted(run.id for mine in again for run in mine) == sorted(run.id for run in taken)
        left -= len(taken)
        holders.clear()
        await finish(services, taken)


async def test_one_run_that_many_ask_for_by_number_goes_to_one(services: Services) -> None:
    [firm] = await add_firms(services, 1)
    [run] = await queue(services, firm, ["contact"])
    taken = await asyncio.gather(
        *(runs.take_up(services.database, run, owner=f"w{number}", lease_s=60, firm_most=2) for number in range(20))
    )
    assert len([each for each in taken if each is not None]) == 1


async def test_a_claim_counts_what_another_one_is_about_to_have_taken(services: Services) -> None:
    """Whatever the two take: the second begins when the first is committed."""
    [firm] = await add_firms(services, 1)
    first, second = await queue(services, firm, resources(2))
    async with services.database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", TAKE_LOCK)
        assert len(await connection.fetch(TAKE, first, "one", 60.0, 1, 1, True)) == 1
        claim = asyncio.create_task(runs.take_up(services.database, second, owner="two", lease_s=60, firm_most=1))
        done, _ = await asyncio.wait([claim], timeout=0.5)
        assert not done
    assert await claim is None


async def test_naming_a_run_does_not_pass_the_guard(services: Services) -> None:
    [firm] = await add_firms(services, 1)
    first, second, third = await queue(services, firm, resources(3))

    async def take_up(run: int) -> bool:
        return await runs.take_up(services.database, run, owner="w", lease_s=60, firm_most=2) is not None

    assert [await take_up(run) for run in (first, second, third)] == [True, True, False]


async def test_bulk_leaves_a_place_for_what_is_short(services: Services) -> None:
    [firm] = await add_firms(services, 1)
    await queue(services, firm, resources(4), kind="backfill")
    assert [run.kind for run in await take(services, most=8, firm_most=3)] == ["backfill", "backfill"]
    await queue(services, firm, resources(2))
    assert [run.kind for run in await take(services, most=8, firm_most=3)] == ["incremental"]
    assert await take(services, most=8, firm_most=3) == []


async def test_the_bulk_of_many_firms_leaves_a_slot_for_what_is_short(services: Services) -> None:
    *many, last = await add_firms(services, 8)
    for firm in many:
        await queue(services, firm, resources(2), kind="reconcile")
    await queue(services, last, resources(2))
    await services.database.pool.execute("UPDATE firm SET turn_at = now() WHERE id = $1", last)
    taken = await take(services, most=4, most_bulk=3)
    assert Counter(run.kind for run in taken) == {"reconcile": 3, "incremental": 1}
    assert [run.kind for run in await take(services, most=4, most_bulk=0)] == ["incremental"]
    assert await take(services, most=4, most_bulk=0) == []


async def test_what_is_short_goes_first_but_starves_nothing(services: Services) -> None:
    [firm] = await add_firms(services, 1)
    await queue(services, firm, ["contact"], kind="reconcile")
    await queue(services, firm, ["matter"])
    assert [run.kind for run in await take(services, most=1, firm_most=1)] == ["incremental"]
    await services.database.pool.execute("UPDATE sync_run SET state = 'queued'")
    await services.database.pool.execute(
        "UPDATE sync_run SET not_before_at = now() - interval '2 minutes' WHERE kind = 'reconcile'"
    )
    assert [run.kind for run in await take(services, most=1, firm_most=1)] == ["reconcile"]


@pytest.mark.parametrize("held", ["cancelled", "waiting", "leased"])
async def test_what_is_not_due_is_left(services: Services, held: str) -> None:
    [firm] = await add_firms(services, 1)
    await queue(services, firm, ["contact"])
    change = {
        "cancelled": "cancel_requested = true",
        "waiting": "not_before_at = now() + interval '1 minute'",
        "leased": "state = 'running', lease_owner = 'other', lease_until = now() + interval '1 minute'",
    }[held]
    await services.database.pool.execute(f"UPDATE sync_run SET {change}")
    assert await take(services, most=4) == []
