"""Whatever writers, sealers, purges and holds do, at once or in any order: every chain verifies, nothing is lost."""

import asyncio
import contextlib
import dataclasses
import datetime
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.history import holds, partitions, retention, sealing
from core.history.export import Exported, Wanted, export_lines
from core.history.files import verify_lines
from core.history.keys import SealKeys
from tests.history.past import ONE, TWO, Past, months_ago

MONTHS = 4
KEEP_DAYS = 45

INSERT = """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, after, recorded_at)
    VALUES ($1, 'contact', 1, 'updated', now(), 'webhook', '{"name": "A"}', $2) RETURNING id"""

Step = tuple[str, int, int]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 2), st.integers(0, 7)),
        st.tuples(st.sampled_from(["commit", "rollback"]), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("seal"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("purge"), st.integers(1, 3), st.just(0)),
        st.tuples(st.sampled_from(["hold", "release"]), st.sampled_from([ONE, TWO]), st.just(0)),
    ),
    max_size=40,
)


@dataclass
class World:
    """Three writers with transactions of their own, and what must be there."""

    past: Past
    writers: list[Any]
    open: dict[int, Any] = field(default_factory=dict)
    pending: dict[int, list[tuple[int, int, datetime.datetime]]] = field(default_factory=dict)
    committed: dict[int, tuple[int, datetime.datetime]] = field(default_factory=dict)
    held: dict[int, list[int]] = field(default_factory=lambda: {ONE: [], TWO: []})

    async def step(self, step: Step) -> None:
        """Do one thing."""
        match step:
            case ("write", writer, choice):
                await self.write(writer, (ONE, TWO)[choice % 2], months_ago(choice // 2))
            case ("commit" | "rollback" as how, writer, _):
                await self.end(writer, how)
            case ("seal", window, _):
                await sealing.seal_all(self.past.services, window=window, turn_s=0)
            case ("purge", batch, _):
                await self.purge(batch)
            case ("hold", firm, _):
                number = await holds.place_hold(self.past.services, firm, reason="x", by="y")
                self.held[firm].append(number)
            case ("release", firm, _) if self.held[firm]:
                await holds.release_hold(self.past.services, self.held[firm].pop(), reason="x", by="y")

    async def write(self, writer: int, firm: int, at: datetime.datetime) -> None:
        if writer not in self.open:
            self.open[writer] = self.writers[writer].transaction()
            await self.open[writer].start()
        number = await self.writers[writer].fetchval(INSERT, firm, at)
        self.pending.setdefault(writer, []).append((number, firm, at))

    async def end(self, writer: int, how: str) -> None:
        if writer in self.open:
            await getattr(self.open.pop(writer), how)()
            made = self.pending.pop(writer)
            if how == "commit":
                self.committed |= {number: (firm, at) for number, firm, at in made}

    async def purge(self, batch: int) -> None:
        """Purge; what is held is there before and after."""
        held = [firm for firm in (ONE, TWO) if self.held[firm]]
        before = [await self.past.changes(firm) for firm in held]
        await retention.purge(self.past.services, keep_days=KEEP_DAYS, reason="test", batch=batch)
        assert [await self.past.changes(firm) for firm in held] == before

    async def check(self) -> None:
        """Every chain verifies, in the database and from a file; and what had to stay is there."""
        there = {row["id"] for firm in (ONE, TWO) for row in await self.past.changes(firm)}
        assert there <= set(self.committed)
        cutoff = retention.cutoff(KEEP_DAYS, datetime.datetime.now(datetime.UTC))
        must = {number for number, (_, at) in self.committed.items() if at >= cutoff}
        assert must <= there
        for firm in (ONE, TWO):
            verdict = await self.past.verify(firm)
            assert verdict.breaks == ()
            lines = [line.encode() async for line in export_lines(self.past.services, Wanted(firm=firm), Exported())]
            of_file = verify_lines(lines, keys=SealKeys.of(self.past.services.settings))
            # What was committed beside a transaction that is open is there, and not settled yet: no file has it.
            assert of_file.unsealed <= verdict.unsealed
            assert of_file.unsealed == verdict.unsealed or self.open
            assert dataclasses.replace(of_file, unsealed=verdict.unsealed) == verdict


async def reset(past: Past) -> None:
    """Begin anew, with a partition for every month; positions go on."""
    if await past.pool.fetchval("SELECT to_regclass($1) IS NULL", f"change_{months_ago(MONTHS):%Y_%m}"):
        await past.pool.execute("DELETE FROM change")
        await past.pool.execute(f"DROP TABLE IF EXISTS change_{months_ago(0):%Y_%m}")
    await past.pool.execute("DELETE FROM change; DELETE FROM history_seal; DELETE FROM legal_hold")
    await past.pool.execute("UPDATE firm SET history_from_at = NULL")
    await past.pool.execute(
        "SELECT add_change_partition((date_trunc('month', now() AT TIME ZONE 'UTC')"
        " - make_interval(months => n))::date) FROM generate_series(0, $1::int) AS n",
        MONTHS,
    )


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers that are open hold the partitions: do not wait for them."""
    monkeypatch.setattr(partitions, "LOCK_S", 0.02)


@example(steps=[("write", 1, 0), ("write", 0, 0), ("commit", 0, 0)])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_any_order_of_writers_sealers_holds_and_purges_verifies(
    past: Past, database_url: str, steps: list[Step]
) -> None:
    await reset(past)
    async with contextlib.AsyncExitStack() as stack:
        writers = []
        for _ in range(3):
            writers.append(await asyncpg.connect(database_url))
            stack.push_async_callback(writers[-1].close)
        world = World(past, writers)
        for step in steps:
            await world.step(step)
        await world.check()
        for writer in range(3):
            await world.end(writer, "commit")
        await world.step(("seal", 3, 0))
        await world.check()
        for firm in (ONE, TWO):
            verdict = await past.verify(firm)
            assert verdict.unsealed == 0


async def write_for_a_while(url: str, writer: int) -> None:
    """Write changes of both firms and many months in transactions that overlap with others, and are often undone."""
    chance = random.Random(writer)  # noqa: S311 - a schedule, not a secret
    connection = await asyncpg.connect(url)
    for _ in range(40):
        transaction = connection.transaction()
        await transaction.start()
        for _ in range(chance.randint(1, 4)):
            await connection.execute(INSERT, chance.choice((ONE, TWO)), months_ago(chance.choice((0, 0, 1, 3, 4))))
            await asyncio.sleep(chance.random() * 0.01)
        await (transaction.rollback() if chance.random() < 0.2 else transaction.commit())
    await connection.close()


async def seal_some(past: Past) -> None:
    await sealing.seal(past.services, window=17, turn_s=0)


async def purge_some(past: Past) -> None:
    await retention.purge(past.services, keep_days=KEEP_DAYS, reason="test", batch=5)


async def verify_both(past: Past) -> None:
    for firm in (ONE, TWO):
        assert (await past.verify(firm)).breaks == ()


async def test_writers_sealers_and_purges_at_once(past: Past, database_url: str) -> None:
    await past.by_month(MONTHS)
    done = asyncio.Event()

    async def repeat(work: Callable[[Past], Awaitable[None]]) -> None:
        while not done.is_set():
            await work(past)

    others = [asyncio.create_task(repeat(work)) for work in (seal_some, seal_some, purge_some, verify_both)]
    await asyncio.gather(*(write_for_a_while(database_url, writer) for writer in range(6)))
    done.set()
    await asyncio.gather(*others)
    await past.seal()
    await purge_some(past)
    for firm in (ONE, TWO):
        verdict = await past.verify(firm)
        assert (verdict.breaks, verdict.unsealed) == ((), 0)
        assert verdict.changes > 0
