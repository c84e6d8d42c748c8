"""A mock on a loopback port, clients of it, and an endpoint for its webhooks."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mock_clio.receiver import Receiver
from mock_clio.server import MockClioServer
from mock_clio.settings import Application, MockSettings

REDIRECT = "http://127.0.0.1:9/callback"
ASKED = "id,etag,status,shared_secret,expires_at,events,model,url"
TRUST = ssl.create_default_context()


@pytest.fixture
def settings() -> MockSettings:
    return MockSettings(
        users=3,
        contacts=30,
        matters=15,
        rate_limit=100_000,
        allow_http_loopback=True,
        clock_start=datetime(2026, 11, 2, 17, 0, tzinfo=UTC),
        applications=(Application(client_id="app", client_secret="secret", redirect_uris=(REDIRECT,)),),
    )


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[MockClioServer]:
    async with MockClioServer(MockSettings(contacts=0, matters=0)) as running:
        yield running


@pytest.fixture
async def clio(server: MockClioServer, settings: MockSettings) -> MockClioServer:
    """A mock of its own for each test, behind one port."""
    await server.restart(settings)
    return server


@pytest.fixture
async def control(clio: MockClioServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{clio.url}/__mock__/", verify=TRUST) as client:
        yield client


@pytest.fixture
async def web(clio: MockClioServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(base_url=clio.url, verify=TRUST) as client:
        yield client


@pytest.fixture
async def api(clio: MockClioServer, control: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the REST interface, with a token of the account owner."""
    token = (await control.post("tokens", json={"client_id": "app"})).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{clio.url}/api/v4/", headers=headers, verify=TRUST) as client:
        yield client


@pytest.fixture(scope="session")
async def endpoint() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


@pytest.fixture
async def receiver(endpoint: Receiver) -> Receiver:
    endpoint.forget()
    return endpoint


@pytest.fixture
def subscribe(api: httpx.AsyncClient, receiver: Receiver) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def make(**data: object) -> dict[str, Any]:
        body = {"url": f"{receiver.url}/hook", "model": "contact", "fields": "id,etag,title", **data}
        answer = await api.post("webhooks.json", params={"fields": ASKED}, json={"data": body})
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["data"])

    return make
