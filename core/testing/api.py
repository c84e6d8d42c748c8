"""The API on a real server on loopback, and a client of it that mints its own tokens."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from core.app import create_app
from core.auth.tokens import mint
from core.process import QuietServer, listen, server_config
from core.registry import Registry
from core.services import Services
from core.settings import Settings

GENERIC = {"X-Read-Path": "generic"}
"""Headers of a request that is answered by resolvers alone."""


@dataclass
class Answer:
    """What the API answered."""

    status: int
    body: dict[str, Any]
    headers: httpx.Headers

    @property
    def data(self) -> Any:
        """The data of an answer that must hold no errors."""
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        """The code of every error."""
        return [error["extensions"]["code"] for error in self.body["errors"]]

    @property
    def messages(self) -> list[str]:
        """The message of every error."""
        return [error["message"] for error in self.body["errors"]]


@dataclass
class Api:
    """A client of the API on loopback. `firms` are those it sees unless a call names others."""

    services: Services
    url: str
    http: httpx.AsyncClient
    firms: Sequence[int] = (1,)

    def token(self, firms: Sequence[int] | None, scopes: tuple[str, ...] = ("read",), ttl_s: float = 600) -> str:
        """Mint a token."""
        return mint(self.services.settings, subject="test", firms=firms, scopes=scopes, ttl_s=ttl_s)

    async def query(
        self,
        document: str,
        variables: dict[str, Any] | None = None,
        *,
        firms: Sequence[int] | None = None,
        scopes: tuple[str, ...] = ("read",),
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run a document as the bearer of a token for some firms."""
        token = self.token(self.firms if firms is None else firms, scopes)
        answer = await self.http.post(
            self.url,
            json={"query": document, "variables": variables},
            headers={"Authorization": f"Bearer {token}", **(headers or {})},
        )
        return Answer(answer.status_code, answer.json(), answer.headers)

    @contextlib.contextmanager
    def count_sql(self) -> Iterator[list[str]]:
        """Collect the statements that run inside the block."""
        database: Any = self.services.database
        pool, reading, statements = database._engine.pool, database._reading, list[str]()
        database._engine.pool = _CountingPool(pool, statements)
        database._reading = _CountingPool(reading, statements)
        try:
            yield statements
        finally:
            database._engine.pool, database._reading = pool, reading


class _CountingPool:
    """A pool that notes every statement."""

    def __init__(self, pool: Any, statements: list[str]) -> None:
        self._pool = pool
        self._statements = statements

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._pool, name)
        if name not in {"fetch", "fetchrow", "fetchval", "execute"}:
            return found

        def counted(text: str, *values: Any) -> Any:
            self._statements.append(text)
            return found(text, *values)

        return counted


def gid(type_name: str, firm: int, number: int) -> str:
    """Return a global id, written independently of the code under test."""
    return f"{type_name}:{firm}:{number}"


@contextlib.asynccontextmanager
async def serving(services: Services, *, port: int = 0) -> AsyncIterator[str]:
    """Serve the whole application with uvicorn on loopback, on a free port unless given; yield its address."""
    with listen("127.0.0.1", port, setting="PORT") as listener:
        server = QuietServer(server_config(create_app(services), graceful_s=2), services.stopping)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            assert not running.done(), running
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


@contextlib.asynccontextmanager
async def open_api(
    settings: Settings, registry: Registry, *, firms: Sequence[int] = (1,), port: int = 0
) -> AsyncIterator[Api]:
    """Serve an application of its own; yield a client that sees those firms (the first unless given)."""
    services = Services(settings, registry)
    async with serving(services, port=port) as url, httpx.AsyncClient(timeout=30) as http:
        yield Api(services, f"{url}/graphql", http, firms)
