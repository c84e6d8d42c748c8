"""Retention: history goes by whole months, first from the chain and then from the disk, and never while it is held.

A purge is a link of the firm's chain, which says up to where changes and links are gone; so what is left verifies, and
a purge that this service did not make has no code. The rows follow at once: a partition that holds nothing else goes
whole, what lies beside changes that stay is deleted by the thousand. Cut off anywhere, the next turn goes on.
"""

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from core.db.types import Connection
from core.history import chain
from core.history.chain import Purge
from core.history.holds import NOT_HELD
from core.history.keys import SealKeys
from core.history.partitions import Partition, partitions_of, wait_briefly
from core.logging import get_logger

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

BATCH = 2_000
"""Rows deleted in one transaction."""

_DUE = f"""
SELECT firm.id AS firm FROM firm CROSS JOIN LATERAL (
    SELECT recorded_until_at FROM history_seal
    WHERE history_seal.firm = firm.id AND kind = 'changes' ORDER BY number LIMIT 1
) AS oldest
WHERE oldest.recorded_until_at < $1 AND ($2::bigint IS NULL OR firm.id = $2) AND {NOT_HELD.format(firm="firm.id")}
ORDER BY firm.id"""

_THROUGH = f"""
SELECT number, until_committed_in, until_id FROM history_seal
WHERE firm = $1 AND kind = 'changes' AND number < coalesce((
        SELECT min(number) FROM history_seal WHERE firm = $1 AND kind = 'changes' AND recorded_until_at >= $2
    ), {2**63 - 1})
  AND {NOT_HELD.format(firm="$1")}
ORDER BY number DESC LIMIT 1"""

_PURGED = f"""
SELECT DISTINCT ON (firm) firm, purged_committed_in, purged_id FROM history_seal
WHERE kind = 'purge' AND {NOT_HELD.format(firm="history_seal.firm")} ORDER BY firm, number DESC"""

_KEEPS = f"""
SELECT EXISTS (
    SELECT FROM firm LEFT JOIN ({_PURGED}) AS purged ON purged.firm = firm.id
    WHERE EXISTS (
        SELECT FROM {{partition}} AS change WHERE change.firm = firm.id AND (change.committed_in, change.id)
            > (coalesce(purged.purged_committed_in, 0), coalesce(purged.purged_id, 0))
    )
)"""

_ERASE = f"""
DELETE FROM {{partition}} WHERE id = ANY (ARRAY(
    SELECT gone.id FROM ({_PURGED}) AS purged CROSS JOIN LATERAL (
        SELECT id FROM {{partition}} AS change
        WHERE change.firm = purged.firm
          AND (change.committed_in, change.id) <= (purged.purged_committed_in, purged.purged_id)
        ORDER BY change.committed_in, change.id LIMIT $1
    ) AS gone LIMIT $1
))"""


@dataclass(frozen=True)
class Purged:
    """What a purge did: firms and changes that it marked as gone, partitions dropped, rows deleted beside others."""

    firms: int = 0
    changes: int = 0
    dropped: tuple[str, ...] = ()
    deleted: int = 0


def cutoff(keep_days: int, now: datetime.datetime) -> datetime.datetime:
    """Return the instant before which everything may go: the beginning of the month that was so many days ago, UTC."""
    day = now.astimezone(datetime.UTC) - datetime.timedelta(days=keep_days)
    return day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


async def purge(
    services: "Services", *, keep_days: int, reason: str, firm: int | None = None, batch: int = BATCH
) -> Purged:
    """Purge what was recorded before the month of so many days ago, of one firm or all, but for those that are held."""
    now = await services.database.pool.fetchval("SELECT now()")
    before = cutoff(keep_days, now)
    due = await services.database.pool.fetch(_DUE, before, firm)
    marked = [await _mark(services, row["firm"], before, reason) for row in due]
    dropped, deleted = await _erase(services, before, batch)
    done = Purged(sum(count > 0 for count in marked), sum(marked), tuple(dropped), deleted)
    if done != Purged():
        log.info("history_purged", firms=done.firms, changes=done.changes, partitions=dropped, deleted=deleted)
    return done


