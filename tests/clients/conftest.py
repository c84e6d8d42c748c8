"""The API over two seeded firms, and the clients of others that ask it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from core.embedded.servers import EmbeddedServers
from core.registry import Registry
from core.testing.api import Api, open_api
from core.testing.stack import copied_database, lasting_redis_url, settings_for
from tests.clients.node import Clients, find_node, install_clients
from tests.schema.schema_data import seed


@pytest.fixture(scope="session")
def clients(pytestconfig: pytest.Config) -> Clients:
    """The npm packages of this folder, installed outside git: in pytest's cache, and so once for all runs."""
    assert pytestconfig.cache is not None
    node = find_node()
    return Clients(node, install_clients(node, pytestconfig.cache.mkdir("clients")))


@pytest.fixture(scope="session")
async def api(servers: EmbeddedServers, template_database: str, registry: Registry) -> AsyncIterator[Api]:
    """The API over two seeded firms; tests that use it only read."""
    async with copied_database(servers, template_database) as url:
        connection = await asyncpg.connect(url)
        await seed(connection)
        await connection.close()
        async with open_api(settings_for(url, lasting_redis_url(servers)), registry) as made:
            yield made
