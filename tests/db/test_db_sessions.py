"""Sessions go back to their pool as they are, and what locked one has unlocked it."""

import asyncio

import asyncpg
import pytest

from core.db.engine import Database
from core.services import Services
from core.webhooks.firm_lock import try_firm_lock


@pytest.fixture
def database(services: Services) -> Database:
    return services.database


async def test_a_session_goes_back_to_its_pool_without_another_round_trip(
    database: Database, database_url: str
) -> None:
    number = await database.pool.fetchval("SELECT pg_backend_pid() AS mine")
    other = await asyncpg.connect(database_url)
    try:
        latest = await other.fetchval("SELECT query FROM pg_stat_activity WHERE pid = $1", number)
    finally:
        await other.close()
    assert latest == "SELECT pg_backend_pid() AS mine"


async def test_a_lock_is_given_back_by_who_is_cancelled_while_holding_it(database: Database) -> None:
    holds = asyncio.Event()

    async def hold() -> None:
        async with try_firm_lock(database, 1) as held:
            assert held
            holds.set()
            await asyncio.sleep(60)

    holder = asyncio.create_task(hold())
    await holds.wait()
    async with try_firm_lock(database, 1) as held:
        assert not held
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)
    # Not asked by trying again: the session that kept it would be given it once more.
    assert not await database.pool.fetch(
        """SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
           WHERE locktype = 'advisory' AND datname = current_database()"""
    )


async def test_instants_in_json_are_utc_whatever_the_database_says(database: Database) -> None:
    name = await database.pool.fetchval("SELECT current_database()")
    await database.pool.execute(f"ALTER DATABASE \"{name}\" SET TimeZone = 'Pacific/Auckland'")
    await database.pool.expire_connections()
    told = await database.pool.fetchval("SELECT to_jsonb(timestamptz '2026-03-01T12:00:00Z')")
    assert told == "2026-03-01T12:00:00+00:00"
