"""Writers of changes whose transactions overlap, and some of which are rolled back."""

import asyncio
import random

import asyncpg

WRITERS = 8


async def _write(url: str, writer: int, firm: int, changes: int) -> set[int]:
    """Write changes, up to three in a transaction that is open for a while; return the ids that were committed."""
    chance = random.Random(writer)  # noqa: S311 - a schedule, not a secret
    connection = await asyncpg.connect(url)
    written: set[int] = set()
    try:
        while len(written) < changes:
            transaction = connection.transaction()
            await transaction.start()
            made = []
            for _ in range(chance.randint(1, 3)):
                made.append(
                    await connection.fetchval(
                        "INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, after)"
                        " VALUES ($1, 'contact', $2, 'updated', now(), 'webhook', '{\"name\": \"A\"}') RETURNING id",
                        *(firm, writer),
                    )
                )
                await asyncio.sleep(chance.random() * 0.01)
            if chance.random() < 0.2:
                await transaction.rollback()
            else:
                await transaction.commit()
                written.update(made)
    finally:
        await connection.close()
    return written


async def write_at_once(url: str, *, firm: int, changes: int = 60, writers: int = WRITERS) -> set[int]:
    """Let the writers write so many changes each, at once; return the ids of all that were committed."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_write(url, writer, firm, changes)) for writer in range(writers)]
    return set().union(*(task.result() for task in tasks))
