"""A page that is said to be new costs less and means the same, whether it is new or not."""

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.engine import Database
from core.mirror.statement import COMMON, write_statement
from core.mirror.writer import Checkpoint, WriteResult, check_records, write_batch
from core.registry import Registry
from tests.mirror.scene import Mirror, at, contact


async def write(
    mirror: Mirror, *records: dict[str, Any], seen: float, is_new: bool = True, checkpoint: Checkpoint | None = None
) -> WriteResult:
    return await write_batch(
        mirror.database.pool,
        await check_records(mirror.resource, records),
        firm=mirror.firm,
        seen_at=at(seen),
        source="backfill",
        checkpoint=checkpoint,
        is_new=is_new,
    )


async def test_a_new_page_is_created_with_a_change_of_every_column_that_holds_something(mirror: Mirror) -> None:
    record = contact(1, email_addresses=[{"id": 7, "name": None, "address": "ada@example.test"}], is_client=False)
    assert (await write(mirror, record, contact(2), seen=10)).created == 2
    images = await mirror.database.pool.fetch(
        """SELECT (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(stored)) WHERE value <> 'null'
             AND key <> ALL (ARRAY['id', 'firm', 'clio_id', 'presence', 'seen_at'])) AS image
           FROM contacts_contact AS stored ORDER BY clio_id"""
    )
    assert [after for _, _, after in await mirror.changes()] == [row["image"] for row in images]
    assert set(images[0]["image"]) >= {*COMMON, "name", "email_addresses", "is_client"}


async def test_a_page_that_is_partly_there_is_compared_after_all(mirror: Mirror) -> None:
    await write(mirror, contact(1, updated=5, name="newer"), contact(2, updated=1, name="older"), seen=10, is_new=False)
    page = [contact(1, updated=1, name="stale"), contact(2, updated=9, name="edited"), contact(3)]
    result = await write(mirror, *page, seen=20)
    assert (result.created, result.updated, result.unchanged) == (1, 1, 1)
    assert [(await mirror.row(clio_id))["name"] for clio_id in (1, 2, 3)] == ["newer", "edited", "Ada Example"]
    assert [operation for operation, _, _ in await mirror.changes()] == ["created", "created", "created", "updated"]


async def test_a_run_counts_a_page_that_is_partly_there_once_and_as_a_whole(mirror: Mirror) -> None:
    await write(mirror, contact(1), seen=10)
    run: int = await mirror.database.pool.fetchval(
        """INSERT INTO sync_run (firm, resource, kind, state, lease_owner, lease_until)
           VALUES (1, 'contact', 'backfill', 'running', 'me', now() + interval '1 minute') RETURNING id"""
    )
    checkpoint = Checkpoint(
        run_id=run, lease_owner="me", lease_s=30, at_url=None, next_url="https://clio.test/next", total=3
    )
    await write(mirror, contact(1), contact(2), contact(3), seen=20, checkpoint=checkpoint)
    row = await mirror.database.pool.fetchrow(
        "SELECT pages, records_seen, records_created, records_updated FROM sync_run WHERE id = $1", run
    )
    assert row is not None
    assert tuple(row) == (1, 3, 2, 0)


READS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reads=READS)
async def test_what_is_said_of_a_page_never_changes_what_becomes_of_it(
    mirror: Mirror, reads: Sequence[tuple[int, int, bool]]
) -> None:
    """The same reads, once with what is drawn of each and once without: the same row and the same changes."""
    ends = []
    for told in (True, False):
        await mirror.database.pool.execute("TRUNCATE contacts_contact, change")
        for number, (updated, seen, is_new) in enumerate(reads):
            page = [contact(1, updated=updated, name=f"{updated}/{seen}"), contact(number % 3 + 2, updated=updated)]
            await write(mirror, *page, seen=seen, is_new=told and is_new)
        ends.append(((await mirror.row())["name"], await mirror.changes()))
    assert ends[0] == ends[1]


async def test_a_statement_stays_prepared_however_wide_its_table_is(database: Database, registry: Registry) -> None:
    wide = max(
        (write_statement(each, authoritative=True, with_checkpoint=True) for each in registry.resources), key=len
    )
    async with database.pool.acquire() as connection:
        statement = await connection.prepare(wide)
        nothing: list[Any] = ["", *([None] * (len(statement.get_parameters()) - 1))]
        for _ in range(2):
            await connection.fetchrow(wide, *nothing)
        kept = await connection.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE statement = $1", wide)
    assert kept == 2  # the one of this test, and the one that both calls used
