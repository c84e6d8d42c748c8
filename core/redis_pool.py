"""Connections to Redis that end with the process's services, whatever is under way at that moment."""

import asyncio
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from arq.connections import ArqRedis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from core.errors import RedisUnavailable

REDIS_ERRORS = (RedisError, RedisUnavailable, OSError, TimeoutError)
"""What a command meets where Redis is away."""

CLOSED = "the service is stopping, and its connections to Redis are closed"


class ClosingPool(ConnectionPool):
    """A pool that can be closed for good, with every connection it ever made.

    redis-py's own opens again for whoever comes late, keeps a connection that was being made while it was closed, and
    closes none that somebody has not given back: sockets that nobody closes any more.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._is_closed = False
        self._made: WeakSet[AbstractConnection] = WeakSet()

    def make_connection(self) -> AbstractConnection:
        """Return a new connection, which is not connected yet."""
        connection: AbstractConnection = super().make_connection()  # type: ignore[no-untyped-call]
        connection.register_connect_callback(self._refuse_if_closed)  # type: ignore[no-untyped-call]
        self._made.add(connection)
        return connection

    async def close_for_good(self) -> None:
        """Close every connection, those in use as well; whoever wants one from now on hears a ConnectionError."""
        self._is_closed = True
        await asyncio.gather(*(connection.disconnect() for connection in self._made), return_exceptions=True)

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect.

        Raises:
            redis.exceptions.ConnectionError: the pool is closed, or Redis cannot be reached.
        """
        if self._is_closed:
            raise RedisConnectionError(CLOSED)
        await super().ensure_connection(connection)

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back; it stays open only while the pool does."""
        await super().release(connection)
        if self._is_closed:
            await connection.disconnect()

    async def _refuse_if_closed(self, connection: AbstractConnection) -> None:
        """Close what was connected too late, by whoever asked for it: connections that break connect again."""
        if self._is_closed:
            await connection.disconnect()
            raise RedisConnectionError(CLOSED)


class ReturningPipeline(Pipeline):
    """A pipeline that gives its connection back even where it is cancelled while it does so.

    redis-py's own keeps the connection then, and nobody closes it any more.
    """

    async def reset(self) -> None:
        """Forget what was queued, and give the connection back."""
        try:
            await super().reset()  # type: ignore[no-untyped-call]
        except BaseException:
            connection, self.connection = self.connection, None
            if connection is not None:
                await connection.disconnect(nowait=True)
                with suppress(KeyError):  # it had been given back, and was being closed
                    await self.connection_pool.release(connection)
            raise


class RedisClient(ArqRedis):
    """The client of a process, on a `ClosingPool`: what is cancelled leaves no connection behind."""

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a new pipeline."""
        return ReturningPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
