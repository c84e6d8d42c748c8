"""A database and a firm's mirror in it."""

from collections.abc import AsyncIterator

import pytest

from core.db.engine import Database
from core.registry import Registry
from core.resource import Resource
from tests.mirror.scene import Mirror


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def contacts(registry: Registry) -> Resource:
    return registry.resource("contact")


@pytest.fixture
def mirror(database: Database, contacts: Resource) -> Mirror:
    return Mirror(database, contacts)