async def due(services: "Services", *, keep_days: int, firm: int | None = None) -> list[tuple[int, int]]:
    """Return what a purge would mark now: firms, and how many changes of each. Changes nothing."""
    now = await services.database.pool.fetchval("SELECT now()")
    before = cutoff(keep_days, now)
    async with services.database.pool.acquire() as connection:
        found = []
        for row in await connection.fetch(_DUE, before, firm):
            last = await connection.fetchrow(_THROUGH, row["firm"], before)
            if last is not None:
                found.append((row["firm"], await _count(connection, row["firm"], last["number"])))
        return found


async def purge_expired(services: "Services") -> Purged:
    """Purge what HISTORY_KEEP_DAYS no longer keeps; nothing where it is not set."""
    days = services.settings.history_keep_days
    if days is None:
        return Purged()
    return await purge(services, keep_days=days, reason=f"HISTORY_KEEP_DAYS={days}")


async def _mark(services: "Services", firm: int, before: datetime.datetime, reason: str) -> int:
    """Take the links of a firm's expired changes off its chain, and add the link that says so; return the changes."""
    async with services.database.transaction() as connection:
        at = await chain.lock(connection)
        last = await connection.fetchrow(_THROUGH, firm, before)
        if last is None:
            return 0  # another worker has done it, or it is held since
        changes = await _count(connection, firm, last["number"])
        gone = Purge(through=last["number"], until=(last["until_committed_in"], last["until_id"]))
        keys = SealKeys.of(services.settings)
        await chain.append(connection, keys, firm, "purge", at=at, reason=reason, changes=changes, purge=gone)
        await connection.execute("DELETE FROM history_seal WHERE firm = $1 AND number <= $2", firm, gone.through)
        await connection.execute(
            "UPDATE firm SET history_from_at = greatest(history_from_at, $2) WHERE id = $1", firm, before
        )
    return changes


async def _count(connection: Connection, firm: int, through: int) -> int:
    count: int = await connection.fetchval(
        """SELECT coalesce(sum(changes), 0)::bigint FROM history_seal
        WHERE firm = $1 AND kind = 'changes' AND number <= $2""",
        *(firm, through),
    )
    return count


async def _erase(services: "Services", before: datetime.datetime, batch: int) -> tuple[list[str], int]:
    """Delete what is marked as gone: drop the partitions that hold nothing else, and the rows in the others."""
    async with services.database.pool.acquire() as connection:
        partitions = await partitions_of(connection)
    dropped, deleted = [], 0
    for partition in partitions:
        if partition.since_at is not None and partition.since_at >= before:
            continue
        if partition.until_at is not None and partition.until_at <= before:
            taken = await _drop(services, partition)
            if taken:
                dropped.append(partition.name)
            if taken is not False:
                continue
        while count := await _delete(services, partition, batch):
            deleted += count
            if count < batch:
                break
    return dropped, deleted


async def _drop(services: "Services", partition: Partition) -> bool | None:
    """Drop a partition unless it holds a change that stays (False) or is in use now (None): the next turn sees."""
    try:
        async with services.database.transaction() as connection:
            await chain.lock(connection)
            keeps = _KEEPS.format(partition=partition.name)
            if await connection.fetchval(keeps):
                return False
            await wait_briefly(connection)
            # First the whole and then the part, as readers lock them; then nothing can come in after the look.
            await connection.execute(f"LOCK TABLE ONLY change, {partition.name} IN ACCESS EXCLUSIVE MODE")
            if await connection.fetchval(keeps):
                return False
            await connection.execute(f"DROP TABLE {partition.name}")
    except (asyncpg.LockNotAvailableError, asyncpg.UndefinedTableError) as error:
        log.warning("history_partition_waits", partition=partition.name, error=type(error).__name__)
        return None
    return True


async def _delete(services: "Services", partition: Partition, batch: int) -> int:
    async with services.database.transaction() as connection:
        await chain.lock(connection)
        answer = await connection.execute(_ERASE.format(partition=partition.name), batch)
    return int(answer.rpartition(" ")[2])
