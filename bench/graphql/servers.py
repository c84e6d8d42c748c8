"""The servers that are compared, each one process: how it is started, asked and weighed."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import httpx

from bench.graphql import node
from bench.graphql.cases import WINDOW, Case, PlainWords, PostGraphileWords, Words
from bench.graphql.data import FIRST_MATTER
from core.embedded.child import end, spawn

READY_WITHIN_S = 60.0
PROBE_S = 0.02
GENERIC = "-generic"
"""Ends the name of a server that is asked for its generic read path; it shares its process with the other."""

_UVICORN = ("-m", "uvicorn", "--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning")
_PRODUCTION = {"NODE_ENV": "production", "GRAPHILE_ENV": "production"}


@dataclass(frozen=True)
class Plan:
    """How to start one server. `environment` is added to that of every server, `headers` to every request."""

    name: str
    title: str
    argv: Sequence[str]
    words: Words = field(default_factory=PlainWords)
    environment: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """A running server. `cursors[n]` is the cursor after matter n + 1; `start_s` ends with its first answer."""

    plan: Plan
    process: subprocess.Popen[bytes]
    port: int
    start_s: float
    idle_bytes: int
    cursors: list[str] = field(default_factory=list)

    def generic(self) -> "Server":
        """Return the same server, asked to answer resolver by resolver instead of with one statement."""
        plan = replace(
            self.plan,
            name=f"{self.plan.name}{GENERIC}",
            title=f"{self.plan.title}, generic",
            headers={**self.plan.headers, "X-Read-Path": "generic"},
        )
        return replace(self, plan=plan)

    async def ask(self, body: bytes) -> dict[str, Any]:
        """Return one answer, decoded."""
        async with httpx.AsyncClient(timeout=READY_WITHIN_S) as http:
            answer = await http.post(self.url, content=body, headers=self.headers)
        found: dict[str, Any] = answer.json()
        return found

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}{self.plan.words.path}"

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Content-Type": "application/json", **self.plan.headers}

    def requests(self, case: Case, positions: Sequence[int]) -> list[bytes]:
        """Return whole HTTP requests, ready to be sent."""
        lines = [f"POST {self.plan.words.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        head = "\r\n".join(lines)
        bodies = (self.plan.words.body(case, position, self.cursors) for position in positions)
        return [f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]


def plans(service: Mapping[str, str], token: str) -> list[Plan]:
    """Return every server that can be started here; `service` is the environment of our own.

    Prints a line for the peers that cannot.
    """
    ours = Plan(
        name="ours",
        title="clio-service",
        argv=[sys.executable, "-c", "from core.cli import main; main()", "serve"],
        words=Words(),
        environment=service,
        headers={"Authorization": f"Bearer {token}"},
    )
    limit = Plan(
        name="limit", title="limit: SQL by hand", argv=[sys.executable, *_UVICORN, "bench.graphql.peers.limit:app"]
    )
    strawberry = Plan(
        name="strawberry",
        title="Strawberry + dataloaders",
        argv=[sys.executable, *_UVICORN, "bench.graphql.peers.plain_strawberry:app"],
    )
    try:
        program = node.prepare()
    except node.NoNode as reason:
        print(f"graphql: left out: PostGraphile and Mercurius, which need Node and npm ({reason})")
        return [ours, limit, strawberry]
    return [
        ours,
        limit,
        Plan(
            name="postgraphile",
            title="PostGraphile 5",
            argv=[program, str(node.SCRIPTS / "postgraphile.mjs")],
            words=PostGraphileWords(),
            environment=_PRODUCTION,
        ),
        Plan(
            name="mercurius",
            title="Mercurius, jit",
            argv=[program, str(node.SCRIPTS / "mercurius.mjs")],
            environment=_PRODUCTION,
        ),
        strawberry,
    ]


@asynccontextmanager
async def running(plan: Plan, *, case: Case, database_url: str, logs: Path) -> AsyncIterator[Server]:
    """Start a server, wait for its first answer to `case`, collect its cursors; end it afterwards."""
    port = _free_port()
    environment = {**os.environ, **plan.environment, "DATABASE_URL": database_url, "PORT": str(port)}
    argv = [*plan.argv, "--port", str(port)] if "uvicorn" in plan.argv else list(plan.argv)
    log = (logs / f"{plan.name}.log").open("wb")
    started = time.perf_counter()
    process = spawn(argv, env=environment, stdout=log)
    try:
        server = Server(plan, process, port, 0.0, 0)
        await _first_answer(server, plan.words.body(case, 1, []), log)
        server.start_s = time.perf_counter() - started
        server.idle_bytes = resident_bytes(process.pid)
        server.cursors = await _cursors(server)
        yield server
    finally:
        await end(process)
        log.close()


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, shared pages included."""
    asked = [shutil.which("ps") or "ps", "-o", "rss=", "-p", str(pid)]
    return int(subprocess.run(asked, capture_output=True, check=True).stdout) * 1024  # noqa: S603 - a number


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _first_answer(server: Server, body: bytes, log: IO[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and server.process.poll() is None:
        if await _listens(server.port):
            answer = await server.ask(body)
            if not (answer.get("data") or {}).get("matter"):
                raise RuntimeError(f"{server.plan.title} does not answer as it should: {answer}")
            return
        await asyncio.sleep(PROBE_S)
    raise RuntimeError(f"{server.plan.title} did not start: {_tail(log)}")


def _tail(log: IO[bytes]) -> str:
    return Path(log.name).read_text(encoding="utf-8", errors="replace")[-2000:]


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def _cursors(server: Server) -> list[str]:
    text = server.plan.words.cursors_text()
    if text is None:
        return [str(FIRST_MATTER + number) for number in range(1, WINDOW + 1)]
    answer = await server.ask(httpx.Request("POST", server.url, json={"query": text}).content)
    return [edge["cursor"] for edge in answer["data"]["matters"]["edges"]]
