"""The stage: one small firm at a mock Clio, the servers, the API and two workers, each a process that can be killed.

Clio reaches the API through a wire that can be torn. Everything is made anew for each seed, in a folder of its own.
"""

import base64
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from core.auth.tokens import mint
from core.db.engine import Database
from core.embedded.processes import is_running
from core.embedded.servers import EmbeddedServers
from core.settings import load_settings
from core.testing.driving import CALLBACK, CLIENT_ID, CLIENT_SECRET, approve_redirect, until
from core.testing.stack import free_port
from tests.chaos.children import OURS, Child
from tests.chaos.wire import Wire

FIRM = {"--users": 4, "--contacts": 50, "--matters": 40, "--documents": 50, "--activities": 60}
RATE_LIMIT = 600
RETRY_FACTOR = 0.004
"""Clio's first retry after half a second and its last after eight; ours of deliveries and runs as much sooner."""

SWITCHES = {"suspend_after_seconds": None, "delivery_timeout": 3.0}
"""Nothing is suspended, so that timers which wait at the mock are deliveries; a frozen API costs seconds, not ten."""

WORKERS = ("worker-1", "worker-2")
"""Two, so that there is always one to take over what another holds, and one that comes back late."""

STARTED_WITHIN_S = 60.0


@dataclass(kw_only=True)
class Stage:
    """What the actors of a storm work with."""

    folder: Path
    servers: EmbeddedServers
    wire: Wire
    children: Mapping[str, Child]
    api_url: str
    http: httpx.AsyncClient
    control: httpx.AsyncClient
    database: Database
    token: str
    seen_pids: set[int]

    def kill(self, name: str) -> bool:
        """Kill a process with -9; False where it was down already."""
        if name in self.children:
            return self.children[name].signal(signal.SIGKILL)
        pid = self.servers.pids.get(name)
        if pid is None:
            return False
        self.seen_pids.add(pid)
        os.kill(pid, signal.SIGKILL)
        return True

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call the mock's control interface."""
        return await self.control.request(method, path, json=body)

    async def mock(self, method: str, path: str, body: Any = None) -> Any:
        """Call the mock's control interface; return the decoded answer, which must be a good one."""
        answer = await self.call(method, path, body)
        assert answer.is_success, answer.text
        return answer.json()

    async def query(self, document: str, **variables: object) -> dict[str, Any]:
        """Run a GraphQL document; return its data."""
        answer = await self.http.post(
            f"{self.api_url}/graphql",
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        body = answer.json()
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    async def is_ready(self) -> bool:
        """Whether the API and all that it needs answer."""
        try:
            return (await self.http.get(f"{self.api_url}/health/ready")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def is_alive(self) -> bool:
        """Whether the API answers at all, whatever it needs."""
        try:
            return (await self.http.get(f"{self.api_url}/health/live", timeout=1)).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def connect(self) -> None:
        """Connect the firm as a person would, and wait until its mirror stands still."""
        data = await self.query("mutation { connectFirm(region: US) { authorizeUrl errors { code message } } }")
        assert data["connectFirm"]["authorizeUrl"], data
        page = await self.http.get(await approve_redirect(data["connectFirm"]["authorizeUrl"]))
        assert page.status_code == httpx.codes.OK, page.text
        await until(self.has_caught_up, timeout_s=60)
        await until(self.is_quiet, timeout_s=60)

    async def has_caught_up(self) -> bool:
        """Whether every backfill, and the incremental run that follows it, is done."""
        return bool(
            await self.database.pool.fetchval(
                """SELECT bool_and(EXISTS (
                       SELECT FROM sync_run AS later WHERE later.resource = run.resource
                       AND later.kind = 'incremental' AND later.state = 'succeeded'
                   )) FROM sync_run AS run"""
            )
        )

    async def is_quiet(self) -> bool:
        """Whether nothing is queued, running or waiting."""
        return not await self.database.pool.fetchval(
            """SELECT EXISTS (SELECT FROM sync_run WHERE finished_at IS NULL AND not_before_at <= now())
                   OR EXISTS (SELECT FROM webhook_delivery WHERE status NOT IN ('processed', 'dead'))"""
        )

    def left_behind(self) -> list[str]:
        """Return the processes that still run after the stage was left."""
        numbered = {f"{child.name} {pid}" for child in self.children.values() for pid in child.pids if is_running(pid)}
        numbered |= {f"server {pid}" for pid in self.seen_pids if is_running(pid)}
        return sorted(numbered)

    def log_tails(self, lines: int = 15) -> str:
        """Return the ends of the logs of the service's processes, without what is only news."""
        parts = []
        for child in self.children.values():
            text = child.log.read_text(encoding="utf-8", errors="replace") if child.log.exists() else ""
            wanted = [line[:300] for line in text.splitlines() if '"level": "info"' not in line]
            tail = "\n".join(wanted[-lines:])
            parts.append(f"--- {child.name} (ends: {child.ends}), {child.log}\n{tail}")
        return "\n".join(parts)


@asynccontextmanager
async def open_stage(folder: Path, seed: int, *, poll_factor: float) -> AsyncIterator[Stage]:
    """Start everything, connect the firm and backfill it; end everything afterwards."""
    api_port, mock_port = free_port(), free_port()
    api_url, mock_url = f"http://127.0.0.1:{api_port}", f"http://127.0.0.1:{mock_port}"
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(EmbeddedServers(folder / "servers"))
        wire = await stack.enter_async_context(Wire(api_port))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        control = await stack.enter_async_context(
            httpx.AsyncClient(timeout=60, base_url=f"{mock_url}/__mock__/", trust_env=False)
        )
        environment = _service(servers, api_port, wire, mock_url, poll_factor)
        settings = load_settings(environment)
        children = _children(folder, seed, environment, wire, mock_port)
        database = Database(servers.database_url, pool_size=2)
        stage = Stage(
            folder=folder,
            servers=servers,
            wire=wire,
            children=children,
            api_url=api_url,
            http=http,
            control=control,
            database=database,
            token=mint(
                settings, subject="chaos", firms=None, scopes=frozenset({"read", "write", "admin"}), ttl_s=86_400
            ),
            seen_pids=set(servers.pids.values()),
        )
        for child in children.values():
            stack.push_async_callback(child.stop)
        await database.open()
        stack.push_async_callback(database.close)
        await _start(stage)
        await stage.connect()
        yield stage
        stage.seen_pids.update(servers.pids.values())


async def _start(stage: Stage) -> None:
    async def mock_answers() -> bool:
        try:
            await stage.mock("PATCH", "switches", SWITCHES)
        except httpx.TransportError:
            return False
        return True

    for child in stage.children.values():
        child.start()
    await until(mock_answers, timeout_s=STARTED_WITHIN_S)
    await until(stage.is_ready, timeout_s=STARTED_WITHIN_S)


def _service(servers: EmbeddedServers, port: int, wire: Wire, mock_url: str, poll_factor: float) -> dict[str, str]:
    """Return the settings of the API and the worker, all times shortened."""
    return {
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{wire.port}",
        "CLIO_CLIENT_ID": CLIENT_ID,
        "CLIO_CLIENT_SECRET": CLIENT_SECRET,
        "CLIO_BASE_URL": mock_url,
        "JWT_SECRET": secrets.token_hex(32),
        "ENCRYPTION_KEYS": f"chaos:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "LEASE_S": "2",
        "POLL_FACTOR": str(poll_factor),
        "RETRY_FACTOR": str(RETRY_FACTOR * 25),
        "REQUEST_TIMEOUT_S": "5",
    }


def _children(folder: Path, seed: int, environment: Mapping[str, str], wire: Wire, mock_port: int) -> dict[str, Child]:
    options = {
        **FIRM,
        "--port": mock_port,
        "--seed": seed,
        "--rate-limit": RATE_LIMIT,
        "--retry-factor": RETRY_FACTOR,
        "--application": f"{CLIENT_ID}::http://127.0.0.1:{wire.port}{CALLBACK}",
    }
    arguments = [text for name, value in options.items() for text in (name, str(value))]
    mock = [sys.executable, "-m", "mock_clio", *arguments, "--allow-http-loopback"]
    return {
        "mock": Child("mock", mock, {"MOCK_CLIO_CLIENT_SECRET": CLIENT_SECRET}, folder),
        "api": Child("api", [*OURS, "serve"], environment, folder),
        **{name: Child(name, [*OURS, "worker"], environment, folder) for name in WORKERS},
    }
