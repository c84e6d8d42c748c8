"""The API over two seeded firms: one for all tests that only read, one of its own for each that writes."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from core.embedded.servers import EmbeddedServers
from core.registry import Registry
from core.testing.api import Api, open_api
from core.testing.stack import copied_database, lasting_redis_url, settings_for
from tests.schema.schema_data import seed

MOST = {"graphql_max_page": 40}


@pytest.fixture(scope="session")
async def read_only_url(servers: EmbeddedServers, template_database: str) -> AsyncIterator[str]:
    """A database for all tests that only read."""
    async with copied_database(servers, template_database) as url:
        yield url


@pytest.fixture(scope="session")
async def api(servers: EmbeddedServers, read_only_url: str, registry: Registry) -> AsyncIterator[Api]:
    """The API over two seeded firms; tests that use it only read."""
    connection = await asyncpg.connect(read_only_url)
    await seed(connection)
    await connection.close()
    async with open_api(
        settings_for(read_only_url, lasting_redis_url(servers)).model_copy(update=MOST), registry
    ) as made:
        yield made


@pytest.fixture
async def fresh_api(database_url: str, redis_url: str, registry: Registry) -> AsyncIterator[Api]:
    """The API over a seeded database of the test's own, which may be written to."""
    connection = await asyncpg.connect(database_url)
    await seed(connection)
    await connection.close()
    async with open_api(settings_for(database_url, redis_url).model_copy(update=MOST), registry) as made:
        yield made
