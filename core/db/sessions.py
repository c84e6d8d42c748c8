"""Sessions that are lent at little cost.

A pool lends and takes back each connection with a task and a timer of its own, which costs more than a look-up by key
does. Whoever uses a session here keeps it for one statement, and passes it to the next.
"""

import asyncio
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from core.cancelling import to_the_end
from core.db.types import Connection, Pool


class Sessions:
    """At most `size` sessions. Their statements run one by one, outside a transaction, and leave no state behind."""

    def __init__(self, pool: Pool, size: int) -> None:
        self._pool = pool
        self._free = asyncio.Semaphore(size)
        self._is_closing = False
        self._idle: list[PoolConnectionProxy[asyncpg.Record]] = []

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


async def leave_as_it_is(_connection: Connection) -> None:
    """Reset nothing: statements and transactions leave no state, and a reset is a round trip.

    What locks a session gives the lock back itself, by `unlock`.
    """


async def unlock(connection: Connection, text: str, *values: Any) -> None:
    """Run the statement that gives a session's lock back, even when cancelled; a session that cannot is ended."""
    try:
        await to_the_end(connection.execute(text, *values))
    except Exception:
        connection.terminate()
        raise
