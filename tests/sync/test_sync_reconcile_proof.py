"""What a report proves: roots that anybody can take again, what sets them apart, and on what coverage it rests."""

import asyncio
import datetime
import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.mirror.root import mirror_root
from core.mirror.writer import validate_records, write_records
from core.services import Services
from core.sync.verdicts import verdict_of
from core.testing.driving import Control, until
from mock_clio.settings import MockSettings
from tests.sync.reconcile_scene import Scene

ROOT = Path(__file__).parents[2]
CONTACTS = 207
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = CONTACTS
    return mock_settings


@pytest.fixture
async def scene(services: Services, firm: int, control: Control) -> Scene:
    made = Scene(services, firm, control)
    await made.mirror_all()
    return made


def root_of(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the root of records as Clio gives them, by the words of docs/architecture.md alone."""
    lines = {}
    for record in records:
        updated_at = datetime.datetime.fromisoformat(record["updated_at"])
        microseconds = (updated_at - EPOCH) // datetime.timedelta(microseconds=1)
        lines[record["id"]] = f"{record['id']}\t{record['etag']}\t{microseconds}\n"
    buckets = groupby(sorted(lines), key=lambda clio_id: clio_id // 65_536)
    digests = [
        f"{number}\t{hashlib.sha256(''.join(lines[clio_id] for clio_id in ids).encode()).hexdigest()}\n"
        for number, ids in buckets
    ]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


async def proof(scene: Scene) -> dict[str, Any]:
    """Run one to its end; return its report."""
    run = await scene.request()
    await scene.finish(run)
    return dict(await scene.report(run))


async def test_the_roots_of_both_sides_are_the_one_that_clios_records_give(scene: Scene) -> None:
    report = await proof(scene)
    expected = root_of(list((await scene.control.records("contacts")).values()))
    assert report["root"] == report["clio_root"] == expected
    assert (report["differing"], report["unexplained"], verdict_of(report)) == (0, 0, "whole")
    assert report["presences"] == {"present": CONTACTS}
    assert await mirror_root(scene.services.database.pool, scene.resource, firm=scene.firm) == (expected, CONTACTS)
    assert await scene.services.database.pool.fetchval("SELECT count(*) FROM reconciliation_page") == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.one_of(st.integers(1, 200_000), st.integers(1, 2**62)),
        st.tuples(
            st.text('ab"é\t', max_size=4), st.datetimes(EPOCH.replace(tzinfo=None), timezones=st.just(datetime.UTC))
        ),
        max_size=30,
    )
)
async def test_any_records_have_the_root_that_is_written_down(
    services: Services, firm: int, records: Mapping[int, tuple[str, datetime.datetime]]
) -> None:
    contacts = services.registry.resource("contact")
    await services.database.pool.execute(f"TRUNCATE {contacts.table_name}")
    given_ = [
        {"id": clio_id, "etag": etag, "updated_at": at.isoformat(), "name": "N", "type": "Person"}
        for clio_id, (etag, at) in records.items()
    ]
    await write_records(
        services.database.pool,
        contacts,
        firm=firm,
        payloads=validate_records(contacts, given_),
        seen_at=datetime.datetime.now(datetime.UTC),
        source="backfill",
    )
    assert await mirror_root(services.database.pool, contacts, firm=firm) == (root_of(given_), len(given_))


async def test_the_sql_of_the_documentation_gives_it_too(scene: Scene) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    [sql] = [block for block in re.findall(r"```sql\n(.*?)```", page, re.DOTALL) if "sha256" in block]
    taken = await scene.services.database.pool.fetchval(sql.rstrip().rstrip(";"))
    assert (taken, CONTACTS) == await mirror_root(scene.services.database.pool, scene.resource, firm=1)


async def test_what_is_not_present_and_other_firms_are_not_in_the_root(scene: Scene) -> None:
    await scene.copy_to_firm(scene.firm + 1)
    gone, hidden = sorted(await scene.present())[:2]
    await scene.control.delete("contacts", gone)
    await scene.control.edit("contacts", hidden, hidden=True)
    report = await proof(scene)
    left = [record for clio_id, record in (await scene.control.records("contacts")).items() if clio_id != hidden]
    assert report["root"] == report["clio_root"] == root_of(left)
    assert report["presences"] == {"present": CONTACTS - 2, "deleted": 1, "hidden": 1}


async def test_what_changed_meanwhile_explains_a_difference(scene: Scene) -> None:
    """A webhook brings a newer version of a contact after its page was compared, and one is edited unheard."""
    run = await scene.request()
    every = sorted(await scene.present())
    await scene.control.fail(prefix="/api/v4/contacts.json", delay=2.5, skip=1, count=1)
    work = asyncio.create_task(scene.work(run))
    await until(lambda: has_pages(scene, run, 1))
    await asyncio.sleep(1.1)
    await scene.control.edit("contacts", every[0], title="Told")
    await scene.deliver((await scene.control.records("contacts"))[every[0]])
    await scene.control.edit("contacts", every[-1], title="Not told of")
    assert await work == "succeeded"
    report = dict(await scene.report(run))
    assert (report["differing"], report["unexplained"], verdict_of(report)) == (2, 0, "moved")
    assert report["root"] != report["clio_root"]
    assert report["from_at"] < report["until_at"]


async def has_pages(scene: Scene, run: int, pages: int) -> bool:
    return bool((await scene.run_row(run))["pages"] >= pages)


async def test_a_difference_that_nothing_explains_is_said_and_named(scene: Scene) -> None:
    """The mirror has a version that Clio never gave, and that no comparison may overwrite, for it looks newer."""
    odd = min(await scene.present())
    await scene.services.database.pool.execute(
        f"UPDATE {scene.table} SET etag = 'odd', clio_updated_at = clio_updated_at + interval '1 hour'"
        " WHERE clio_id = $1",
        odd,
    )
    report = await proof(scene)
    assert (report["differing"], report["unexplained"], verdict_of(report)) == (1, 1, "differs")
    assert {"clio_id": odd, "kind": "unexplained", "outcome": "left"} in report["samples"]


async def test_a_record_that_clio_answers_and_does_not_list_is_kept_and_explained(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = min(await scene.present())
    record = (await scene.control.records("contacts", fields=scene.resource.endpoint.fields))[kept]
    await scene.control.edit("contacts", kept, hidden=True)

    async def answered(*_: Any, **__: Any) -> dict[str, Any]:
        return record

    monkeypatch.setattr("core.sync.reconcile.ask_for", answered)
    report = await proof(scene)
    assert (report["extra"], report["kept"], report["unexplained"]) == (1, 1, 0)
    assert (report["differing"], verdict_of(report)) == (1, "moved")
    assert report["samples"] == [{"clio_id": kept, "kind": "extra", "outcome": "kept"}]
    assert await scene.changes() == []


async def test_a_run_that_failed_proves_nothing(scene: Scene) -> None:
    await scene.control.fail(prefix="/api/v4/contacts.json", status=403, skip=1)
    report = await proof(scene)
    assert (report["root"], report["clio_root"], verdict_of(report)) == (None, None, "unfinished")
    assert await scene.services.database.pool.fetchval("SELECT count(*) FROM reconciliation_page") == 0


async def test_a_run_that_is_stopped_between_its_pages_proves_the_whole(scene: Scene) -> None:
    run = await scene.request()
    await scene.control.fail(prefix="/api/v4/contacts.json", delay=6, skip=1, count=1)
    work = asyncio.create_task(scene.work(run))
    await until(lambda: has_pages(scene, run, 1))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await scene.work(run, owner="other") == "succeeded"
    report = dict(await scene.report(run))
    expected = root_of(list((await scene.control.records("contacts")).values()))
    assert report["root"] == report["clio_root"] == expected


async def test_an_empty_firm_has_the_root_of_nothing(scene: Scene) -> None:
    for clio_id in await scene.present():
        await scene.control.delete("contacts", clio_id)
    run = await scene.request()
    await scene.finish(run)
    report = dict(await scene.report(run))
    assert (report["root"], report["clio_root"], verdict_of(report)) == (EMPTY, EMPTY, "held")


async def test_the_coverage_it_relies_on_is_kept_as_it_was(scene: Scene) -> None:
    pool = scene.services.database.pool
    await pool.execute("DELETE FROM coverage_interval")
    await pool.execute(
        """INSERT INTO coverage_interval (firm, resource, basis, from_at, until_at, proofs)
        VALUES ($1, 'contact', 'backfill', NULL, now() - interval '1 day', 1),
               ($1, 'contact', 'poll', now() - interval '1 day', now(), 7),
               ($1, 'user', 'poll', now() - interval '1 day', now(), 1)""",
        scene.firm,
    )
    await pool.execute(
        """INSERT INTO coverage_hole (firm, resource, from_at, until_at, reason)
        VALUES ($1, 'contact', now() - interval '2 hours', now() - interval '1 hour', 'NOT_WATCHED')""",
        scene.firm,
    )
    report = await proof(scene)
    found = report["coverage"]
    assert [(each["basis"], each["proofs"]) for each in found["intervals"]] == [("backfill", 1), ("poll", 7)]
    [hole] = found["holes"]
    assert (hole["reason"], hole["swept_at"] is None) == ("NOT_WATCHED", False)
    assert hole["closed_at"] is not None  # this very run looked for what was deleted in it
    await pool.execute("UPDATE coverage_interval SET until_at = now() + interval '1 day'")
    assert (await scene.report(report["run"]))["coverage"] == found


async def test_samples_name_the_first_of_each_kind_and_what_became_of_them(scene: Scene) -> None:
    every = sorted(await scene.present())
    for clio_id in every[:2]:
        await scene.control.delete("contacts", clio_id)
    await scene.forget(*every[10:40])
    await scene.age(every[50])
    report = await proof(scene)
    named = [(each["kind"], each["outcome"], each["clio_id"]) for each in report["samples"]]
    assert named == [
        *(("extra", "deleted", clio_id) for clio_id in every[:2]),
        *(("missing", "repaired", clio_id) for clio_id in every[10:30]),
        ("stale", "repaired", every[50]),
    ]


@pytest.mark.parametrize("how", ["forbidden", "missing", "redacted"])
async def test_each_change_of_presence_keeps_what_it_rests_on(scene: Scene, how: str) -> None:
    first = min(await scene.present())
    await scene.control.call("PATCH", "switches", {"hidden_record": how})
    await scene.control.edit("contacts", first, hidden=True)
    gone = await proof(scene)
    await scene.control.edit("contacts", first, hidden=False)
    back = await proof(scene)
    rows = await scene.services.database.pool.fetch("SELECT operation, evidence, run FROM change ORDER BY id")
    answered = {
        "forbidden": {"asked": "record", "status": 403},
        "missing": {"asked": "record", "status": 404},
        "redacted": {"asked": "record", "status": 200, "redacted": True},
    }[how]
    operation = "deleted" if how == "missing" else "hidden"
    assert [tuple(row) for row in rows] == [
        (operation, {"listed": False, **answered}, gone["run"]),
        ("restored", {"asked": "record", "status": 200}, back["run"]),
    ]
