"""Connections to Redis that end with the process's services, whatever is under way at that moment."""

from contextlib import suppress

from arq.connections import ArqRedis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from core.errors import RedisUnavailable

REDIS_ERRORS = (RedisError, RedisUnavailable, OSError, TimeoutError)
"""What a command meets where Redis is away."""


class ClosingPool(ConnectionPool):
    """A pool that can be closed for good.

    redis-py's own opens again for whoever comes late, and keeps a connection that was being made while it was closed:
    sockets that nobody closes any more.
    """

    _is_closed = False

    async def close_for_good(self) -> None:
        """Close every connection, those in use as well; whoever wants one from now on hears a ConnectionError."""
        self._is_closed = True
        await self.disconnect()

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect; what was connected too late is given back by whoever called.

        Raises:
            redis.exceptions.ConnectionError: the pool is closed, or Redis cannot be reached.
        """
        if not self._is_closed:
            await super().ensure_connection(connection)
        self._refuse_if_closed()

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back; it stays open only while the pool does."""
        await super().release(connection)
        if self._is_closed:
            await connection.disconnect()

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise RedisConnectionError("the service is stopping, and its connections to Redis are closed")


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
