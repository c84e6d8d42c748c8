"""The API over two seeded firms: one for all tests that only read, one of its own for each that writes."""

import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from core.embedded.servers import EmbeddedServers
from core.registry import Registry
from tests.schema.schema_api import Api, open_api, settings_for
from tests.schema.schema_data import seed


@pytest.fixture(scope="session")
async def read_only_url(servers: EmbeddedServers, template_database: str) -> AsyncIterator[str]:
    """A database for all tests that only read."""
    name = f"schema_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(servers.database_url)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
        yield urlsplit(servers.database_url)._replace(path=f"/{name}").geturl()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture(scope="session")
async def api(servers: EmbeddedServers, read_only_url: str, registry: Registry) -> AsyncIterator[Api]:
    """The API over two seeded firms; tests that use it only read."""
    connection = await asyncpg.connect(read_only_url)
    await seed(connection)
    await connection.close()
    async with open_api(settings_for(read_only_url, servers.redis_url), registry) as made:
        yield made


@pytest.fixture
async def fresh_api(database_url: str, redis_url: str, registry: Registry) -> AsyncIterator[Api]:
    """The API over a seeded database of the test's own, which may be written to."""
    connection = await asyncpg.connect(database_url)
    await seed(connection)
    await connection.close()
    async with open_api(settings_for(database_url, redis_url), registry) as made:
        yield made
