"""Two writers at the same row at the same moment, in every order that matters."""

import asyncio
from collections.abc import Awaitable

from core.db.engine import Connection
from core.mirror.writer import Checkpoint, WriteResult, validate_records, write_records
from core.testing.driving import until
from tests.mirror.scene import Mirror, at, contact


async def write_on(connection: Connection, mirror: Mirror, updated: float, name: str, *, seen: float) -> WriteResult:
    return await write_records(
        connection,
        mirror.resource,
        firm=1,
        payloads=validate_records(mirror.resource, [contact(1, updated=updated, name=name)]),
        seen_at=at(seen),
        source="incremental",
    )


async def meanwhile(mirror: Mirror, first: tuple[float, str], second: Awaitable[WriteResult]) -> WriteResult:
    """Write `first` in a transaction, start `second`, and commit the first once the second waits for it."""
    async with mirror.database.transaction() as connection:
        await write_on(connection, mirror, *first, seen=50)
        waiting = asyncio.ensure_future(second)

        async def waits() -> bool:
            return bool(
                await mirror.database.pool.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock')"
                )
            )

        await until(waits)
    return await waiting


async def test_an_older_record_that_waited_for_a_newer_does_not_overwrite_it(mirror: Mirror) -> None:
    await mirror.write(contact(1, updated=1, name="first"), seen=1)
    result = await meanwhile(mirror, (9, "newest"), mirror.write(contact(1, updated=5, name="older"), seen=60))
    assert result.updated == 0
    assert (await mirror.row())["name"] == "newest"


async def test_a_newer_record_that_waited_logs_what_it_really_replaced(mirror: Mirror) -> None:
    await mirror.write(contact(1, updated=1, name="first"), seen=1)
    result = await meanwhile(mirror, (5, "between"), mirror.write(contact(1, updated=9, name="newest"), seen=60))
    assert result.updated == 1
    operation, before, after = (await mirror.changes())[-1]
    assert (operation, before["name"], after["name"]) == ("updated", "between", "newest")


async def test_a_record_that_another_writer_created_meanwhile_is_compared_and_counted_once(mirror: Mirror) -> None:
    run: int = await mirror.database.pool.fetchval(
        """INSERT INTO sync_run (firm, resource, kind, state, lease_owner, lease_until)
           VALUES (1, 'contact', 'backfill', 'running', 'me', now() + interval '1 minute') RETURNING id"""
    )
    checkpoint = Checkpoint(
        run_id=run, lease_owner="me", lease_s=30, at_url=None, next_url="https://clio.test/next", total=1
    )
    page = mirror.write(contact(1, updated=9, name="newest"), seen=60, source="backfill", checkpoint=checkpoint)
    result = await meanwhile(mirror, (5, "created by the other"), page)
    assert (result.created, result.updated, (await mirror.row())["name"]) == (0, 1, "newest")
    row = await mirror.database.pool.fetchrow("SELECT pages, records_seen FROM sync_run WHERE id = $1", run)
    assert row is not None
    assert tuple(row) == (1, 1)
