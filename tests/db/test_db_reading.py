"""Sessions for queries: they only read, are as many as were allowed, and come back after the server was away."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from core.db.reading import ReadingSessions

SIZE = 3


@pytest.fixture
async def reading(database_url: str) -> AsyncIterator[ReadingSessions]:
    made = await ReadingSessions.open(database_url, size=SIZE, timeout_s=0.5)
    yield made
    await made.close()


async def backends(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        found = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clio-service-read'"
            " AND datname = current_database()"
        )
        return int(found)
    finally:
        await connection.close()


async def test_what_runs_at_once_shares_as_many_sessions_as_are_allowed(
    reading: ReadingSessions, database_url: str
) -> None:
    found = await asyncio.gather(*(reading.fetchrow("SELECT $1::integer AS n", number) for number in range(40)))
    assert [row and row["n"] for row in found] == list(range(40))
    assert await backends(database_url) <= SIZE
    assert await reading.fetchrow("SELECT 1 WHERE false") is None


async def test_nothing_can_be_written(reading: ReadingSessions) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reading.fetch("INSERT INTO firm (region, clio_account_id, name) VALUES ('us', 1, 'x')")
    assert await reading.fetch("SELECT id FROM firm") == []


async def test_a_statement_beyond_its_time_is_stopped_and_the_session_goes_on(reading: ReadingSessions) -> None:
    for _ in range(SIZE + 1):
        with pytest.raises(asyncpg.QueryCanceledError):
            await reading.fetch("SELECT pg_sleep(5)")
    assert len(await reading.fetch("SELECT 1")) == 1


async def test_a_caller_that_goes_away_leaves_its_session_to_others(reading: ReadingSessions) -> None:
    for _ in range(SIZE * 2):
        asking = asyncio.create_task(reading.fetch("SELECT pg_sleep(0.4)"))
        await asyncio.sleep(0.02)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert len(await asyncio.gather(*(reading.fetch("SELECT 1") for _ in range(SIZE * 2)))) == SIZE * 2


async def test_sessions_whose_server_process_died_are_replaced(reading: ReadingSessions, database_url: str) -> None:
    await asyncio.gather(*(reading.fetch("SELECT pg_sleep(0.05)") for _ in range(SIZE)))
    connection = await asyncpg.connect(database_url)
    await connection.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'clio-service-read'"
        " AND datname = current_database()"
    )
    await connection.close()
    await asyncio.sleep(0.05)  # for the news to reach the idle sessions
    assert len(await asyncio.gather(*(reading.fetch("SELECT 1") for _ in range(SIZE * 3)))) == SIZE * 3


async def test_instants_in_json_are_in_utc(reading: ReadingSessions) -> None:
    row = await reading.fetchrow("SELECT to_json('2024-05-31T09:30:00.120+02:00'::timestamptz)::text AS text")
    assert row is not None
    assert row["text"] == '"2024-05-31T07:30:00.12+00:00"'
