"""The API over a database of the test's own, with two empty firms."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from core.registry import Registry
from core.testing.api import Api, open_api
from core.testing.stack import settings_for


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
