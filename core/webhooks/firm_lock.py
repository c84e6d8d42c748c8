"""One worker at a time looks after a firm's subscriptions: an advisory lock of PostgreSQL, gone with its connection."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.db.engine import Database
from core.db.sessions import unlock
from core.errors import ServiceError

WAIT_S = 60.0
ASK_AGAIN_S = 0.2


class SubscriptionsBusy(ServiceError):
    """Another worker is looking after the firm's webhook subscriptions and did not finish in time."""

    code = "SUBSCRIPTIONS_BUSY"


@asynccontextmanager
async def try_firm_lock(database: Database, firm: int) -> AsyncIterator[bool]:
    """Hold the lock for the block, if it is free; yields whether it was. Borrows one connection meanwhile."""
    async with database.pool.acquire() as connection:
        held = await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", f"webhooks:{firm}")
        try:
            yield held
        finally:
            if held:
                await unlock(connection, "SELECT pg_advisory_unlock(hashtextextended($1, 0))", f"webhooks:{firm}")


@asynccontextmanager
async def firm_lock(database: Database, firm: int) -> AsyncIterator[None]:
    """Hold the lock for the block, waiting for it without a connection: waiters must not starve the holder of one.

    Raises:
        SubscriptionsBusy: somebody else kept it for a minute.
    """
    deadline = time.monotonic() + WAIT_S
    while True:
        async with try_firm_lock(database, firm) as held:
            if held:
                yield
                return
        if time.monotonic() >= deadline:
            raise SubscriptionsBusy(f"firm {firm}: its webhooks are being registered by another worker: try again")
        await asyncio.sleep(ASK_AGAIN_S)
