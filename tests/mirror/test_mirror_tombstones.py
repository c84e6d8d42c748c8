"""A deletion told of a record that the mirror does not have keeps an older page from bringing it in."""

import asyncio
import datetime
from typing import Any

from core.db.engine import Database
from core.mirror.tombstones import settle_tombstones
from core.mirror.writer import check_records, mark_absent, validate_records, write_batch, write_records
from core.resource import Resource
from core.services import Services
from tests.mirror.scene import Mirror, at, contact


async def test_a_page_read_before_a_deletion_does_not_bring_the_record_in(mirror: Mirror) -> None:
    assert not await mirror.delete(2, seen=10)
    result = await mirror.write(contact(1), contact(2), contact(3), seen=9)
    assert (result.created, result.updated, result.unchanged) == (2, 0, 1)
    assert await ids(mirror) == {1, 3}
    assert [operation for operation, _, _ in await mirror.changes()] == ["created", "created"]


async def test_a_page_that_is_said_to_be_new_does_not_either(mirror: Mirror) -> None:
    await mirror.delete(2, seen=10)
    batch = await check_records(mirror.resource, [contact(1), contact(2)])
    how: Any = {"firm": mirror.firm, "source": "backfill", "is_new": True}
    result = await write_batch(mirror.database.pool, batch, seen_at=at(9), **how)
    assert (result.created, result.unchanged, await ids(mirror)) == (1, 1, {1})
    assert (await write_batch(mirror.database.pool, batch, seen_at=at(11), **how)).created == 1
    assert await ids(mirror) == {1, 2}


async def test_one_read_later_does(mirror: Mirror) -> None:
    await mirror.delete(2, seen=10)
    assert (await mirror.write(contact(2), seen=11)).created == 1
    assert (await mirror.row(2))["presence"] == "present"


async def test_it_is_of_one_firm_and_resource(mirror: Mirror, database: Database, contacts: Resource) -> None:
    await Mirror(database, contacts, firm=2).delete(1, seen=10)
    await database.pool.execute("UPDATE tombstone SET resource = 'matter' WHERE firm = 2")
    await mirror.delete(7, seen=10)
    assert (await mirror.write(contact(1), seen=9)).created == 1
    assert (await Mirror(database, contacts, firm=2).write(contact(1), seen=9)).created == 1


async def test_a_deletion_told_again_counts_from_the_later(mirror: Mirror) -> None:
    for seen in (10, 20, 15):
        await mirror.delete(1, seen=seen)
    assert (await mirror.write(contact(1), seen=19)).created == 0
    assert (await mirror.write(contact(1), seen=21)).created == 1


async def test_what_is_only_hidden_leaves_none(database: Database, contacts: Resource) -> None:
    await mark_absent(
        database.pool,
        contacts,
        firm=1,
        clio_id=1,
        presence="hidden",
        seen_at=at(10),
        source="webhook",
        evidence={"asked": "record", "status": 403},
    )
    assert await database.pool.fetchval("SELECT count(*) FROM tombstone") == 0


async def test_a_page_and_a_deletion_of_the_same_moment_end_deleted(services: Services, firm: int) -> None:
    """Neither sees the other: the page's statement began before the deletion, and was committed after it."""
    contacts = services.registry.resource("contact")
    mirror = Mirror(services.database, contacts, firm)
    async with services.database.transaction() as page, services.database.transaction() as deletion:
        for connection in (page, deletion):
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await connection.fetchval("SELECT count(*) FROM tombstone")
        records = validate_records(contacts, [contact(1)])
        await write_records(page, contacts, firm=firm, payloads=records, seen_at=at(9), source="incremental")
        assert not await mark_absent(
            deletion,
            contacts,
            firm=firm,
            clio_id=1,
            presence="deleted",
            seen_at=at(10),
            source="webhook",
            evidence={"webhook": "deleted"},
        )
    assert (await mirror.row())["presence"] == "present"
    assert await settle_tombstones(services) == 1
    assert (await mirror.row())["presence"] == "deleted"
    evidence = await services.database.pool.fetchval("SELECT evidence FROM change WHERE operation = 'deleted'")
    assert evidence == {"webhook": "deleted"}
    assert await settle_tombstones(services) == 0


async def test_old_ones_are_forgotten(services: Services, firm: int) -> None:
    mirror = Mirror(services.database, services.registry.resource("contact"), firm)
    now = datetime.datetime.now(datetime.UTC)
    for clio_id, age_h in ((1, 23), (2, 25)):
        seen = (now - datetime.timedelta(hours=age_h) - at(0)).total_seconds()
        await mirror.delete(clio_id, seen=seen)
    await settle_tombstones(services)
    left = await services.database.pool.fetch("SELECT clio_id FROM tombstone")
    assert [row["clio_id"] for row in left] == [1]


async def test_pages_and_deletions_at_once_end_deleted(services: Services, firm: int) -> None:
    mirror = Mirror(services.database, services.registry.resource("contact"), firm)
    page = [contact(clio_id) for clio_id in range(1, 41)]
    await asyncio.gather(mirror.write(*page, seen=9), *(mirror.delete(clio_id, seen=10) for clio_id in range(1, 41, 3)))
    await settle_tombstones(services)
    rows = await services.database.pool.fetch("SELECT clio_id FROM contacts_contact WHERE presence = 'present'")
    assert {row["clio_id"] for row in rows} == set(range(1, 41)) - set(range(1, 41, 3))


async def ids(mirror: Mirror) -> set[int]:
    return {row["clio_id"] for row in await mirror.database.pool.fetch("SELECT clio_id FROM contacts_contact")}
