"""The database as the rest of the service sees it: one pool, opened once per process."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from core.db.dialect import QuietEngine
from core.errors import DatabaseUnavailable
from core.logging import get_logger

log = get_logger(__name__)

CONNECT_ERRORS = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.InterfaceError)
"""What asyncpg raises when the server is not there, or goes away."""

SERVER_SETTINGS = {"application_name": "clio-service", "plan_cache_mode": "force_custom_plan"}
"""A plan kept from when a table was empty reads the whole table for each page once a backfill has filled it."""

# The stubs make these classes generic; asyncpg itself does not.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Executor: TypeAlias = "Pool | Connection"
"""What a statement can be run on: a pool, or the connection of an open transaction."""


class Database:
    """A pool of connections to one PostgreSQL database, held by Piccolo's engine."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self._engine = QuietEngine(config={"dsn": url})
        self._pool_size = pool_size

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

    async def open(self) -> None:
        """Open the pool.

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
        except (*CONNECT_ERRORS, asyncpg.PostgresError, ValueError, TimeoutError) as error:
            raise DatabaseUnavailable(
                f"cannot connect to PostgreSQL ({type(error).__name__}): check that the server of DATABASE_URL is up "
                "and that its user, password and database are right"
            ) from error

    async def close(self) -> None:
        """Close the pool; waits for borrowed connections, at most five seconds."""
        if self._engine.pool is None:
            return
        try:
            await asyncio.wait_for(self._engine.close_connection_pool(), timeout=5)
        except TimeoutError:
            log.warning("database_pool_slow_to_close")
            self.pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Borrow a connection with a transaction open on it; start no task inside."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection


async def _prepare(connection: Connection) -> None:
    """Let jsonb columns arrive as Python values."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_encode_json, decoder=json.loads, schema="pg_catalog")


def _encode_json(value: Any) -> str:
    """Encode a parameter of a json type; text is taken as JSON already encoded."""
    return value if isinstance(value, str) else json.dumps(value)
