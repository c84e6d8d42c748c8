"""The API over two firms: empty ones of the test's own, or whole ones for tests that only read."""

import datetime
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from core.embedded.servers import EmbeddedServers
from core.mirror.writer import validate_records, write_records
from core.registry import Registry
from core.services import Services
from core.testing.api import Api, open_api
from core.testing.stack import copied_database, lasting_redis_url, settings_for
from mock_clio.server import MockClioServer
from mock_clio.settings import MockSettings
from tests.plugins.storied import Moment, write_history

CLOCK = datetime.datetime(2026, 11, 2, 17, tzinfo=datetime.UTC)


@pytest.fixture
async def graph(database_url: str, redis_url: str, registry: Registry) -> AsyncIterator[Api]:
    """The API over two firms, 1 and 2, that hold nothing yet."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """INSERT INTO firm (id, region, clio_account_id, name)
           VALUES (1, 'us', 11, 'Ash and Birch'), (2, 'eu', 22, 'Cedar and Dogwood')"""
    )
    await connection.close()
    async with open_api(settings_for(database_url, redis_url), registry) as made:
        yield made


@pytest.fixture(scope="module")
async def filled(servers: EmbeddedServers, template_database: str, registry: Registry) -> AsyncIterator[Api]:
    """The API over two firms with the same Clio ids and all six resources in each."""
    firm = MockSettings(users=3, contacts=14, matters=8, activities=60, documents=24, clock_start=CLOCK)
    async with (
        copied_database(servers, template_database) as url,
        MockClioServer(firm) as mock,
        open_api(settings_for(url, lasting_redis_url(servers)), registry) as made,
    ):
        await fill(made.services, mock.url)
        yield made


@pytest.fixture(scope="module")
async def storied(
    servers: EmbeddedServers, template_database: str, registry: Registry
) -> AsyncIterator[tuple[Api, list[Moment]]]:
    """The API over two firms whose records were written in waves, and what was there between these."""
    firm = MockSettings(users=3, contacts=14, matters=8, activities=40, documents=16, clock_start=CLOCK)
    async with (
        copied_database(servers, template_database) as url,
        MockClioServer(firm) as mock,
        open_api(settings_for(url, lasting_redis_url(servers)), registry) as made,
    ):
        yield made, await write_history(made.services, mock.url)


async def fill(services: Services, mock_url: str) -> None:
    """Write the mock's firm twice, in the second with a few records less."""
    pool = services.database.pool
    await pool.execute(
        "INSERT INTO firm (id, region, clio_account_id, name) VALUES (1, 'us', 11, 'Ash'), (2, 'eu', 22, 'Cedar')"
    )
    async with httpx.AsyncClient(base_url=f"{mock_url}/__mock__/") as control:
        for resource in services.registry.resources:
            if resource.endpoint.parents is None:
                params = {"fields": resource.endpoint.fields}
                found = (await control.get(f"records/{resource.endpoint.path}", params=params)).json()["data"]
                for number, kept in ((1, found), (2, found[::2])):
                    payloads = validate_records(resource, kept)
                    await write_records(
                        pool, resource, firm=number, payloads=payloads, seen_at=CLOCK, source="backfill"
                    )
    await pool.execute("UPDATE contacts_contact SET presence = 'deleted' WHERE clio_id % 7 = 0")
