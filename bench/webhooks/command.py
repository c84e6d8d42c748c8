"""`python -m bench webhooks`: acknowledged deliveries a second, ours durable in PostgreSQL, beside other receivers.

Each delivery is 1 KB, signed, and about another record. All receivers are measured in turn within each round, and
afterwards what arrived is counted: one delivery that is not there ends the run.
"""

import argparse
import asyncio
import base64
import multiprocessing
import os
import platform
import secrets
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import redis.asyncio

from bench.graphql import cpu
from bench.graphql.load import Outcome
from bench.webhooks.load import Deliveries, flood, offer
from bench.webhooks.servers import Plan, Receiver, plans, running, taken
from core.embedded.servers import EmbeddedServers
from core.loading import load_plugins
from core.process import migrate_all
from core.services import Services
from core.settings import load_settings
from core.webhooks.endpoints import insert_endpoint, own_secret, read_endpoint
from core.webhooks.states import move

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- figures of `python -m bench webhooks --publish` -->", "<!-- end of the figures of webhooks -->"
CONNECTIONS = 32
OFFERED = 500
FIRM = 1


@dataclass
class Found:
    """What one receiver did: an outcome for each round, and the one at a fixed rate."""

    plan: Plan
    rounds: list[Outcome] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    offered: Outcome | None = None
    arrived: int = 0

    @property
    def per_second(self) -> float:
        """Acknowledged deliveries a second, the median of the rounds."""
        return statistics.median(outcome.per_second for outcome in self.rounds)

    def ratio(self, other: "Found") -> float:
        """Return the median of the rounds' own ratios."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median(mine.per_second / theirs.per_second for mine, theirs in pairs)


@dataclass(frozen=True)
class Stage:
    """Where it is measured: the endpoint, and what to count in."""

    key: str
    secret: str
    database: asyncpg.Connection
    redis: "redis.asyncio.Redis"
    postmaster: int
    redis_pid: int
    executor: Executor


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say; 2 for arguments that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m bench webhooks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load for each receiver and round")
    parser.add_argument("--rounds", type=int, default=5, help="that count; one more warms up")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="receivers, comma separated")
    parser.add_argument("--publish", action="store_true", help="put the table into docs/performance.md")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    lines = list(report(asyncio.run(_run(options)), options))
    print("\n".join(lines))
    if options.publish:
        publish(lines)
    return 0


def publish(lines: Sequence[str], page: Path = PAGE) -> None:
    """Replace what stands between the marks of the page; ValueError where it has lost them."""
    text = page.read_text(encoding="utf-8")
    start, stop = text.index(BEGIN) + len(BEGIN), text.index(END)
    page.write_text(f"{text[:start]}\n" + "\n".join(lines) + f"\n\n{text[stop:]}", encoding="utf-8")


def report(found: Sequence[Found], options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of a table, Markdown."""
    base = next((one for one in found if one.plan.name == "express"), None)
    yield (
        f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}; {options.rounds} rounds of "
        f"{options.seconds:g} s, {CONNECTIONS} connections; {OFFERED} a second offered for {options.seconds * 2:g} s."
    )
    yield ""
    yield "| receiver | acks/s | p50 / p99 ms | x Express | p99 ms at 500/s | CPU us, databases included | arrived |"
    yield "|---|---|---|---|---|---|---|"
    for one in found:
        p50, p99 = (statistics.median(getattr(each, name) for each in one.rounds) for name in ("p50_s", "p99_s"))
        ratio = f"{one.ratio(base):.2f}" if base else ""
        late = f"{one.offered.p99_s * 1e3:.1f}" if one.offered else ""
        yield (
            f"| {one.plan.title} | {one.per_second:,.0f} | {p50 * 1e3:.1f} / {p99 * 1e3:.1f} | {ratio} | {late} "
            f"| {statistics.median(one.cpu_us):.0f} | all {one.arrived:,} |"
        )


