"""The webhook receiver on a port of its own, before an application that knows nothing else."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import stamina

from core.services import Services
from core.webhooks.inbox import Inbox
from core.webhooks.receiver import WebhookReceiver
from mock_clio.server import Embedded, MockClioServer
from tests.webhooks.webhook_scene import Scene


@pytest.fixture(autouse=True)
def _retry_without_waiting() -> Iterator[None]:
    stamina.set_testing(True, attempts=4, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture
async def scene(services: Services, mock_clio: MockClioServer, api_port: int) -> AsyncIterator[Scene]:
    inbox = Inbox(services)
    receiver = WebhookReceiver(services, inbox)

    async def rest(scope: Any, receive: Any, send: Any) -> None:
        """Drive the inbox with the server's lifespan, and know no path at all."""
        while scope["type"] == "lifespan":
            message = await receive()
            if message["type"] == "lifespan.startup":
                await inbox.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await inbox.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    wrapped: Any = receiver.wrap(rest)
    async with (
        Embedded(wrapped, port=api_port) as server,
        httpx.AsyncClient(base_url=server.url, timeout=30) as http,
    ):
        yield Scene(services=services, mock=mock_clio, inbox=inbox, http=http)
