"""The processes of the demo: the mock Clio, the API and a worker, each a child that never outlives us."""

import asyncio
import base64
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from core.embedded.child import end, spawn
from core.embedded.servers import EmbeddedServers
from core.errors import ServiceError
from core.logging import get_logger

log = get_logger(__name__)

CLIENT_ID = "demo-service"
SCRIPTS_CLIENT_ID = "demo-scripts"
STARTED_WITHIN_S = 60.0
RESTARTS = 5


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """What a person may choose about the demo."""

    folder: Path
    port: int
    mock_clio_port: int
    users: int
    contacts: int
    matters: int
    documents: int
    rate_limit: int
    traffic_per_minute: float

    @property
    def api_url(self) -> str:
        """Where the API listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def mock_clio_url(self) -> str:
        """Where the mock Clio listens."""
        return f"http://127.0.0.1:{self.mock_clio_port}"


@dataclass
class Stack:
    """The children by name, and the secrets they share; everything is made up anew for each demo."""

    options: DemoOptions
    servers: EmbeddedServers
    client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    jwt_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    encryption_key: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    children: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    restarts: int = 0

    def service_environment(self) -> dict[str, str]:
        """The settings of the API and the worker."""
        return {
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "PORT": str(self.options.port),
            "PUBLIC_URL": self.options.api_url,
            "CLIO_CLIENT_ID": CLIENT_ID,
            "CLIO_CLIENT_SECRET": self.client_secret,
            "CLIO_BASE_URL": self.options.mock_clio_url,
            "JWT_SECRET": self.jwt_secret,
            "ENCRYPTION_KEYS": f"demo:{self.encryption_key}",
        }

    async def start(self) -> None:
        """Start all three, and wait until each answers.

        Raises:
            ServiceError: one did not start; names it and its log.
        """
        self._start("mock-clio")
        await self._answers("mock-clio", f"{self.options.mock_clio_url}/api/v4/users/who_am_i.json", 401)
        self._start("api")
        await self._answers("api", f"{self.options.api_url}/health/ready", 200)
        self._start("worker")

    async def watch(self) -> AsyncIterator[dict[str, int]]:
        """Start the API or the worker again when it dies; yield the process ids whenever one has changed.

        Ends when it keeps dying, or when the mock or a server is gone.

        Raises:
            ServiceError: names what is gone and its log.
        """
        servers = asyncio.create_task(self.servers.wait())
        known = self.pids
        try:
            while not servers.done():
                for name, child in list(self.children.items()):
                    if child.poll() is not None:
                        self._revive(name, child.returncode)
                if self.pids != known:
                    known = self.pids
                    yield known
                await asyncio.sleep(0.2)
            await servers
        finally:
            servers.cancel()

    async def stop(self) -> None:
        """End the children, the worker first and the mock last."""
        for name in ("worker", "api", "mock-clio"):
            if name in self.children:
                await end(self.children.pop(name), [(signal.SIGTERM, 8.0)])

    def log_path(self, name: str) -> Path:
        """Where a child's output goes."""
        return self.options.folder / f"{name}.log"

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name: ours, the children's, the servers'."""
        return {
            "demo": os.getpid(),
            **{name: child.pid for name, child in self.children.items()},
            **self.servers.pids,
        }

    def _start(self, name: str) -> None:
        argv, environment = self._command(name)
        with self.log_path(name).open("ab") as output:
            self.children[name] = spawn(argv, env={**os.environ, **environment}, stdout=output)

    def _command(self, name: str) -> tuple[list[str], Mapping[str, str]]:
        ours = [sys.executable, "-c", "from core.cli import main; main()"]
        if name == "api":
            return [*ours, "serve"], self.service_environment()
        if name == "worker":
            return [*ours, "worker"], self.service_environment()
        options = self.options
        callback = f"{options.api_url}/oauth/clio/callback"
        numbers = {
            "--port": options.mock_clio_port,
            "--users": options.users,
            "--contacts": options.contacts,
            "--matters": options.matters,
            "--documents": options.documents,
            "--rate-limit": options.rate_limit,
            "--application": f"{CLIENT_ID}::{callback}",
        }
        arguments = [text for name, value in numbers.items() for text in (name, str(value))]
        scripts = ["--application", f"{SCRIPTS_CLIENT_ID}::{callback}", "--allow-http-loopback"]
        return [*ours, "mock-clio", *arguments, *scripts], {"MOCK_CLIO_CLIENT_SECRET": self.client_secret}

    def _revive(self, name: str, status: int) -> None:
        self.restarts += 1
        if name == "mock-clio" or self.restarts > RESTARTS:
            raise ServiceError(f"the {name} of the demo ended with status {status}: read {self.log_path(name)}")
        log.warning("demo_process_restarted", name=name, status=status)
        self._start(name)

    async def _answers(self, name: str, url: str, status: int) -> None:
        child = self.children[name]
        async with httpx.AsyncClient(timeout=5) as http:
            for _ in range(int(STARTED_WITHIN_S / 0.1)):
                if child.poll() is not None:
                    break
                try:
                    if (await http.get(url)).status_code == status:
                        return
                except httpx.TransportError as error:
                    log.debug("demo_process_not_ready", name=name, error=type(error).__name__)
                await asyncio.sleep(0.1)
        raise ServiceError(f"the {name} of the demo did not start: read {self.log_path(name)}")
