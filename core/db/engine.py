"""The database as the rest of the service sees it: one pool, opened once per process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import asyncpg

from core.db.dialect import QuietEngine
from core.db.intake import IntakeSessions
from core.db.reading import ReadingSessions
from core.db.sessions import Sessions, leave_as_it_is
from core.db.types import Connection, Executor, Pool, prepare
from core.errors import DatabaseUnavailable
from core.logging import get_logger

log = get_logger(__name__)

CONNECT_ERRORS = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.InterfaceError)
"""What asyncpg raises when the server is not there, or goes away."""

COMMAND_S = 60.0
"""How long a statement may take that does not say otherwise."""

SERVER_SETTINGS = {"application_name": "clio-service", "plan_cache_mode": "force_custom_plan", "timezone": "UTC"}
"""A plan kept from when a table was empty reads the whole table for each page once a backfill has filled it. In JSON,
instants are as the session's time zone has them."""


class Database:
    """A pool of connections to one PostgreSQL database, held by Piccolo's engine."""

    def __init__(self, url: str, *, pool_size: int = 8, read_timeout_s: float = 10.0) -> None:
        self._url = url
        self._engine = QuietEngine(config={"dsn": url})
        self._pool_size = pool_size
        self._read_timeout_s = read_timeout_s
        self._reading: ReadingSessions | None = None
        self._intake: IntakeSessions | None = None

    @property
    def pool(self) -> Pool:
        """The asyncpg pool; `fetch`, `fetchrow`, `fetchval` and `execute` each borrow a connection.

        Raises:
            DatabaseUnavailable: the pool is not open.
        """
        if self._engine.pool is None:
            raise DatabaseUnavailable("the database pool is not open: call open() first")
        pool: Pool = self._engine.pool
        return pool

    @property
    def reading(self) -> ReadingSessions:
        """The sessions that only read, each statement within its time: for what is asked from outside.

        Raises:
            DatabaseUnavailable: the pool is not open.
        """
        if self._reading is None:
            raise DatabaseUnavailable("the database pool is not open: call open() first")
        return self._reading

    @property
    def intake(self) -> IntakeSessions:
        """The sessions that take deliveries in, and do nothing else.

        Raises:
            DatabaseUnavailable: the pool is not open.
        """
        if self._intake is None:
            raise DatabaseUnavailable("the database pool is not open: call open() first")
        return self._intake

    async def open(self) -> None:
        """Open the pools.

        Raises:
            DatabaseUnavailable: the server cannot be reached, or refuses the login; the message holds no password.
        """
        try:
            await self._engine.start_connection_pool(
                min_size=1,
                max_size=self._pool_size,
                init=prepare,
                reset=leave_as_it_is,
                command_timeout=COMMAND_S,
                timeout=10,
                server_settings=SERVER_SETTINGS,
                max_cacheable_statement_size=0,  # a wide table's write is longer than what is kept by default
            )
            self._reading = await ReadingSessions.open(self._url, size=self._pool_size, timeout_s=self._read_timeout_s)
            self._intake = await IntakeSessions.open(self._url)
        except (*CONNECT_ERRORS, asyncpg.PostgresError, ValueError, TimeoutError) as error:
            raise DatabaseUnavailable(
                f"cannot connect to PostgreSQL ({type(error).__name__}): check that the server of DATABASE_URL is up "
                "and that its user, password and database are right"
            ) from error

    async def close(self) -> None:
        """Close the pools; waits for borrowed connections, at most five seconds."""
        ending, self._reading, self._intake = (self._reading, self._intake), None, None
        for sessions in ending:
            if sessions is not None:
                await _close(sessions, sessions.close())
        if self._engine.pool is not None:
            await _close(self.pool, self._engine.close_connection_pool())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Borrow a connection with a transaction open on it; start no task inside."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection


async def _close(pool: "Pool | Sessions", closing: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(5):
            await closing
    except TimeoutError:
        log.warning("database_pool_slow_to_close")
        pool.terminate()


__all__ = ["CONNECT_ERRORS", "Connection", "Database", "Executor", "Pool"]
