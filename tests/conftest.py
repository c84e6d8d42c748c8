"""Real servers for every test: PostgreSQL, Redis, the mock Clio and the API, each on loopback and each its own.

One PostgreSQL and one Redis serve the whole run; every test gets a database of its own, copied from one that was
migrated once, and an empty Redis.
"""

import base64
import os
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis.asyncio
from pydantic import AnyHttpUrl, SecretStr

from core.embedded.servers import EmbeddedServers
from core.loading import load_plugins
from core.logging import configure_logging
from core.process import migrate_all
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from mock_clio.server import MockClioServer
from mock_clio.settings import Application, MockSettings
from tests.driving import CALLBACK, CLIENT_ID, CLIENT_SECRET, Control, approve


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    configure_logging("info")


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServers]:
    """One PostgreSQL and one Redis for the whole run."""
    folder: Path = tmp_path_factory.mktemp("servers")
    async with EmbeddedServers(folder, durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The plugins that are installed."""
    return load_plugins()


@pytest.fixture(scope="session")
async def template_database(servers: EmbeddedServers, registry: Registry) -> str:
    """The name of a database with every migration applied, which tests copy."""
    await _administer(servers, "CREATE DATABASE template_clio")
    services = Services(_settings(_with_name(servers.database_url, "template_clio"), servers.redis_url, 8000), registry)
    await services.database.open()
    await migrate_all(services)
    await services.database.close()
    return "template_clio"


@pytest.fixture
async def database_url(servers: EmbeddedServers, template_database: str) -> AsyncIterator[str]:
    """A migrated, empty database of the test's own."""
    name = f"test_{uuid.uuid4().hex}"
    await _administer(servers, f"CREATE DATABASE {name} TEMPLATE {template_database}")
    yield _with_name(servers.database_url, name)
    await _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def redis_url(servers: EmbeddedServers) -> str:
    """An empty Redis."""
    async with redis.asyncio.Redis.from_url(servers.redis_url) as client:
        await client.flushall()
    return servers.redis_url


@pytest.fixture
def api_port() -> int:
    """A port on which the API of the test may listen; free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mock_settings(api_port: int) -> MockSettings:
    """How the mock Clio starts; override it in a module that needs another firm, limit or switch."""
    return MockSettings(
        users=4,
        contacts=60,
        matters=30,
        rate_limit=100_000,
        allow_http_loopback=True,
        applications=(
            Application(
                client_id=CLIENT_ID,
                client_secret=CLIENT_SECRET,
                redirect_uris=(f"http://127.0.0.1:{api_port}{CALLBACK}",),
            ),
        ),
    )


@pytest.fixture
async def mock_clio(mock_settings: MockSettings) -> AsyncIterator[MockClioServer]:
    """A mock Clio of the test's own, in this event loop."""
    async with MockClioServer(mock_settings) as server:
        yield server


@pytest.fixture
def control(mock_clio: MockClioServer) -> Control:
    """The mock's control interface."""
    return Control(mock_clio.url)


@pytest.fixture
def settings(database_url: str, redis_url: str, api_port: int, mock_clio: MockClioServer) -> Settings:
    """Settings that point at this test's servers."""
    return _settings(database_url, redis_url, api_port, clio=mock_clio.url)


@pytest.fixture
async def services(settings: Settings, registry: Registry) -> AsyncIterator[Services]:
    """Open services on this test's servers."""
    made = Services(settings, registry)
    async with made.open():
        yield made


@pytest.fixture
async def firm(services: Services) -> int:
    """The seeded firm of the mock, connected through OAuth as a person would; not backfilled, no webhooks."""
    state, code = await approve(await services.accounts.authorize_url("us"))
    return await services.accounts.complete(state=state, code=code)


def _settings(database_url: str, redis_url: str, api_port: int, *, clio: str | None = None) -> Settings:
    return Settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        host="127.0.0.1",
        port=api_port,
        public_url=AnyHttpUrl(f"http://127.0.0.1:{api_port}"),
        clio_client_id=CLIENT_ID,
        clio_client_secret=SecretStr(CLIENT_SECRET),
        clio_base_url=AnyHttpUrl(clio) if clio else None,
        jwt_secret=SecretStr("a signing key of at least thirty-two characters"),
        encryption_keys=SecretStr(f"test:{base64.b64encode(bytes(range(32))).decode()}"),
        lease_s=3.0,
    )


def _with_name(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def _administer(servers: EmbeddedServers, statement: str) -> None:
    connection = await asyncpg.connect(servers.database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any of our settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    assert "DATABASE_URL" not in os.environ
    return monkeypatch
