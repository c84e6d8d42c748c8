"""The partitions of `change`: one a month, made ahead; and those that a purge takes away.

PostgreSQL locks the whole table while a partition is taken away, and the partition of the rest while one is made. Both
take milliseconds once they begin, and give up where they would have to wait: the next turn tries again.
"""

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from core.db.types import Connection
from core.history import chain
from core.logging import get_logger

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

MONTHS_AHEAD = 3
"""So long every worker may be away until changes go to the partition of the rest, from which they are moved later."""

LOCK_S = 2.0
"""Longest wait for the lock of a table: whoever waits for it holds up all who come after."""

REST = "change_rest"
"""Takes what no other partition does."""

_NAME = re.compile(r"change_(\d{4})_(\d{2})\Z")


@dataclass(frozen=True)
class Partition:
    """A partition by its name, and when its changes were recorded: from `since_at` on, before `until_at`.

    Both are None of the partition of the rest, and `since_at` of the first, which holds all that was before it.
    """

    name: str
    since_at: datetime.datetime | None
    until_at: datetime.datetime | None


async def make_ahead(services: "Services", *, months: int = MONTHS_AHEAD) -> list[str]:
    """Make the partitions of this month and of some to come that are missing; return their names."""
    this = await services.database.pool.fetchval("SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date")
    made = []
    for ahead in range(months + 1):
        month = _months_after(this, ahead)
        try:
            async with services.database.transaction() as connection:
                await chain.lock(connection)
                await wait_briefly(connection)
                if await connection.fetchval("SELECT add_change_partition($1)", month):
                    made.append(f"change_{month:%Y_%m}")
        except asyncpg.LockNotAvailableError:
            log.warning("history_partition_waits", partition=f"change_{month:%Y_%m}")
    if made:
        log.info("history_partitions_made", partitions=made)
    return made


async def partitions_of(connection: Connection) -> list[Partition]:
    """Return the partitions there are, oldest first, that of the rest last."""
    rows = await connection.fetch(
        """SELECT relname::text AS name, pg_get_expr(relpartbound, pg_class.oid) LIKE '%MINVALUE%' AS is_first
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'change'::regclass ORDER BY relname = $1, relname""",
        REST,
    )
    return [_partition(row["name"], is_first=row["is_first"]) for row in rows]


async def wait_briefly(connection: Connection) -> None:
    """Let this transaction give up where another holds a table, with LockNotAvailableError."""
    await connection.execute("SELECT set_config('lock_timeout', $1, true)", f"{int(LOCK_S * 1000)}ms")


def _partition(name: str, *, is_first: bool) -> Partition:
    match = _NAME.match(name)
    if match is None:
        return Partition(name, None, None)
    month = datetime.date(int(match[1]), int(match[2]), 1)
    return Partition(name, None if is_first else _begin(month), _begin(_months_after(month, 1)))


def _begin(month: datetime.date) -> datetime.datetime:
    return datetime.datetime(month.year, month.month, 1, tzinfo=datetime.UTC)


def _months_after(month: datetime.date, count: int) -> datetime.date:
    years, months = divmod(month.month - 1 + count, 12)
    return datetime.date(month.year + years, months + 1, 1)
