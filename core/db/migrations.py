"""Migrations: numbered pairs of SQL files per plugin, applied under one lock.

Every file runs in a transaction of its own with the row that records it, so a failed one leaves nothing behind. The
advisory lock makes any number of processes that start at once apply each file exactly once.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from core.db.engine import Connection, Database
from core.db.sessions import unlock
from core.errors import MigrationFailed
from core.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = get_logger(__name__)

CORE_MIGRATIONS = Path(__file__).parent / "sql"
LEAST_SERVER_VERSION = 140000
LOCK_KEY = 0x436C696F  # "Clio" in ASCII: any number that no other program locks
PATIENCE_S = 6 * 3600.0
"""How long one migration, or the wait for those of another process, may take: some read or index whole tables."""

FILE_NAME = re.compile(r"(\d{4}_[a-z0-9_]+)\.up\.sql\Z")

JOURNAL = """
CREATE TABLE IF NOT EXISTS schema_migration (
    owner text NOT NULL, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, name)
)"""


@dataclass(frozen=True)
class Migration:
    """One step: the plugin (or `core`) that owns it, its name, and the files that apply it and take it back."""

    owner: str
    name: str
    up: Path
    down: Path


def find_migrations(owner: str, folder: Path) -> Iterator[Migration]:
    """Yield the migrations in a folder, in order of their numbers.

    Raises:
        MigrationFailed: an `.up.sql` has no `.down.sql` beside it.
    """
    for up in sorted(folder.glob("*.up.sql")):
        match = FILE_NAME.match(up.name)
        down = up.with_name(up.name.replace(".up.sql", ".down.sql"))
        if match is None or not down.is_file():
            raise MigrationFailed(
                f"{owner}: {up.name} must be named NNNN_name.up.sql, with NNNN_name.down.sql beside it"
            )
        yield Migration(owner, match[1], up, down)


async def migrate(database: Database, folders: Sequence[tuple[str, Path]]) -> list[Migration]:
    """Apply what is not applied yet; return it, in order. `folders` is (owner, folder) pairs after core's own.

    Raises:
        MigrationFailed: names the owner and the file; what ran before it stays applied.
    """
    wanted = [
        step for owner, folder in [("core", CORE_MIGRATIONS), *folders] for step in find_migrations(owner, folder)
    ]
    async with _locked(database) as connection:
        rows = await connection.fetch("SELECT owner, name FROM schema_migration")
        done = {(row["owner"], row["name"]) for row in rows}
        pending = [step for step in wanted if (step.owner, step.name) not in done]
        for step in pending:
            await _run(connection, step, step.up, "INSERT INTO schema_migration (owner, name) VALUES ($1, $2)")
            log.info("migration_applied", owner=step.owner, migration=step.name)
    return pending


async def take_back(database: Database, owner: str, folder: Path) -> list[Migration]:
    """Undo every applied migration of one owner, newest first; its tables and their rows are gone afterwards."""
    steps = {step.name: step for step in find_migrations(owner, folder)}
    async with _locked(database) as connection:
        rows = await connection.fetch("SELECT name FROM schema_migration WHERE owner = $1 ORDER BY name DESC", owner)
        undone = [steps[row["name"]] for row in rows]
        for step in undone:
            await _run(connection, step, step.down, "DELETE FROM schema_migration WHERE owner = $1 AND name = $2")
    return undone


def _locked(database: Database) -> AbstractAsyncContextManager[Connection]:
    @asynccontextmanager
    async def hold() -> "AsyncIterator[Connection]":
        async with database.pool.acquire() as connection:
            version = connection.get_server_version()
            if version.major * 10000 < LEAST_SERVER_VERSION:
                raise MigrationFailed(f"PostgreSQL {version.major} is too old: use version 14 or newer")
            await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY, timeout=PATIENCE_S)
            try:
                await connection.execute(JOURNAL)
                yield connection
            finally:
                await unlock(connection, "SELECT pg_advisory_unlock($1)", LOCK_KEY)

    return hold()


async def _run(connection: Connection, step: Migration, file: Path, record: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute(await asyncio.to_thread(file.read_text, encoding="utf-8"), timeout=PATIENCE_S)
            await connection.execute(record, step.owner, step.name)
    except asyncpg.PostgresError as error:
        raise MigrationFailed(f"{step.owner}: {file.name} failed: {error}") from error
