"""The migration to partitions, on a table that holds changes: they stay as they are, there and back."""

from typing import Any

import asyncpg
import pytest

from core.db.migrations import CORE_MIGRATIONS
from tests.history.past import TWO, Past, months_ago

NAME = "0014_history_chain"


async def run(past: Past, direction: str) -> None:
    await past.pool.execute((CORE_MIGRATIONS / f"{NAME}.{direction}.sql").read_text(encoding="utf-8"))


async def rows(past: Past) -> list[dict[str, Any]]:
    return [dict(row) for row in await past.pool.fetch("SELECT * FROM change ORDER BY id")]


async def indexes(past: Past) -> set[str]:
    found = await past.pool.fetch("SELECT indexname FROM pg_indexes WHERE tablename = 'change'")
    return {row["indexname"] for row in found}


async def test_changes_stay_as_they_are_there_and_back(past: Past) -> None:
    await run(past, "down")
    assert await past.pool.fetchval("SELECT relkind FROM pg_class WHERE relname = 'change'") == b"r"
    plain = await indexes(past)
    await past.write(5, at=months_ago(30))
    await past.write(5, firm=TWO)
    before = await rows(past)
    await run(past, "up")
    assert await rows(past) == before
    assert await past.pool.fetchval("SELECT count(*) FROM change_rest") == 0
    assert len(await past.partitions()) == 5
    await past.write(1, at=months_ago(-1))
    await past.seal()
    assert [(await past.verify(firm)).changes for firm in (1, TWO)] == [6, 5]
    after = await rows(past)
    assert after[-1]["id"] > before[-1]["id"]
    await run(past, "down")
    assert await rows(past) == after
    assert await indexes(past) == plain
    await past.write(1)
    assert len({row["id"] for row in await rows(past)}) == 12
    assert await past.pool.fetch("SELECT FROM pg_class WHERE relname LIKE 'change\\_2%'") == []


async def test_a_number_is_of_one_change_within_its_partition(past: Past) -> None:
    await past.write(1)
    with pytest.raises(asyncpg.UniqueViolationError):
        await past.pool.execute("INSERT INTO change SELECT * FROM change")
