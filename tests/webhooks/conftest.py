"""The webhook receiver on a port, before an application that knows nothing else.

The servers of the mock and of the receiver run for the whole session; every test gets a mock of its own behind the one,
and a receiver of its own behind the other.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import stamina

from core.services import Services
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
async def mock_server() -> AsyncIterator[MockClioServer]:
    async with MockClioServer(MockSettings(contacts=0, matters=0)) as running:
        yield running


@pytest.fixture
async def mock_clio(mock_server: MockClioServer, mock_settings: MockSettings) -> MockClioServer:
    """A mock of the test's own, behind the session's port."""
    await mock_server.restart(mock_settings)
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
async def scene(services: Services, mock_clio: MockClioServer, front: tuple[Front, str]) -> AsyncIterator[Scene]:
    inbox = Inbox(services)
    front[0].app = WebhookReceiver(services, inbox).wrap(rest)
    async with inbox.running(), httpx.AsyncClient(base_url=front[1], timeout=30, verify=TRUST) as http:
        yield Scene(services=services, mock=mock_clio, inbox=inbox, http=http)
