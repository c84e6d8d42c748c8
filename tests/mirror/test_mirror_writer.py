"""The one statement that writes a page: newer-only, exactly once, with the change recorded."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.engine import Database
from core.errors import ClioUnexpectedAnswer, LeaseLost
from core.mirror.writer import Checkpoint, OutOfTurn, check_records, validate_records, write_batch
from core.resource import Resource
from tests.mirror.scene import Mirror, at, contact


async def test_a_new_record_is_created_with_one_change(mirror: Mirror) -> None:
    result = await mirror.write(contact(1, company={"id": 7}), seen=10)
    assert (result.created, result.updated, result.unchanged) == (1, 0, 0)
    row = await mirror.row()
    assert (row["name"], row["company_clio_id"], row["presence"], row["seen_at"]) == (
        "Ada Example",
        7,
        "present",
        at(10),
    )
    [(operation, before, after)] = await mirror.changes()
    assert (operation, before, after["name"], after["company_clio_id"]) == ("created", None, "Ada Example", 7)


async def test_the_same_page_twice_touches_nothing(mirror: Mirror) -> None:
    page = [contact(clio_id) for clio_id in range(1, 6)]
    await mirror.write(*page, seen=10)
    before = await mirror.row(3)
    result = await mirror.write(*page, seen=20)
    assert (result.created, result.updated, result.unchanged) == (0, 0, 5)
    assert await mirror.row(3) == before  # ctid included: no new tuple
    assert len(await mirror.changes()) == 5


async def test_a_newer_record_records_just_the_fields_that_differ(mirror: Mirror) -> None:
    await mirror.write(contact(1, name="Ada"), seen=10)
    await mirror.write(contact(1, updated=5, name="Ada Lovelace"), seen=20)
    operation, before, after = (await mirror.changes())[-1]
    assert operation == "updated"
    assert before == {"name": "Ada", "etag": '"1-0"', "clio_updated_at": "2026-03-01T12:00:00+00:00"}
    assert after == {"name": "Ada Lovelace", "etag": '"1-5"', "clio_updated_at": "2026-03-01T12:00:05+00:00"}


async def test_an_older_record_never_overwrites_a_newer(mirror: Mirror) -> None:
    await mirror.write(contact(1, updated=5, name="newer"), seen=10)
    result = await mirror.write(contact(1, updated=4, name="older"), seen=99)
    assert (result.updated, (await mirror.row())["name"]) == (0, "newer")


@pytest.mark.parametrize(("seen", "name"), [(11, "second"), (10, "second"), (9, "first")])
async def test_at_an_equal_second_the_later_read_wins(mirror: Mirror, seen: float, name: str) -> None:
    await mirror.write(contact(1, name="first"), seen=10)
    await mirror.write(contact(1, name="second"), seen=seen)
    assert (await mirror.row())["name"] == name


async def test_a_webhooks_payload_of_an_equal_second_is_held_back_for_a_fetch(mirror: Mirror) -> None:
    await mirror.write(contact(1, name="read"), contact(2), seen=10)
    result = await mirror.write(contact(1, name="payload"), contact(2), seen=20, source="webhook")
    assert list(result.held_back) == [1]
    assert (await mirror.row())["name"] == "read"


async def test_a_webhooks_payload_never_revives_a_deleted_record(mirror: Mirror) -> None:
    await mirror.write(contact(1), seen=10)
    assert await mirror.delete(1, seen=20)
    result = await mirror.write(contact(1, updated=50), seen=30, source="webhook")
    assert (list(result.held_back), (await mirror.row())["presence"]) == ([1], "deleted")


async def test_a_read_that_began_before_a_deletion_does_not_undo_it_and_a_later_one_does(mirror: Mirror) -> None:
    await mirror.write(contact(1), seen=10)
    await mirror.delete(1, seen=20)
    await mirror.write(contact(1, updated=1), seen=19)
    assert (await mirror.row())["presence"] == "deleted"
    await mirror.write(contact(1, updated=1), seen=21)
    assert (await mirror.row())["presence"] == "present"
    assert [operation for operation, _, _ in await mirror.changes()] == ["created", "deleted", "restored"]


async def test_a_deletion_is_recorded_once_and_not_before_what_is_known(mirror: Mirror) -> None:
    await mirror.write(contact(1), seen=10)
    assert not await mirror.delete(1, seen=9)
    assert await mirror.delete(1, seen=20)
    assert not await mirror.delete(1, seen=30)
    assert not await mirror.delete(404, seen=30)


async def test_a_redacted_record_overwrites_nothing(mirror: Mirror) -> None:
    await mirror.write(contact(1, name="Ada"), seen=10)
    redacted = {**dict.fromkeys(contact(1)), "id": 1, "redacted": True}
    assert (await mirror.write(redacted, contact(2), seen=20)).created == 1
    assert (await mirror.row())["name"] == "Ada"


async def test_of_a_record_twice_in_a_page_the_newer_is_kept(mirror: Mirror) -> None:
    result = await mirror.write(contact(1, updated=9, name="newer"), contact(1, updated=3, name="older"), seen=10)
    assert (result.created, (await mirror.row())["name"]) == (1, "newer")


async def test_two_firms_with_the_same_clio_id_do_not_meet(database: Database, contacts: Resource) -> None:
    one, two = Mirror(database, contacts, 1), Mirror(database, contacts, 2)
    await one.write(contact(1, name="one"), seen=10)
    await two.write(contact(1, updated=9, name="two"), seen=10)
    await two.delete(1, seen=20)
    assert ((await one.row())["name"], (await one.row())["presence"]) == ("one", "present")


async def test_many_writers_of_one_page_create_each_record_once(mirror: Mirror) -> None:
    page = [contact(clio_id) for clio_id in range(1, 101)]
    results = await asyncio.gather(*(mirror.write(*page, seen=10 + turn) for turn in range(6)))
    assert sum(result.created for result in results) == 100
    assert len(await mirror.changes()) == 100


async def test_writers_of_overlapping_pages_in_opposite_order_do_not_deadlock(mirror: Mirror) -> None:
    ids = range(1, 101)
    await mirror.write(*(contact(clio_id) for clio_id in ids), seen=1)
    forwards = [[contact(each, updated=turn, name=f"f{turn}") for each in ids] for turn in range(1, 6)]
    backwards = [[contact(each, updated=turn, name=f"b{turn}") for each in reversed(ids)] for turn in range(1, 6)]
    await asyncio.gather(*(mirror.write(*page, seen=5) for page in [*forwards, *backwards]))
    assert (await mirror.row(50))["clio_updated_at"] == at(5)


async def test_text_with_quotes_braces_and_other_alphabets_arrives_as_it_is(mirror: Mirror) -> None:
    name = 'O\'Brien "and" {sons}, \\ 李 \u00e9\n\t'
    await mirror.write(contact(1, name=name), seen=10)
    assert (await mirror.row())["name"] == name


async def test_a_record_that_does_not_fit_names_the_field_and_not_the_value(contacts: Resource) -> None:
    with pytest.raises(ClioUnexpectedAnswer, match="date_of_birth") as caught:
        validate_records(contacts, [contact(1, date_of_birth="yesterday evening")])
    assert "yesterday" not in str(caught.value)


async def _run(database: Database, owner: str) -> int:
    run: int = await database.pool.fetchval(
        """INSERT INTO sync_run (firm, resource, kind, state, lease_owner, lease_until)
           VALUES (1, 'contact', 'backfill', 'running', $1, now() + interval '1 minute') RETURNING id""",
        owner,
    )
    return run


def _checkpoint(run: int, owner: str) -> Checkpoint:
    return Checkpoint(
        run_id=run, lease_owner=owner, lease_s=30, at_url=None, next_url="https://clio.test/next", total=7
    )


async def test_a_page_moves_the_runs_checkpoint_in_the_same_statement(database: Database, mirror: Mirror) -> None:
    run = await _run(database, "me")
    await mirror.write(contact(1), contact(2), seen=10, source="backfill", checkpoint=_checkpoint(run, "me"))
    row = await database.pool.fetchrow("SELECT * FROM sync_run WHERE id = $1", run)
    assert row is not None
    moved = row["next_url"], row["pages"], row["records_seen"], row["records_created"], row["records_total"]
    assert moved == ("https://clio.test/next", 1, 2, 2, 7)


async def test_a_worker_that_lost_its_lease_moves_nothing(database: Database, mirror: Mirror) -> None:
    run = await _run(database, "somebody else")
    with pytest.raises(LeaseLost):
        await mirror.write(contact(1), seen=10, source="backfill", checkpoint=_checkpoint(run, "me"))
    assert await database.pool.fetchval("SELECT pages FROM sync_run WHERE id = $1", run) == 0
    assert await mirror.changes() == []


async def test_a_page_is_not_written_before_its_turn(database: Database, mirror: Mirror) -> None:
    run = await _run(database, "me")
    second = dataclasses.replace(_checkpoint(run, "me"), at_url="https://clio.test/next", next_url="")
    with pytest.raises(OutOfTurn):
        await mirror.write(contact(2), seen=10, source="backfill", checkpoint=second)
    assert await mirror.changes() == []
    await mirror.write(contact(1), seen=10, source="backfill", checkpoint=_checkpoint(run, "me"))
    await mirror.write(contact(2), seen=10, source="backfill", checkpoint=second)
    row = await database.pool.fetchrow("SELECT next_url, pages FROM sync_run WHERE id = $1", run)
    assert row is not None
    assert (row["next_url"], row["pages"]) == ("", 2)


async def test_a_page_that_is_sent_while_the_one_before_is_written_waits_for_it(
    database: Database, mirror: Mirror
) -> None:
    """Its statement began before the other was committed, and still goes on from there."""
    run = await _run(database, "me")
    second = dataclasses.replace(_checkpoint(run, "me"), at_url="https://clio.test/next", next_url="")
    async with database.transaction() as open_one:
        first = await check_records(mirror.resource, [contact(1), contact(2)])
        how: Any = {"firm": mirror.firm, "seen_at": at(10), "source": "backfill"}
        await write_batch(open_one, first, checkpoint=_checkpoint(run, "me"), **how)
        waiting = asyncio.create_task(
            mirror.write(contact(2), contact(3), seen=10, source="backfill", checkpoint=second)
        )
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert (await waiting).created == 1
    row = await database.pool.fetchrow("SELECT next_url, pages, records_seen FROM sync_run WHERE id = $1", run)
    assert row is not None
    assert tuple(row) == ("", 2, 4)
    assert [operation for operation, _, _ in await mirror.changes()] == ["created"] * 3


VERSIONS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reads=VERSIONS)
async def test_any_order_of_reads_ends_with_the_newest(mirror: Mirror, reads: Sequence[tuple[int, int]]) -> None:
    """Reads of one record, in any order: the row ends as the newest by (updated_at, when it was read)."""
    await mirror.database.pool.execute("TRUNCATE contacts_contact, change")
    for updated, seen in reads:
        await mirror.write(contact(1, updated=updated, name=f"{updated}/{seen}"), seen=seen)
    newest = max(reads)
    assert (await mirror.row())["name"] == f"{newest[0]}/{newest[1]}"
    changes = await mirror.changes()
    assert [operation for operation, _, _ in changes] == ["created"] + ["updated"] * (len(changes) - 1)
