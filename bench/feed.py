"""The feed of changes under many: writers whose transactions overlap, thousands of subscribers, a third come and go.

Each subscriber keeps a digest of all the cursors it heard, in order; it must be that of the table in commit order.
"""

import asyncio
import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import asyncpg

from bench.fanout import MINUTES, SERVICE, SUBSCRIBERS, answers, cpu_s_of, heard_of, percentile, resident_mb_of, servers
from core.auth.tokens import mint
from core.db.engine import Pool
from core.embedded.child import end, spawn
from core.settings import Settings
from schema.types.changes import feed_cursor_sql

WRITERS = 8
PAUSE_S = 1.2
"""Mean time between a writer's transactions; of one to three changes each, so 12 or 13 a second in all."""

ROLLED_BACK = 0.1

DOCUMENT = "subscription ($after: String) { changes(after: $after) { cursor clioId operation changedFields } }"

_INSERT = """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, after)
VALUES (1, 'contact', $1, 'updated', now(), 'webhook', '{"name": "Ines Moreau", "title": "Partner"}')"""


async def measure(minutes: float = MINUTES) -> None:
    """Print whether every subscriber heard every change once and in order, what it cost, and the memory it took."""
    async with servers() as (services, environment):
        server = spawn([sys.executable, "-c", SERVICE], env={**os.environ, **environment})
        try:
            await answers(services.settings)
            pool = services.database.pool
            await pool.execute(_INSERT, 0)
            begin = await _cursors(pool)
            clients = await _clients(services.settings, begin[-1])
            before, resident = cpu_s_of(server.pid), [resident_mb_of(server.pid)]
            await _write_all(environment["DATABASE_URL"], minutes, lambda: resident.append(resident_mb_of(server.pid)))
            cursors = await _cursors(pool)
            heard = await heard_of(clients, f"{cursors[-1]}\n")
            spent_s = cpu_s_of(server.pid) - before
        finally:
            await end(server)
    _report(cursors, heard, spent_s, resident)


async def _clients(settings: Settings, cursor: str) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-m", "bench.feed_clients", str(settings.port), str(SUBSCRIBERS)]
    clients = spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr.fileno())
    token = mint(settings, subject="bench", firms=[1], scopes=["read"], ttl_s=86_400)
    if clients.stdin is not None and clients.stdout is not None:
        clients.stdin.write(f"{token}\n{DOCUMENT}\n{cursor}\n".encode())
        clients.stdin.flush()
        await asyncio.to_thread(clients.stdout.readline)
    return clients


async def _write_all(url: str, minutes: float, look: Callable[[], None]) -> None:
    stop_at = time.monotonic() + minutes * 60
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(_write(url, writer, stop_at))
        while time.monotonic() < stop_at:
            await asyncio.sleep(5)
            look()


async def _write(url: str, writer: int, stop_at: float) -> None:
    """Write in transactions that stay open for a while, each over a connection of the writer's own."""
    chance = random.Random(writer)  # noqa: S311 - a schedule, not a secret
    connection = await asyncpg.connect(url)
    try:
        while time.monotonic() < stop_at:
            await asyncio.sleep(chance.uniform(0, 2 * PAUSE_S))
            transaction = connection.transaction()
            await transaction.start()
            for _ in range(chance.randint(1, 3)):
                await connection.execute(_INSERT, time.monotonic_ns() // 1_000_000)
                await asyncio.sleep(chance.uniform(0, 0.02))
            await (transaction.rollback() if chance.random() < ROLLED_BACK else transaction.commit())
    finally:
        await connection.close()


async def _cursors(pool: Pool) -> list[str]:
    """Return every change's cursor, in commit order."""
    rows = await pool.fetch(
        f"SELECT {feed_cursor_sql('t')} AS cursor FROM change AS t WHERE firm = 1 ORDER BY committed_in, id"
    )
    return [row["cursor"] for row in rows]


def _report(cursors: list[str], heard: dict[str, Any], spent_s: float, resident: list[float]) -> None:
    chain = hashlib.sha256("".join(cursors).encode()).hexdigest()
    whole = heard["chains"].get(chain, 0)
    messages = sum(int(count) * times for count, times in heard["counts"].items())
    delays = sorted((int(delay), times) for delay, times in heard["delays_ms"].items())
    print(
        f"feed: {len(cursors) - 1} changes of {WRITERS} writers, {SUBSCRIBERS} subscribers, {heard['resumed']} "
        f"resumptions by cursor: {whole} heard every change once and in order, {SUBSCRIBERS - whole} did not; "
        f"refused: {heard['refusals'] or 'none'}, {heard['failed']} failed to connect"
    )
    print(
        f"feed: {messages:,} messages, {spent_s / messages * 1e6:.1f} us CPU each; delay from the write, whose "
        f"transaction stays open up to 60 ms, p50 {percentile(delays, 0.5)} ms, p99 {percentile(delays, 0.99)} ms; "
        f"resident MB in the course of it: {', '.join(f'{each:.0f}' for each in resident[:: len(resident) // 10 or 1])}"
    )
