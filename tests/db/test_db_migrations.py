"""Migrations: forwards, back, under a lock, and equal to the tables they make."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from piccolo.table import Table

from core.db import engine
from core.db.engine import Database
from core.db.migrations import CORE_MIGRATIONS, find_migrations, migrate, take_back
from core.db.tables import TABLES
from core.embedded.servers import EmbeddedServers
from core.errors import DatabaseUnavailable, MigrationFailed
from core.registry import Registry
from core.testing.stack import administer, database_named, drop_database


@pytest.fixture
async def empty_url(servers: EmbeddedServers) -> AsyncIterator[str]:
    """A database without a single table."""
    await administer(servers, "CREATE DATABASE test_migrations")
    yield database_named(servers, "test_migrations")
    await drop_database(servers, "test_migrations")


async def opened(url: str) -> Database:
    database = Database(url)
    await database.open()
    return database


def folders(registry: Registry) -> list[tuple[str, Path]]:
    return [(plugin.name, plugin.migrations) for plugin in registry.plugins if plugin.migrations]


async def columns_of(database: Database, table: str) -> dict[str, tuple[str, bool]]:
    rows = await database.pool.fetch(
        """SELECT attname, format_type(atttypid, atttypmod) AS kind, attnotnull FROM pg_attribute
           WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped""",
        table,
    )
    return {row["attname"]: (row["kind"], row["attnotnull"]) for row in rows}


SPELLED = {
    "BIGSERIAL": "bigint",
    "TIMESTAMPTZ": "timestamp with time zone",
    "VARCHAR": "character varying",
    "TEXT[]": "text[]",
}


def declared_columns(table: type[Table]) -> dict[str, tuple[str, bool]]:
    found = {}
    for column in table._meta.columns:
        kind = str(column.column_type)
        for ours, theirs in SPELLED.items():
            kind = kind.replace(ours, theirs) if kind.startswith(ours) else kind
        found[str(column._meta.name)] = (kind.lower().replace(", ", ","), not column._meta.null)
    return found


async def test_migrated_tables_equal_the_declared_ones(database_url: str, registry: Registry) -> None:
    database = await opened(database_url)
    tables: list[type[Table]] = [*TABLES, *(resource.table for resource in registry.resources)]
    for table in tables:
        assert await columns_of(database, table._meta.tablename) == declared_columns(table), table._meta.tablename
    await database.close()


async def test_every_mirror_table_is_unique_by_firm_and_clio_id(database_url: str, registry: Registry) -> None:
    database = await opened(database_url)
    for resource in registry.resources:
        definition = await database.pool.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1",
            f"{resource.table_name}_firm_clio_id",
        )
        assert definition == "UNIQUE (firm, clio_id)", resource.name
    await database.close()


def every_migration(registry: Registry) -> list[Path]:
    return [file for _, folder in [("core", CORE_MIGRATIONS), *folders(registry)] for file in folder.glob("*.up.sql")]


async def test_processes_that_start_at_once_apply_each_migration_once(empty_url: str, registry: Registry) -> None:
    databases = [await opened(empty_url) for _ in range(4)]
    applied = await asyncio.gather(*(migrate(database, folders(registry)) for database in databases))
    names = [(step.owner, step.name) for steps in applied for step in steps]
    assert len(names) == len(set(names)) == len(every_migration(registry))
    for database in databases:
        await database.close()


async def test_migrations_go_back_and_forwards_again(empty_url: str, registry: Registry) -> None:
    database = await opened(empty_url)
    await migrate(database, folders(registry))
    for owner, folder in [*reversed(folders(registry)), ("core", CORE_MIGRATIONS)]:
        assert len(await take_back(database, owner, folder)) == len(list(folder.glob("*.up.sql")))
    left = await database.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert [row["tablename"] for row in left] == ["schema_migration"]
    assert len(await migrate(database, folders(registry))) == len(every_migration(registry))
    await database.close()


async def test_a_migration_may_take_longer_than_other_statements(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some read whole tables, and a second process waits for the first one to end."""
    (tmp_path / "0001_long.up.sql").write_text("SELECT pg_sleep(2.5);", encoding="utf-8")
    (tmp_path / "0001_long.down.sql").write_text("SELECT 1;", encoding="utf-8")
    monkeypatch.setattr(engine, "COMMAND_S", 1.0)
    databases = [await opened(empty_url), await opened(empty_url)]
    await migrate(databases[0], [])
    applied = await asyncio.gather(*(migrate(database, [("slow", tmp_path)]) for database in databases))
    assert sorted(map(len, applied)) == [0, 1]
    for database in databases:
        await database.close()


async def test_a_migration_that_fails_is_named_and_leaves_nothing(empty_url: str, tmp_path: Path) -> None:
    (tmp_path / "0001_bad.up.sql").write_text("CREATE TABLE half (); SELECT nonsense;", encoding="utf-8")
    (tmp_path / "0001_bad.down.sql").write_text("DROP TABLE half;", encoding="utf-8")
    database = await opened(empty_url)
    with pytest.raises(MigrationFailed, match=r"odd: 0001_bad\.up\.sql failed"):
        await migrate(database, [("odd", tmp_path)])
    assert await database.pool.fetchval("SELECT to_regclass('half')") is None
    await database.close()


def test_a_migration_without_a_way_back_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_lonely.up.sql").write_text("SELECT 1;", encoding="utf-8")
    with pytest.raises(MigrationFailed, match=r"0001_lonely\.up\.sql"):
        list(find_migrations("odd", tmp_path))


async def test_an_unreachable_database_says_what_to_check_and_not_the_password() -> None:
    with pytest.raises(DatabaseUnavailable, match="DATABASE_URL") as caught:
        await opened("postgresql://clio:hunter2@127.0.0.1:1/clio")
    assert "hunter2" not in str(caught.value)
