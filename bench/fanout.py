"""Live updates to many: one update a second to thousands of sockets of one process, with the clients in another."""

import asyncio
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from core.auth.tokens import mint
from core.embedded.child import end, spawn
from core.embedded.servers import EmbeddedServers
from core.loading import load_plugins
from core.metrics.adding import add_hashes
from core.metrics.epochs import read_epoch
from core.metrics.figures import Figures
from core.metrics.keys import spread
from core.metrics.rebuild import rebuild
from core.process import migrate_all
from core.services import Services
from core.settings import Settings, load_settings
from core.sync.progress import publish_progress

SUBSCRIBERS = 2_000
MINUTES, PEER_MINUTES = 1.0, 0.5
SETTLE_S = 2.0
DOCUMENTS = {
    "syncProgress": "subscription { syncProgress { id resource state progress recordsSeen pages } }",
    "webhookMetrics": "subscription { webhookMetrics(intervalS: 0.5) "
    "{ totals { recordsSeen: bodyBytes pages: received successRate } byModel { model figures { received } } } }",
}
"""What is asked of each topic. `recordsSeen` carries when an update was made, and `pages` its number."""

TOPIC = "syncProgress"

SERVICE = "import sys; from core.cli import main; sys.argv = ['clio-service', 'serve']; main()"


async def measure(minutes: float = MINUTES, topic: str = TOPIC) -> None:
    """Print what one message costs the server, how late it is, and whether any was lost; then the same of its peers.

    The peers know sync progress alone.
    """
    async with servers() as (services, environment):
        await _measure("clio-service", [sys.executable, "-c", SERVICE], services, environment, minutes, topic)
        for peer in ("limit", "stock") if topic == TOPIC else ():
            # Strawberry's controller relies on what Litestar is about to drop, and Litestar says so a dozen times.
            argv = [sys.executable, "-W", "ignore", "-m", "bench.fanout_peers", peer]
            await _measure(peer, argv, services, environment, PEER_MINUTES)


@asynccontextmanager
async def servers() -> AsyncIterator[tuple[Services, Mapping[str, str]]]:
    """Yield open services on servers of their own, and the environment of a service that uses the same."""
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedServers(Path(folder) / "servers") as servers:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            environment = {
                "DATABASE_URL": servers.database_url,
                "REDIS_URL": servers.redis_url,
                "PORT": str(port),
                "CLIO_CLIENT_ID": "bench",
                "CLIO_CLIENT_SECRET": secrets.token_hex(8),
                "JWT_SECRET": secrets.token_hex(32),
                "ENCRYPTION_KEYS": f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}",
                "LOG_LEVEL": "error",
            }
            services = Services(load_settings(environment), load_plugins())
            async with services.open():
                await migrate_all(services)
                yield services, environment


async def _measure(
    name: str, argv: list[str], services: Services, environment: Mapping[str, str], minutes: float, topic: str = TOPIC
) -> None:
    server = spawn(argv, env={**os.environ, **environment})
    try:
        await answers(services.settings)
        run = await services.database.pool.fetchval(
            "INSERT INTO sync_run (firm, resource, kind, state, records_total) "
            "VALUES (1, 'contact', 'backfill', 'running', 2147483647) RETURNING id"
        )
        counted = _Counted(services)
        if topic != TOPIC:
            await rebuild(services)
            await counted.update(0)
        clients = await _clients(services.settings, DOCUMENTS[topic])
        before, started = cpu_s_of(server.pid), time.monotonic()
        resident_mb = [resident_mb_of(server.pid)]
        updates = 0
        while time.monotonic() - started < minutes * 60:
            updates += 1
            await (_update(services, run, updates) if topic == TOPIC else counted.update(updates))
            await asyncio.sleep(max(0.0, started + updates - time.monotonic()))
            if updates % 10 == 0:
                resident_mb.append(resident_mb_of(server.pid))
        await asyncio.sleep(SETTLE_S)
        cpu_s = cpu_s_of(server.pid) - before
        heard = await heard_of(clients)
        await services.database.pool.execute("UPDATE sync_run SET state = 'succeeded' WHERE id = $1", run)
    finally:
        await end(server)
    _report(name, heard, updates, cpu_s, resident_mb)


