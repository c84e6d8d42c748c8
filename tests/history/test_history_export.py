"""Exports: what the table holds, line by line, and a file that is verified away from the database."""

import hashlib
import json
from collections.abc import Callable

import pytest

from core.errors import BadInput, NotFound
from core.history import holds, retention
from core.history.checking import Expected, Verdict
from core.history.export import Exported, Wanted, export_lines
from core.history.files import verify_lines
from core.history.keys import SealKeys
from tests.history.past import AT, ONE, TWO, Past, months_ago


async def export(past: Past, **wanted: object) -> list[str]:
    """Return the lines of an export of firm ONE."""
    written = Exported()
    lines = [line async for line in export_lines(past.services, Wanted(firm=ONE, **wanted), written)]  # type: ignore[arg-type]
    kinds = [json.loads(line)["type"] for line in lines]
    assert (kinds.count("change"), kinds.count("seal")) == (written.changes, written.links)
    return lines


def check(past: Past, lines: list[str], *expected: Expected) -> Verdict:
    keys = SealKeys.of(past.services.settings)
    return verify_lines([line.encode() + b"\n" for line in lines], keys=keys, expected=expected)


async def lived(past: Past) -> None:
    """Changes of two firms in several links, a hold, and a tail that is not sealed."""
    for count in (4, 1, 300):
        await past.write(count)
        await past.write(count, firm=TWO)
        await past.seal()
    await holds.place_hold(past.services, ONE, reason='Doe v. "Roe"\n', by="cöunsel")
    await past.write(3, resource="matter")
    await past.seal()
    await past.write(2)


async def test_an_export_holds_what_the_table_does(past: Past) -> None:
    await lived(past)
    await past.pool.execute(
        """INSERT INTO change
            (firm, resource, clio_id, operation, seen_at, source, run, etag, clio_updated_at, evidence)
        VALUES (1, 'contact', 7, 'deleted', $1, 'reconcile', 5, '"a\\b"', $1, '{"status": 404}')""",
        AT,
    )
    lines = [json.loads(line) for line in await export(past)]
    changes = [line for line in lines if line["type"] == "change"]
    rows = await past.changes()
    assert [(line["committed_in"], line["id"]) for line in changes] == [
        (row["committed_in"], row["id"]) for row in rows
    ]
    for line, row in zip(changes, rows, strict=True):
        for name, value in dict(row).items():
            if name.endswith("_at"):
                value = value and value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: PLW2901 - as lines tell it
            assert line[name] == value, name
    assert (lines[0]["type"], lines[0]["firm"], lines[0]["whole"]) == ("export", ONE, True)
    assert lines[-1] == {"type": "end", "changes": 311, "links": 5}


async def test_an_export_verifies_away_from_the_database(past: Past) -> None:
    await lived(past)
    lines = await export(past)
    verdict = check(past, lines)
    in_database = await past.verify()
    assert verdict == in_database
    assert (verdict.links, verdict.changes, verdict.unsealed, verdict.broken) == (5, 308, 2, 0)
    assert verify_lines([line.encode() for line in lines], keys=None).broken == 0
    assert check(past, lines, Expected(ONE, 5, verdict.hash)).broken == 0
    assert check(past, lines, Expected(ONE, 6, verdict.hash)).breaks[0].flaw == "missing_seal"
    with pytest.raises(BadInput, match="of firm 1"):
        check(past, lines, Expected(TWO, 5, verdict.hash))


async def test_an_export_after_a_purge_verifies(past: Past) -> None:
    await past.by_month(24)
    await past.write(3, at=months_ago(20))
    await past.seal()
    await past.write(4)
    await past.seal()
    await retention.purge(past.services, keep_days=365, reason="test")
    lines = await export(past)
    verdict = check(past, lines)
    assert (verdict.changes, verdict.links, verdict.broken) == (4, 2, 0)
    head = json.loads(lines[0])
    assert head["purged_through"] == 1
    assert head["history_from_at"] is not None
    del head["purged_through"]
    assert {each.flaw for each in check(past, [json.dumps(head), *lines[1:]]).breaks} == {"missing_seal"}


def _edit(lines: list[str], number: int, before: str, after: str) -> list[str]:
    assert before in lines[number]
    return [*lines[:number], lines[number].replace(before, after), *lines[number + 1 :]]


TAMPERINGS: dict[str, tuple[Callable[[list[str]], list[str]], set[str]]] = {
    "a value": (lambda lines: _edit(lines, 2, "Ännie", "Annie"), {"altered_row"}),
    "a space": (lambda lines: _edit(lines, 2, '"resource":', '"resource": '), {"altered_row"}),
    "a link": (lambda lines: _edit(lines, 5, '"changes":4', '"changes":5'), {"altered_seal", "missing_row"}),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_a_file_that_was_tampered_with_shows(past: Past, what: str) -> None:
    await lived(past)
    edit, flaws = TAMPERINGS[what]
    assert {each.flaw for each in check(past, edit(await export(past))).breaks} == flaws


async def test_a_file_that_was_cut_or_added_to_is_refused(past: Past) -> None:
    await lived(past)
    lines = await export(past)
    for broken, message in (
        (lines[:-1], "cut off"),
        (lines[:-2] + lines[-1:], "cut off or altered"),
        ([*lines, lines[1]], "added to"),
        ([*lines[:1], lines[2], lines[1], *lines[3:]], "out of order"),
        ([*lines[:2], "nonsense", *lines[2:]], "line 3"),
        ([*lines[:2], "[]", *lines[2:]], "line 3"),
        ([*lines[:2], '{"type": "x"}', *lines[2:]], "line 3"),
        ([], "not an export"),
        (["{}"], "not an export"),
        (await export(past, resource="contact"), "only a whole one"),
    ):
        with pytest.raises(BadInput, match=message):
            check(past, broken)


async def test_filters_choose_lines_and_leave_the_chain_out(past: Past) -> None:
    await lived(past)
    assert len(await export(past, resource="matter")) == 5
    assert len(await export(past, resource="contact", clio_id=2)) == 5
    assert len(await export(past, since=AT.replace(year=2000), until=AT)) == 2
    with pytest.raises(NotFound):
        await anext(export_lines(past.services, Wanted(firm=99), Exported()))


async def test_changes_of_open_transactions_are_left_out(past: Past) -> None:
    await past.write(2)
    async with past.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT pg_current_xact_id()")
        await past.write(2)
        assert len(await export(past)) == 4
        await transaction.rollback()
    assert len(await export(past)) == 6


async def test_the_digest_of_a_link_is_that_of_its_lines(past: Past) -> None:
    await past.write(3)
    await past.seal()
    lines = await export(past)
    digests = b"".join(hashlib.sha256(line.encode()).digest() for line in lines[1:4])
    assert json.loads(lines[4])["digest"] == hashlib.sha256(digests).hexdigest()
