"""Real servers for every test: PostgreSQL, Redis, the mock Clio and the API, each on loopback and each its own.

One PostgreSQL and one Redis serve the whole run; every test gets a database of its own, copied from one that was
migrated once, and an empty Redis. A `conftest.py` takes them all with `pytest_plugins = ["core.testing.fixtures"]`;
they need pytest-asyncio in mode `auto` with loops of the scope `session`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio

from core.embedded.servers import EmbeddedServers
from core.errors import NotFound
from core.logging import configure_logging
from core.process import migrate_all
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.testing.api import Api, open_api
from core.testing.case import Case, applies, installed
from core.testing.driving import Control, approve
from core.testing.scene import Scene, open_scene
from core.testing.stack import (
    administer,
    copied_database,
    database_named,
    free_port,
    mock_settings_for,
    settings_for,
)
from mock_clio.server import MockClioServer
from mock_clio.settings import MockSettings

WANTED = {
    "asyncio_mode": "auto",
    "asyncio_default_fixture_loop_scope": "session",
    "asyncio_default_test_loop_scope": "session",
}
"""What pytest has to be told."""


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a run that would fail in every test for want of a setting.

    Raises:
        pytest.UsageError: names the lines that are missing.
    """
    if not config.pluginmanager.has_plugin("asyncio"):
        raise pytest.UsageError("core.testing needs pytest-asyncio: install clio-integration-service[testing]")
    missing = [f'{name} = "{value}"' for name, value in WANTED.items() if config.getini(name) != value]
    if missing:
        raise pytest.UsageError(f"core.testing needs, under [tool.pytest.ini_options]: {'; '.join(missing)}")


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, obj: object) -> list[pytest.Item] | None:
    """Leave out the tests of a contract that do not apply to its resource.

    Raises:
        pytest.Collector.CollectError: the contract names no resource that is installed.
    """
    case = collector.obj
    if not (isinstance(collector, pytest.Class) and issubclass(case, Case)):
        return None
    try:
        case.declaration()
    except (AttributeError, NotFound) as error:
        raise pytest.Collector.CollectError(
            f"{case.__name__}: set `resource` to the name of a resource, and install its plugin: {error}"
        ) from error
    return None if applies(obj, case) else []


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
    return installed()


@pytest.fixture(scope="session")
async def template_database(servers: EmbeddedServers, registry: Registry) -> str:
    """The name of a database with every migration applied, which tests copy."""
    name = "template_clio"
    await administer(servers, f"CREATE DATABASE {name}")
    services = Services(settings_for(database_named(servers, name), servers.redis_url), registry)
    await services.database.open()
    await migrate_all(services)
    await services.database.close()
    return name


@pytest.fixture
async def database_url(servers: EmbeddedServers, template_database: str) -> AsyncIterator[str]:
    """A migrated, empty database of the test's own."""
    async with copied_database(servers, template_database) as url:
        yield url


@pytest.fixture
async def redis_url(servers: EmbeddedServers) -> str:
    """An empty Redis."""
    async with redis.asyncio.Redis.from_url(servers.redis_url) as client:
        await client.flushdb()
    return servers.redis_url


@pytest.fixture
def api_port() -> int:
    """A port on which the API of the test may listen; free a moment ago."""
    return free_port()


@pytest.fixture
def mock_settings(api_port: int) -> MockSettings:
    """How the mock Clio starts; override it in a module that needs another firm, limit or switch."""
    return mock_settings_for(api_port)


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
    return settings_for(database_url, redis_url, port=api_port, clio=mock_clio.url)


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


@pytest.fixture
async def api(settings: Settings, registry: Registry, firm: int) -> AsyncIterator[Api]:
    """The whole application on the port Clio delivers webhooks to, and a GraphQL client that sees the firm."""
    async with open_api(settings, registry, firms=[firm], port=settings.port) as made:
        yield made


@pytest.fixture(scope="class")
async def scene(
    request: pytest.FixtureRequest, servers: EmbeddedServers, template_database: str, registry: Registry
) -> AsyncIterator[Scene]:
    """The stage of a contract: a small firm at a mock of its own, backfilled and served; one for the class."""
    async with open_scene(request.cls, servers, template_database, registry) as made:
        yield made
