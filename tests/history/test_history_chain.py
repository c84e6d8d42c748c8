"""The chain: sealed behind the writers, verified from the rows, and every kind of tampering told."""

import asyncio
import base64
import dataclasses
import datetime

import pytest
from pydantic import SecretStr

from core.db.cipher import Cipher
from core.history import sealing
from core.history.chain import Link, Seal
from core.history.checking import Expected
from core.history.keys import SealKeys
from core.history.verification import firms_with_history, verify_firm
from core.services import Services
from tests.history.past import ONE, TWO, Past


async def sealed(past: Past) -> None:
    """Three links of four changes each of firm ONE, and one link of TWO."""
    for _ in range(3):
        await past.write(4)
        await past.seal()
    await past.write(2, firm=TWO)
    await past.seal()


async def test_a_chain_covers_every_settled_change_once(past: Past) -> None:
    await sealed(past)
    await past.write(5)
    verdict = await past.verify()
    assert (verdict.links, verdict.changes, verdict.unsealed, verdict.broken) == (3, 12, 5, 0)
    assert [(link["number"], link["changes"], link["kind"]) for link in await past.links()] == [
        (1, 4, "changes"),
        (2, 4, "changes"),
        (3, 4, "changes"),
    ]
    assert verdict.hash == (await past.links())[-1]["hash"]
    assert await firms_with_history(past.services) == [ONE, TWO]
    assert (await past.verify(TWO)).changes == 2


async def test_a_change_is_sealed_only_when_nothing_can_come_in_before_it(past: Past) -> None:
    async with past.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT pg_current_xact_id()")
        await past.write(3)
        assert (await past.seal()).changes == 0
        await connection.execute(
            "INSERT INTO change (firm, resource, clio_id, operation, seen_at, source)"
            " VALUES (1, 'contact', 9, 'updated', now(), 'webhook')"
        )
        await transaction.commit()
    assert (await past.seal()).changes == 4
    assert (await past.verify()).broken == 0


async def test_windows_smaller_than_a_transaction_lose_nothing(past: Past) -> None:
    await past.write(10)
    await past.write(7, firm=TWO)
    await past.write(10)
    assert await past.seal(window=3) == sealing.Sealed(27, 11)
    verdicts = [await past.verify(firm) for firm in (ONE, TWO)]
    assert [(each.changes, each.unsealed, each.broken) for each in verdicts] == [(20, 0, 0), (7, 0, 0)]


