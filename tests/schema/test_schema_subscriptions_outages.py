"""Live updates while Redis or PostgreSQL is away, and what is left of them when the process stops meanwhile."""

import asyncio
import gc
import warnings

import pytest

from core.registry import Registry
from core.testing.api import Api, open_api
from core.testing.stack import settings_for
from schema.live import listening
from tests.schema.live_clients import hear, hub_of, listeners, move, run_of, settled, shown, subscribed
from tests.schema.live_proxy import proxy_to
from tests.schema.schema_data import ONE


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "RETRY_S", 0.1)


async def test_redis_may_go_and_come_back(fresh_api: Api, redis_url: str, registry: Registry) -> None:
    database = fresh_api.services.settings.database_url
    assert database is not None
    run = await run_of(fresh_api, ONE, records_seen=1)
    async with (
        proxy_to(redis_url) as proxy,
        open_api(settings_for(database.get_secret_value(), proxy.url), registry) as api,
        subscribed(api) as socket,
    ):
        assert shown(await hear(socket))["recordsSeen"] == 1
        await settled(lambda: hub_of(api).feeds["syncProgress"]._hinted.is_set() is False)
        await proxy.down()
        await move(fresh_api, run, records_seen=2)
        assert shown(await hear(socket))["recordsSeen"] == 2
        await proxy.up()
        async with asyncio.timeout(5):
            while await listeners(fresh_api) != 1:  # noqa: ASYNC110 - Redis tells nobody of its listeners
                await asyncio.sleep(0.02)
        await move(fresh_api, run, records_seen=3)
        assert shown(await hear(socket, 1.5))["recordsSeen"] == 3


async def test_the_database_may_go_and_come_back(fresh_api: Api, database_url: str, registry: Registry) -> None:
    redis = fresh_api.services.settings.redis_url
    assert redis is not None
    run = await run_of(fresh_api, ONE, records_seen=1)
    async with (
        proxy_to(database_url) as proxy,
        open_api(settings_for(proxy.url, redis.get_secret_value()), registry) as api,
        subscribed(api) as socket,
    ):
        assert shown(await hear(socket))["recordsSeen"] == 1
        await proxy.down()
        async with subscribed(api) as late:
            message = await hear(late)
            assert message["payload"]["errors"][0]["extensions"] == {"code": "DATABASE_UNAVAILABLE"}
            assert (await hear(late))["type"] == "complete"
        await move(fresh_api, run, records_seen=2)
        await proxy.up()
        assert shown(await hear(socket))["recordsSeen"] == 2
        async with subscribed(api) as late:
            assert shown(await hear(late))["recordsSeen"] == 2


async def test_a_process_that_stops_while_it_connects_leaves_no_connection_open(
    fresh_api: Api, redis_url: str, registry: Registry
) -> None:
    database = fresh_api.services.settings.database_url
    assert database is not None
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        async with proxy_to(redis_url) as proxy:
            for wait_s in (0.0, 0.001, 0.002, 0.004, 0.008):
                async with (
                    open_api(settings_for(database.get_secret_value(), proxy.url), registry) as api,
                    subscribed(api),
                ):
                    await settled(lambda api=api: len(hub_of(api)) == 1)
                    await asyncio.sleep(wait_s)
                    await proxy.down()
                await proxy.up()
        gc.collect()
    assert [str(each.message) for each in heard if issubclass(each.category, ResourceWarning)] == []