async def _run(options: argparse.Namespace) -> list[Found]:
    with tempfile.TemporaryDirectory() as folder:
        # As Redis comes: the peers need not wait for its disk, and ours does not write there.
        async with (
            EmbeddedServers(Path(folder) / "servers", appendfsync="everysec") as embedded,
            AsyncExitStack() as stack,
        ):
            service = _environment(embedded)
            key, secret = await _prepare(service)
            database = await asyncpg.connect(embedded.database_url)
            stack.push_async_callback(database.close)
            client = redis.asyncio.Redis.from_url(embedded.redis_url)
            stack.push_async_callback(client.aclose)
            wanted = plans(service, embedded.redis_url, secret)
            wanted = [plan for plan in wanted if not options.only or plan.name in options.only]
            receivers = [await stack.enter_async_context(running(plan, Path(folder))) for plan in wanted]
            # Not in the stack: the client must be gone before the servers are.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
                stage = Stage(
                    key, secret, database, client, embedded.pids["postgres"], embedded.pids["redis"], executor
                )
                return await _measure(stage, receivers, options)


async def _measure(stage: Stage, receivers: Sequence[Receiver], options: argparse.Namespace) -> list[Found]:
    found = {receiver.plan.name: Found(receiver.plan) for receiver in receivers}
    next_record = 1
    for number in range(options.rounds + 1):
        order = [*receivers[number % len(receivers) :], *receivers[: number % len(receivers)]]
        for receiver in order:
            outcome, cost = await _load(stage, receiver, next_record, options.seconds, None)
            next_record += outcome.answers
            one = found[receiver.plan.name]
            one.arrived += outcome.answers
            if number:
                one.rounds.append(outcome)
                one.cpu_us.append(cost)
        print(f"webhooks: {f'round {number} of {options.rounds}' if number else 'warm-up'} done", flush=True)
    for receiver in receivers:
        outcome, _ = await _load(stage, receiver, next_record, options.seconds * 2, OFFERED)
        next_record += outcome.answers
        found[receiver.plan.name].offered = outcome
        found[receiver.plan.name].arrived += outcome.answers
    return list(found.values())


async def _load(
    stage: Stage, receiver: Receiver, first: int, seconds: float, per_second: int | None
) -> tuple[Outcome, float]:
    """Return what the client saw, and microseconds of CPU for each delivery; RuntimeError where one did not arrive."""
    work = Deliveries(receiver.port, stage.key, stage.secret, first, CONNECTIONS, seconds)
    before = _spent_s(stage, receiver)
    loop = asyncio.get_running_loop()
    if per_second is None:
        outcome = await loop.run_in_executor(stage.executor, flood, work)
    else:
        outcome = await loop.run_in_executor(stage.executor, offer, work, per_second)
    after = _spent_s(stage, receiver)
    arrived = await taken(receiver.plan, stage.database, stage.redis, first, first + outcome.answers - 1)
    if arrived != outcome.answers:
        raise RuntimeError(f"{receiver.plan.title} acknowledged {outcome.answers} deliveries and has {arrived}")
    return outcome, 1e6 * (after - before) / outcome.answers


def _spent_s(stage: Stage, receiver: Receiver) -> float:
    """Return the CPU that the receiver, PostgreSQL and Redis have taken so far; 0 where there is no /proc."""
    receiver_and_postgresql = cpu.spent_s(receiver.pid, parent_of=stage.postmaster)
    redis_alone = cpu.spent_s(stage.redis_pid, parent_of=0)
    return sum(receiver_and_postgresql or ()) + (redis_alone or (0.0,))[0]


def _environment(embedded: EmbeddedServers) -> dict[str, str]:
    return {
        "DATABASE_URL": embedded.database_url,
        "REDIS_URL": embedded.redis_url,
        "CLIO_CLIENT_ID": "bench",
        "CLIO_CLIENT_SECRET": secrets.token_urlsafe(16),
        "JWT_SECRET": secrets.token_hex(32),
        "ENCRYPTION_KEYS": f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "LOG_LEVEL": "warning",
    }


async def _prepare(service: dict[str, str]) -> tuple[str, str]:
    """Make an endpoint; return its key and its secret."""
    services = Services(load_settings(service), load_plugins())
    async with services.open():
        await migrate_all(services)
        endpoint = await insert_endpoint(
            services.database,
            services.cipher,
            firm=FIRM,
            resource="contact",
            model="contact",
            events=["updated"],
            fields="id",
        )
        await move(services.database.pool, endpoint, "enabled")
        row = await read_endpoint(services.database, endpoint)
        secret = own_secret(services.cipher, row) if row is not None else None
    if row is None or secret is None:
        raise RuntimeError("the endpoint of the benchmark is not there")
    return row["endpoint_key"], secret
