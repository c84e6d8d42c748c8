"""The webhook receiver on a port, before an application that knows nothing else.

The servers of the mock and of the receiver run for the whole session; every test gets a mock of its own behind the one,
and a receiver of its own behind the other.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import msgspec
import pytest
import stamina

from core.embedded.servers import EmbeddedServers
from core.services import Services
from core.testing.driving import Control
from core.webhooks.inbox import Inbox
from core.webhooks.receiver import WebhookReceiver
from mock_clio.server import Embedded, MockClioServer
from mock_clio.settings import MockSettings
from tests.webhooks.webhook_scene import Scene

TRUST = ssl.create_default_context()
"""Made once: reading the certificates takes longer than many a test."""


class Front:
    """An ASGI application that hands requests to the receiver of the test that runs."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while scope["type"] == "lifespan":
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
        await self.app(scope, receive, send)


async def rest(scope: Any, _receive: Any, send: Any) -> None:
    """Stand for the rest of the API, and say which kind of request came through."""
    status = {"http": 418}.get(scope["type"], 500)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(autouse=True)
def _retry_without_waiting() -> Iterator[None]:
    stamina.set_testing(True, attempts=4, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture(scope="session")
async def own_database(servers: EmbeddedServers, template_database: str) -> str:
    """A migrated database of this folder's: to empty it takes a tenth of what another one would."""
    connection = await asyncpg.connect(servers.database_url)
    await connection.execute(f"CREATE DATABASE webhooks_tests TEMPLATE {template_database}")
    await connection.close()
    return urlsplit(servers.database_url)._replace(path="/webhooks_tests").geturl()


@pytest.fixture
async def database_url(own_database: str) -> str:
    """An empty database."""
    connection = await asyncpg.connect(own_database)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = ", ".join(f'"{row["tablename"]}"' for row in tables if "migration" not in row["tablename"])
    await connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
    await connection.close()
    return own_database


@pytest.fixture(scope="session")
async def mock_server() -> AsyncIterator[MockClioServer]:
    async with MockClioServer(MockSettings(contacts=0, matters=0)) as running:
        yield running


@pytest.fixture
async def mock_clio(mock_server: MockClioServer, mock_settings: MockSettings) -> MockClioServer:
    """A mock of the test's own, behind the session's port; small, for seeding takes its time."""
    await mock_server.restart(msgspec.structs.replace(mock_settings, users=2, contacts=2, matters=1))
    return mock_server


@pytest.fixture(scope="session")
async def front() -> AsyncIterator[tuple[Front, str]]:
    app = Front()
    async with Embedded(app) as server:
        yield app, server.url


@pytest.fixture
def api_port(front: tuple[Front, str]) -> int:
    """The port on which the receiver listens."""
    return int(front[1].rpartition(":")[2])


@pytest.fixture
async def scene(services: Services, control: Control, front: tuple[Front, str]) -> AsyncIterator[Scene]:
    inbox = Inbox(services)
    receiver = WebhookReceiver(services, inbox)
    front[0].app = receiver.wrap(rest)
    async with inbox.running(), httpx.AsyncClient(base_url=front[1], timeout=30, verify=TRUST) as http:
        yield Scene(services=services, clio=control, inbox=inbox, receiver=receiver, http=http)
