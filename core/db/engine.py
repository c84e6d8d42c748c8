"""The database as the rest of the service sees it: one pool, opened once per process."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from core.db.dialect import QuietEngine
from core.errors import DatabaseUnavailable
from core.logging import get_logger

log = get_logger(__name__)

CONNECT_ERRORS = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.InterfaceError)
"""What asyncpg raises when the server is not there, or goes away."""

READING_SETTINGS = {
    "application_name": "clio-service-read",
    "default_transaction_read_only": "on",
    "TimeZone": "UTC",
    "jit": "off",
}
"""Sessions that answer queries: they write nothing, their JSON has instants in UTC, and their plans may be kept."""

READING_STATEMENTS = 256
"""Prepared statements kept by each reading session; the oldest go."""

SERVER_SETTINGS = {"application_name": "clio-service", "plan_cache_mode": "force_custom_plan"}
"""A plan kept from when a table was empty reads the whole table for each page once a backfill has filled it."""

# The stubs make these classes generic; asyncpg itself does not.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Executor: TypeAlias = "Pool | Connection"
"""What a statement can be run on: a pool, or the connection of an open transaction."""


class Database:
    """A pool of connections to one PostgreSQL database, held by Piccolo's engine."""

    def __init__(self, url: str, *, pool_size: int = 8, read_timeout_s: float = 10.0) -> None:
        self._url = url
        self._engine = QuietEngine(config={"dsn": url})
        self._pool_size = pool_size
        self._read_timeout_s = read_timeout_s
        self._reading: Pool | None = None

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
    def reading(self) -> Pool:
        """The pool of sessions that only read, each statement within its time: for what is asked from outside.

        Raises:
            DatabaseUnavailable: the pool is not open.
        """
        if self._reading is None:
            raise DatabaseUnavailable("the database pool is not open: call open() first")
        return self._reading

    async def open(self) -> None:
        """Open the pools.

        Raises:
            DatabaseUnavailable: the server cannot be reached, or refuses the login; the message holds no password.
        """
        try:
            await self._engine.start_connection_pool(
                min_size=1,
                max_size=self._pool_size,
                init=_prepare,
                command_timeout=60,
                timeout=10,
                server_settings=SERVER_SETTINGS,
            )
            self._reading = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=self._pool_size,
                init=_prepare,
                reset=_leave_as_it_is,
                command_timeout=60,
                timeout=10,
                statement_cache_size=READING_STATEMENTS,
                max_cacheable_statement_size=0,
                server_settings={**READING_SETTINGS, "statement_timeout": str(round(self._read_timeout_s * 1000))},
            )
        except (*CONNECT_ERRORS, asyncpg.PostgresError, ValueError, TimeoutError) as error:
            raise DatabaseUnavailable(
                f"cannot connect to PostgreSQL ({type(error).__name__}): check that the server of DATABASE_URL is up "
                "and that its user, password and database are right"
            ) from error

    async def close(self) -> None:
        """Close the pools; waits for borrowed connections, at most five seconds."""
        reading, self._reading = self._reading, None
        if reading is not None:
            await _close(reading, reading.close())
        if self._engine.pool is not None:
            await _close(self.pool, self._engine.close_connection_pool())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Borrow a connection with a transaction open on it; start no task inside."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection


async def _close(pool: Pool, closing: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(closing, timeout=5)
    except TimeoutError:
        log.warning("database_pool_slow_to_close")
        pool.terminate()


async def _leave_as_it_is(_connection: Connection) -> None:
    """Reset nothing: reading sessions run single statements that leave no state, and a reset is a round trip."""


async def _prepare(connection: Connection) -> None:
    """Let jsonb columns arrive as Python values."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_encode_json, decoder=json.loads, schema="pg_catalog")


def _encode_json(value: Any) -> str:
    """Encode a parameter of a json type; text is taken as JSON already encoded."""
    return value if isinstance(value, str) else json.dumps(value)