async def answers(settings: Settings) -> None:
    """Wait until the service answers."""
    transport = httpx.AsyncHTTPTransport(retries=10)
    async with httpx.AsyncClient(transport=transport, timeout=30) as patient:
        (await patient.get(f"http://127.0.0.1:{settings.port}/health/live")).raise_for_status()


async def _clients(settings: Settings, document: str) -> "subprocess.Popen[bytes]":
    """Start the clients, and return once every one of them is subscribed."""
    argv = [sys.executable, "-m", "bench.fanout_clients", str(settings.port), str(SUBSCRIBERS)]
    clients = spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr.fileno())
    token = mint(settings, subject="bench", firms=[1], scopes=["read"], ttl_s=86_400)
    if clients.stdin is not None and clients.stdout is not None:
        clients.stdin.write(f"{token}\n{document}\n".encode())
        clients.stdin.flush()
        await asyncio.to_thread(clients.stdout.readline)
    if clients.poll() is not None:
        raise RuntimeError("the clients could not connect: their own message says why")
    return clients


async def _update(services: Services, run: int, number: int) -> None:
    """Move the run on: `records_seen` carries the time, in milliseconds that fit an Int, and `pages` the number."""
    await services.database.pool.execute(
        "UPDATE sync_run SET records_seen = $2, pages = $3 WHERE id = $1",
        *(run, _now_ms(), number),
    )
    await publish_progress(services.redis, firm=1, run=run)


class _Counted:
    """Webhook metrics that move: one delivery an update, and so many bytes that their sum is the time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ms = 0

    async def update(self, number: int) -> None:
        """Count, and say when."""
        now, figures = _now_ms(), Figures()
        figures.received, figures.body_bytes, self._ms = int(number > 0), now - self._ms, now
        epoch = await read_epoch(self._services.redis)
        name = epoch.name if epoch else ""
        minute = int(time.time()) // 60
        hashes = spread({(1, "contact", "updated", None, minute): figures}, now=minute * 60, epoch=name)
        await add_hashes(self._services.redis, hashes, number=f"bench-{number}", epoch=name)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000 % 2**31


async def heard_of(clients: "subprocess.Popen[bytes]", said: str = "") -> dict[str, Any]:
    """End the clients' listening with what they wait for on stdin; return what they print."""
    out, _ = await asyncio.to_thread(clients.communicate, said.encode())
    heard: dict[str, Any] = json.loads(out)
    return heard


def cpu_s_of(pid: int) -> float:
    """Return what a process has computed so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb_of(pid: int) -> float:
    """Return what a process has in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _report(name: str, heard: dict[str, Any], updates: int, cpu_s: float, resident_mb: list[float]) -> None:
    delays = sorted((int(delay), times) for delay, times in heard["delays_ms"].items())
    updated = sum(times for _, times in delays)
    messages = updated + heard["repeated"]
    lost = sum(SUBSCRIBERS - times for times in heard["times"].values())
    print(
        f"fanout: {name}: {SUBSCRIBERS} subscribers, {updates} updates: {cpu_s / messages * 1e6:.1f} us CPU a message, "
        f"delay p50 {percentile(delays, 0.5)} ms, p99 {percentile(delays, 0.99)} ms, worst {delays[-1][0]} ms"
    )
    print(
        f"fanout: {name}: {lost} of {updated + lost} messages lost, {heard['disordered']} out of order, "
        f"{updates - len(heard['times'])} updates overtaken by the next before they were read, "
        f"{heard['closed']} connections closed; "
        f"resident MB: {resident_mb[0]:.0f} first, {max(resident_mb):.0f} at most, {resident_mb[-1]:.0f} last"
    )


def percentile(delays: list[tuple[int, int]], part: float) -> int:
    """Return the delay that so large a part did not exceed; of delays and how often each was, in order."""
    left = part * sum(times for _, times in delays)
    for delay, times in delays:
        left -= times
        if left <= 0:
            return delay
    return delays[-1][0]