async def test_a_link_ends_with_its_month(past: Past) -> None:
    first = datetime.datetime.now(datetime.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    await past.write(2, at=first - datetime.timedelta(microseconds=1))
    await past.write(3, at=first)
    await past.seal()
    assert [link["changes"] for link in await past.links()] == [2, 3]
    assert (await past.verify()).broken == 0


async def test_workers_seal_at_once_and_the_turn_is_shared(past: Past) -> None:
    await past.write(200)
    await asyncio.gather(*(past.seal(window=7) for _ in range(5)))
    await past.seal()
    verdict = await past.verify()
    assert (verdict.changes, verdict.broken) == (200, 0)
    await sealing.seal(past.services)
    await past.write(1)
    assert await sealing.seal(past.services) == sealing.Sealed()


ROW_TAMPERINGS = {
    "UPDATE change SET after = '{}' WHERE id = $1": "altered_row",
    "UPDATE change SET before = NULL WHERE id = $1": "altered_row",
    "UPDATE change SET etag = coalesce(nullif(etag, ''), 'x') WHERE id = $1": "altered_row",
    "UPDATE change SET seen_at = seen_at + interval '1 microsecond' WHERE id = $1": "altered_row",
    "UPDATE change SET recorded_at = recorded_at + interval '1 microsecond' WHERE id = $1": "altered_row",
    "UPDATE change SET clio_updated_at = now() WHERE id = $1": "altered_row",
    "UPDATE change SET resource = 'matter' WHERE id = $1": "altered_row",
    "UPDATE change SET clio_id = 77 WHERE id = $1": "altered_row",
    "UPDATE change SET operation = 'deleted' WHERE id = $1": "altered_row",
    "UPDATE change SET source = 'backfill' WHERE id = $1": "altered_row",
    "UPDATE change SET run = 1 WHERE id = $1": "altered_row",
    "UPDATE change SET evidence = '{}' WHERE id = $1": "altered_row",
    "UPDATE change SET firm = 3 WHERE id = $1": "missing_row",
    "DELETE FROM change WHERE id = $1": "missing_row",
    """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, committed_in)
       SELECT firm, resource, clio_id, operation, seen_at, source, committed_in FROM change WHERE id = $1""": None,
}


@pytest.mark.parametrize("statement", ROW_TAMPERINGS)
async def test_a_row_that_was_tampered_with_shows(past: Past, statement: str) -> None:
    await sealed(past)
    row = (await past.changes())[5]
    flaw = ROW_TAMPERINGS[statement]
    await past.pool.execute(statement, row["id"])
    # A new number is after those that were sealed with its transaction: it is of the next link's changes.
    assert await past.flaws() == ([(3, "inserted_row")] if flaw is None else [(2, flaw)])
    assert await past.flaws(TWO) == []


SEAL_TAMPERINGS = {
    "UPDATE history_seal SET changes = 3 WHERE firm = 1 AND number = 2": [(2, "altered_seal"), (2, "inserted_row")],
    "UPDATE history_seal SET sealed_at = now() WHERE firm = 1 AND number = 2": [(2, "altered_seal")],
    "UPDATE history_seal SET recorded_until_at = now() WHERE firm = 1 AND number = 2": [(2, "altered_seal")],
    "UPDATE history_seal SET hash = previous WHERE firm = 1 AND number = 2": [
        (2, "altered_seal"),
        (2, "broken_mac"),
        (3, "broken_link"),
    ],
    "UPDATE history_seal SET mac = hash WHERE firm = 1 AND number = 2": [(2, "broken_mac")],
    "UPDATE history_seal SET key_id = 'k0' WHERE firm = 1 AND number = 3": [(3, "unknown_key")],
    "UPDATE history_seal SET key_id = 'k0' WHERE firm = 1 AND number = 2": [],
    "DELETE FROM history_seal WHERE firm = 1 AND number = 2": [(3, "missing_seal"), (3, "inserted_row")],
    "DELETE FROM history_seal WHERE firm = 1 AND number = 1": [(2, "missing_seal"), (2, "inserted_row")],
    "DELETE FROM history_seal WHERE firm = 1 AND number = 3": [(0, "missing_seal")],
    "DELETE FROM history_seal WHERE firm = 1": [(0, "missing_seal")],
}


@pytest.mark.parametrize("statement", SEAL_TAMPERINGS)
async def test_a_link_that_was_tampered_with_shows(past: Past, statement: str) -> None:
    await sealed(past)
    await past.pool.execute(statement)
    assert await past.flaws() == SEAL_TAMPERINGS[statement]
    assert await past.flaws(TWO) == []


async def test_an_end_cut_off_with_its_changes_shows_against_a_noted_head(past: Past) -> None:
    await sealed(past)
    head = await past.verify()
    noted = Expected(ONE, head.number, head.hash)
    assert await past.flaws(expected=(noted,)) == []
    for number in (3, 2):
        await past.pool.execute("DELETE FROM history_seal WHERE firm = 1 AND number = $1", number)
        await past.pool.execute(
            """DELETE FROM change WHERE firm = 1 AND (committed_in, id) > (
                SELECT until_committed_in, until_id FROM history_seal WHERE firm = 1 ORDER BY number DESC LIMIT 1)"""
        )
        assert await past.flaws() == []
        assert await past.flaws(expected=(noted,)) == [(3, "missing_seal")]


async def test_verifying_from_a_link_on_leaves_out_what_is_before(past: Past) -> None:
    await sealed(past)
    rows = await past.changes()
    await past.pool.execute("DELETE FROM change WHERE id = $1", rows[0]["id"])
    assert await past.flaws() == [(1, "missing_row")]
    verdict = await verify_firm(past.services, ONE, since=2)
    assert (verdict.links, verdict.changes, verdict.broken) == (2, 8, 0)
    await past.pool.execute("DELETE FROM change WHERE id = $1", rows[5]["id"])
    assert [each.number for each in (await verify_firm(past.services, ONE, since=2)).breaks] == [2]


async def test_a_chain_made_anew_without_the_key_shows(past: Past) -> None:
    await sealed(past)
    row = (await past.changes())[0]
    await past.pool.execute("UPDATE change SET after = '{}' WHERE id = $1", row["id"])
    await past.pool.execute("DELETE FROM history_seal; UPDATE history_progress SET committed_in = 0, change = 0")
    other_key = SecretStr(f"{past.services.cipher.active_key_id}:{base64.b64encode(bytes(32)).decode()}")
    forger = Services(past.services.settings.model_copy(update={"encryption_keys": other_key}), past.services.registry)
    async with forger.open():
        await sealing.seal_all(forger, turn_s=0)
    assert {flaw for _, flaw in await past.flaws()} == {"broken_mac"}


async def test_progress_that_was_set_back_seals_nothing_twice(past: Past) -> None:
    await sealed(past)
    await past.pool.execute("UPDATE history_progress SET committed_in = 0, change = 0")
    assert (await past.seal()).links == 0
    await past.write(1)
    await past.seal()
    assert await past.flaws() == []
    assert (await past.verify()).changes == 13


async def test_sessions_that_print_otherwise_digest_the_same(past: Past) -> None:
    await sealed(past)
    name = await past.pool.fetchval("SELECT current_database()")
    for setting in ("TimeZone = 'Pacific/Auckland'", "DateStyle = 'SQL, DMY'", "IntervalStyle = 'iso_8601'"):
        await past.pool.execute(f'ALTER DATABASE "{name}" SET {setting}')
    other = Services(past.services.settings, past.services.registry)
    async with other.open():
        assert await other.database.pool.fetchval("SHOW DateStyle") == "SQL, DMY"
        assert await other.database.pool.fetchval("SHOW TimeZone") == "UTC", "JSON tells instants in the session's zone"
        assert await Past(other).flaws() == []


def test_a_code_is_of_its_key_and_keys_are_not_those_that_encrypt() -> None:
    keys = SealKeys({"a": bytes(32), "b": bytes([1]) * 32})
    code = keys.code(b"x")
    assert keys.holds("a", b"x", code)
    assert not keys.holds("b", b"x", code)
    assert not keys.holds("c", b"x", code)
    assert not keys.holds("a", b"y", code)
    assert Cipher({"a": bytes(32)}).active_key_id == keys.active_key_id


async def test_every_field_of_a_link_is_hashed(past: Past) -> None:
    await sealed(past)
    link = Seal.read((await past.links())[0]).link
    assert set(link.fields()) - {"type"} >= {field.name for field in dataclasses.fields(Link)} - {"until", "purge"}
    other = dataclasses.replace(link, until=(link.until[0], link.until[1] + 1))
    assert other.computed_hash != link.computed_hash
