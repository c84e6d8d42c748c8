"""The receivers that are compared, each one process, and what each has taken."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import redis.asyncio

from bench.graphql import node
from core.embedded.child import end, spawn
from core.embedded.ports import free_port

PEERS = Path(__file__).parent / "peers"
SCRIPTS = node.FETCHED / "webhook-peers"
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Plan:
    """How to start one receiver; `environment` is added to that of every process."""

    name: str
    title: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Receiver:
    """One that runs."""

    plan: Plan
    port: int
    pid: int


def plans(service: Mapping[str, str], redis_url: str, secret: str) -> list[Plan]:
    """Return every receiver that can be started here; prints a line for those that cannot."""
    found = [
        Plan("ours", "clio-service", [sys.executable, "-c", "from core.cli import main; main()", "serve"], service)
    ]
    peer = {"REDIS_URL": redis_url, "WEBHOOK_SECRET": secret}
    uvicorn = ("-m", "uvicorn", "--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning")
    bare = [sys.executable, *uvicorn, "bench.webhooks.peers.bare:app"]
    try:
        program = node.prepare(PEERS, SCRIPTS)
    except node.NoNode as reason:
        print(f"webhooks: left out: Express and Fastify, which need Node and npm ({reason})")
        return [*found, Plan("bare", "bare ASGI + redis-py", bare, {**peer, "STREAM": "bench:bare"})]
    for name, title in (("express", "Express 5 + ioredis"), ("fastify", "Fastify + ioredis")):
        environment = {**peer, "STREAM": f"bench:{name}", "NODE_ENV": "production"}
        found.append(Plan(name, title, [program, str(SCRIPTS / f"{name}.mjs")], environment))
    return [*found, Plan("bare", "bare ASGI + redis-py", bare, {**peer, "STREAM": "bench:bare"})]


@asynccontextmanager
async def running(plan: Plan, logs: Path) -> AsyncIterator[Receiver]:
    """Start a receiver, wait until it listens; end it afterwards."""
    port = free_port()
    argv = [*plan.argv, "--port", str(port)] if "uvicorn" in plan.argv else list(plan.argv)
    with (logs / f"{plan.name}.log").open("wb") as log:
        process = spawn(argv, env={**os.environ, **plan.environment, "PORT": str(port)}, stdout=log)
        try:
            deadline = time.monotonic() + READY_WITHIN_S
            while not await _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{plan.title} did not start: {_said(log.name)}")
                await asyncio.sleep(0.05)
            yield Receiver(plan, port, process.pid)
        finally:
            await end(process)


async def taken(plan: Plan, database: asyncpg.Connection, client: "redis.asyncio.Redis", first: int, last: int) -> int:
    """Return how many of the deliveries about records `first` to `last` are there: rows of ours, entries of a peer."""
    if plan.name == "ours":
        rows: int = await database.fetchval(
            "SELECT count(DISTINCT record_clio_id) FROM webhook_delivery WHERE record_clio_id BETWEEN $1 AND $2",
            *(first, last),
        )
        return rows
    stream = plan.environment["STREAM"]
    entries = int(await client.xlen(stream))
    await client.delete(stream)
    return entries


def _said(log: str) -> str:
    return Path(log).read_text(encoding="utf-8", errors="replace")[-2000:]


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True
