"""A database with two firms and changes of theirs, and the services on it; nothing of Clio."""

from collections.abc import AsyncIterator

import pytest

from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.testing.stack import settings_for
from tests.history.past import Past


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    """Settings of a service that never asks Clio."""
    return settings_for(database_url, redis_url)


@pytest.fixture
async def services(settings: Settings, registry: Registry) -> AsyncIterator[Services]:
    """Open services."""
    made = Services(settings, registry)
    async with made.open():
        yield made


@pytest.fixture
async def past(services: Services) -> Past:
    """Two firms, without a change."""
    made = Past(services)
    await made.add_firms()
    return made
