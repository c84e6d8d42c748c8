"""Sessions for queries from outside: they write nothing, stop at a time limit, and are lent at little cost.

A pool lends and takes back each connection with a task and a timer of its own, which costs more than a look-up by key
does. Queries of one process therefore keep the connections they borrowed, and pass them among themselves.
"""

import asyncio
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from core.db.types import Connection, Pool, prepare

READING_SETTINGS = {
    "application_name": "clio-service-read",
    "default_transaction_read_only": "on",
    "TimeZone": "UTC",
    "jit": "off",
}
"""What is written as JSON has its instants in UTC; plans of prepared statements may be kept."""

MOST_STATEMENTS = 256
"""Prepared statements kept by each session; the oldest go."""


class ReadingSessions:
    """At most `size` sessions. Their statements run one by one, outside a transaction, and leave no state behind."""

    def __init__(self, pool: Pool, size: int) -> None:
        self._pool = pool
        self._free = asyncio.Semaphore(size)
        self._is_closing = False
        self._idle: list[PoolConnectionProxy[asyncpg.Record]] = []

    @classmethod
    async def open(cls, url: str, *, size: int, timeout_s: float) -> "ReadingSessions":
        """Connect; `timeout_s` is the longest a statement may run.

        Raises:
            What asyncpg does where the server cannot be reached.
        """
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            init=prepare,
            reset=_leave_as_it_is,
            command_timeout=timeout_s + 5,
            timeout=10,
            statement_cache_size=MOST_STATEMENTS,
            max_cacheable_statement_size=0,
            server_settings={**READING_SETTINGS, "statement_timeout": str(round(timeout_s * 1000))},
        )
        return cls(pool, size)

    async def fetch(self, text: str, *values: Any) -> list[asyncpg.Record]:
        """Run a statement and return its rows."""
        async with self._free:
            connection = await self._borrow()
            try:
                rows: list[asyncpg.Record] = await connection.fetch(text, *values)
                return rows
            finally:
                await self._take_back(connection)

    async def fetchrow(self, text: str, *values: Any) -> asyncpg.Record | None:
        """Run a statement and return its first row; None where there is none."""
        rows = await self.fetch(text, *values)
        return rows[0] if rows else None

    async def close(self) -> None:
        """Close every session, after its statement."""
        self._is_closing = True
        while self._idle:
            await self._pool.release(self._idle.pop())
        await self._pool.close()

    def terminate(self) -> None:
        """Close every session at once."""
        self._pool.terminate()

    async def _borrow(self) -> "PoolConnectionProxy[asyncpg.Record]":
        while self._idle:
            connection = self._idle.pop()
            if _is_open(connection):
                return connection
            await self._pool.release(connection)
        return await self._pool.acquire()

    async def _take_back(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        if _is_open(connection) and not self._is_closing:
            self._idle.append(connection)
        else:
            await self._pool.release(connection)


def _is_open(connection: "PoolConnectionProxy[asyncpg.Record]") -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # its server process ended, and the pool has taken it back
        return False


async def _leave_as_it_is(_connection: Connection) -> None:
    """Reset nothing: statements that only read leave no state, and a reset is a round trip."""
