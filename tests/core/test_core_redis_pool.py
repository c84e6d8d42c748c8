"""The pool of Redis connections: once closed, it leaves no socket open, however late somebody comes."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError

from core.redis_pool import ClosingPool, RedisClient


@pytest.fixture
async def pool(redis_url: str) -> AsyncIterator[ClosingPool]:
    made = ClosingPool.from_url(redis_url)
    yield made
    await made.close_for_good()


async def test_whoever_comes_after_the_close_is_refused(pool: ClosingPool) -> None:
    client = redis.asyncio.Redis(connection_pool=pool)
    assert await client.ping()
    await pool.close_for_good()
    with pytest.raises(RedisConnectionError, match="the service is stopping"):
        await client.ping()


async def test_a_connection_that_is_being_made_meanwhile_is_closed(pool: ClosingPool) -> None:
    late = asyncio.create_task(pool.get_connection())
    while not pool._in_use_connections:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)
    [connection] = pool._in_use_connections
    await pool.close_for_good()
    with pytest.raises(RedisConnectionError):
        await late
    assert not connection.is_connected
    assert pool._available_connections == [connection]


async def test_a_connection_in_use_is_closed_and_stays_closed(pool: ClosingPool) -> None:
    connection = await pool.get_connection()
    await pool.close_for_good()
    assert not connection.is_connected
    with pytest.raises(RedisConnectionError, match="the service is stopping"):
        await connection.connect()
    assert not connection.is_connected


async def test_a_connection_that_nobody_gave_back_is_closed(pool: ClosingPool) -> None:
    connection = await pool.get_connection()
    pool._in_use_connections.discard(connection)
    await pool.close_for_good()
    assert not connection.is_connected


async def test_a_connection_given_back_half_made_is_closed(pool: ClosingPool) -> None:
    """Whoever had it was cancelled while it connected again."""
    connection = await pool.get_connection()
    await pool.close_for_good()
    await connection._connect()
    await pool.release(connection)
    assert not connection.is_connected


async def test_a_pipeline_that_is_cancelled_while_it_gives_its_connection_back_keeps_none(
    pool: ClosingPool, redis_url: str
) -> None:
    """Redis holds its answers back; a connection that were kept would be warned of, and warnings are errors here."""
    client, watching, paused = RedisClient(pool), asyncio.Event(), asyncio.Event()

    async def watch() -> None:
        async with client.pipeline() as pipeline:
            await pipeline.watch("some key")
            watching.set()
            await paused.wait()

    task = asyncio.create_task(watch())
    await watching.wait()
    [connection] = pool._in_use_connections
    async with redis.asyncio.Redis.from_url(redis_url) as other:
        await other.client_pause(1000)
    paused.set()
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    assert not connection.is_connected
    assert pool._in_use_connections == set()
    assert await client.ping()
