"""Runs that read through windows, against a mock Clio whose answers are slow and whose records change meanwhile."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.clio.client import PATIENCE_S, ClioClient
from core.clio.paging import Page
from core.clio.priority import Priority
from core.mirror.comparison import MASS_LEAST
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.sync import engine, planner, reading, requesting
from core.sync.planner import Plan
from core.testing.driving import Control
from mock_clio.settings import MockSettings
from tests.sync.reconcile_scene import Scene
from tests.sync.test_sync_reconcile_properties import listing_contacts
from tests.sync.test_sync_runs import row

CONTACTS = 40
PAGE = 8
SLOW_S = 0.06
"""Longer than a page takes to write, so that one request at a time would not do."""

FEW = hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Edit = tuple[str, int]
EDITS = st.tuples(st.sampled_from(["create", "edit", "delete", "hide", "show"]), st.integers(0, 60))


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = CONTACTS
    return mock_settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sync_pages_ahead": 4})


@pytest.fixture
def parallel(services: Services, registry: Registry, firm: int, control: Control) -> Scene:
    """Contacts in pages of eight, so that a small firm has many."""
    services.registry = listing_contacts(registry, page_limit=PAGE)
    return Scene(services, firm, control)


async def slow_down(control: Control) -> None:
    await control.call("DELETE", "faults")
    await control.fail(prefix="/api/v4/contacts", status=None, delay=SLOW_S, count=100_000)


async def request(scene: Scene, *, full: bool) -> int:
    [run] = await requesting.request_runs(scene.services, firms=[scene.firm], resource="contact", full=full)
    return run


async def mirrored(scene: Scene) -> dict[int, str]:
    rows = await scene.services.database.pool.fetch(
        f"SELECT clio_id, etag FROM {scene.table} WHERE presence = 'present'"
    )
    return {found["clio_id"]: found["etag"] for found in rows}


async def listed(scene: Scene, hidden: Collection[int] = ()) -> dict[int, str]:
    found = await scene.control.records("contacts", fields="id,etag")
    return {clio_id: record["etag"] for clio_id, record in found.items() if clio_id not in hidden}


async def test_slow_answers_are_asked_for_side_by_side_and_written_in_order(parallel: Scene) -> None:
    await slow_down(parallel.control)
    run = await request(parallel, full=True)
    assert await parallel.work(run) == "succeeded"
    assert await mirrored(parallel) == await listed(parallel)
    done = await row(parallel.services, run)
    assert done["plan"] == "windows, 8 a page, 4 ahead"
    assert (done["records_seen"], done["records_total"]) == (CONTACTS, CONTACTS)
    asked = await parallel.control.requests("/api/v4/contacts")
    offsets = [int(_parameter(entry, "offset")) for entry in asked if "offset=" in entry["query"]]
    assert sorted(offsets) == [7, 14, 21, 28, 35]
    assert done["requests"] == len(asked) == done["pages"] == 6
    written = await parallel.services.database.pool.fetch("SELECT clio_id FROM change ORDER BY id")
    assert [each["clio_id"] for each in written] == sorted(await mirrored(parallel))


def _parameter(entry: dict[str, Any], name: str) -> str:
    return next(str(pair).split("=")[1] for pair in entry["query"].split("&") if pair.startswith(f"{name}="))


class Meddler:
    """Changes Clio's contacts between the requests of a run, as told."""

    def __init__(self, scene: Scene, rounds: Sequence[Sequence[Edit]]) -> None:
        self._scene = scene
        self._rounds = list(rounds)
        self._gone = 0
        self._turn = asyncio.Lock()
        self.hidden: set[int] = set()
        self.always: set[int] = set()
        self.untouched: dict[int, str] = {}

    async def begin(self) -> None:
        """Have enough records for several pages, and look at what there is."""
        for number in range(CONTACTS - len(await listed(self._scene))):
            await self._scene.control.create("contacts", type="Company", name=f"Old client {number}")
        self.untouched = await listed(self._scene)
        self.always = set(self.untouched)

    async def end(self) -> None:
        """Do nothing any more, and hide nothing."""
        self._rounds.clear()
        for clio_id in self.hidden:
            await self._scene.control.edit("contacts", clio_id, hidden=False)

    async def meddle(self) -> None:
        """Do what is next; requests under way together wait for each other, so that none picks what another deletes."""
        async with self._turn:
            for kind, place in self._rounds.pop(0) if self._rounds else ():
                await self._change(kind, place)

    async def _change(self, kind: str, place: int) -> None:
        control, ids = self._scene.control, sorted(await listed(self._scene))
        clio_id = ids[place % len(ids)]
        if kind == "create":
            await control.create("contacts", type="Company", name=f"Newcomer {place}")
            return
        if kind in {"delete", "hide"}:
            if self._gone == MASS_LEAST:
                return  # more at once would be held back, which is another rule
            self._gone += 1
            self.always.discard(clio_id)
        self.untouched.pop(clio_id, None)
        if kind == "edit":
            await control.edit("contacts", clio_id, title=f"Partner {place}")
        elif kind == "delete":
            self.hidden.discard(clio_id)
            await control.delete("contacts", clio_id)
        else:
            (self.hidden.add if kind == "hide" else self.hidden.discard)(clio_id)
            await control.edit("contacts", clio_id, hidden=kind == "hide")


@pytest.fixture
def before_each_page(monkeypatch: pytest.MonkeyPatch) -> Callable[[Meddler], None]:
    """Let a meddler act before a page is asked for, and after it was answered."""
    ask = ClioClient.list_page

    def install(meddler: Meddler) -> None:
        async def asked(self: ClioClient, *given: Any, **named: Any) -> Page:
            await meddler.meddle()
            page = await ask(self, *given, **named)
            await meddler.meddle()
            return page

        monkeypatch.setattr(ClioClient, "list_page", asked)

    return install


async def to_the_end(scene: Scene, run: int) -> str:
    outcome = "queued"
    while outcome == "queued":
        outcome = await scene.work(run)
    return outcome


@FEW
@given(rounds=st.lists(st.lists(EDITS, max_size=5), max_size=14), slice_s=st.sampled_from([-1.0, 600.0]))
async def test_nothing_that_stays_is_lost_and_one_sweep_makes_the_mirror_equal(
    rounds: Sequence[Sequence[Edit]],
    slice_s: float,
    parallel: Scene,
    before_each_page: Callable[[Meddler], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Created, edited, deleted, hidden and shown while a backfill reads, in one turn or in one for each page."""
    pool = parallel.services.database.pool
    monkeypatch.setattr(engine, "SLICE_S", slice_s)
    await pool.execute(f"TRUNCATE {parallel.table}, custom_fields_value, sync_run, sync_cursor")
    meddler = Meddler(parallel, rounds)
    await meddler.begin()
    await slow_down(parallel.control)
    before_each_page(meddler)
    run = await request(parallel, full=True)
    assert await to_the_end(parallel, run) == "succeeded"
    assert str((await row(parallel.services, run))["plan"]).startswith("windows")
    found = await mirrored(parallel)
    assert meddler.always <= found.keys()
    assert meddler.untouched.items() <= found.items()

    await parallel.control.call("DELETE", "faults")
    while (meddling := await request(parallel, full=False)) and await to_the_end(parallel, meddling) != "succeeded":
        pass
    assert (await parallel.reconcile())[0] == "succeeded"
    assert await mirrored(parallel) == await listed(parallel, meddler.hidden)
    hidden = await pool.fetch(f"SELECT clio_id FROM {parallel.table} WHERE presence = 'hidden'")
    assert {each["clio_id"] for each in hidden} <= meddler.hidden
    await meddler.end()


@pytest.mark.parametrize("way", ["422", "wall"])
async def test_what_windows_cannot_read_is_read_by_cursor(
    way: str, parallel: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = parallel.control
    await slow_down(control)
    if way == "422":
        await control.call("DELETE", "faults")
        await control.fail(prefix="/api/v4/contacts", status=None, delay=SLOW_S, count=3)
        await control.fail(prefix="/api/v4/contacts", status=422, count=1)
    if way == "wall":
        monkeypatch.setattr(planner, "WALL", CONTACTS)
        monkeypatch.setattr(reading, "plan_list", lambda **_: Plan(way="windows", page_limit=PAGE, ahead=4))
    run = await request(parallel, full=True)
    outcome = await to_the_end(parallel, run)
    assert outcome == "succeeded"
    done = await row(parallel.services, run)
    assert done["plan"] == "cursor, 8 a page, 1 ahead"
    assert done["records_seen"] == CONTACTS
    assert await mirrored(parallel) == await listed(parallel)


async def test_a_window_that_ends_the_list_too_early_is_partial(parallel: Scene) -> None:
    faults: list[dict[str, Any]] = [
        {"count": 2},
        {"count": 1, "patch": {"meta": {"paging": {"next": None}}}},
        {"count": 100_000},
    ]
    for fault in faults:
        await parallel.control.fail(prefix="/api/v4/contacts", delay=SLOW_S, **fault)
    run = await request(parallel, full=True)
    assert await to_the_end(parallel, run) == "partial"
    ended = await row(parallel.services, run)
    assert ended["error_code"] == "LIST_CUT_SHORT"
    assert await parallel.services.database.pool.fetchval("SELECT count(*) FROM sync_cursor") == 0
    again = await request(parallel, full=False)
    assert await to_the_end(parallel, again) == "succeeded"
    assert await mirrored(parallel) == await listed(parallel)


async def test_windows_stay_within_the_budget(parallel: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the limit has no room for all that are asked for at once, the run waits: none is answered with 429."""
    await parallel.control.call("PUT", "rate-limit", {"limit": 5})
    monkeypatch.setattr(reading, "plan_list", lambda **_: Plan(way="windows", page_limit=PAGE, ahead=4))
    monkeypatch.setitem(PATIENCE_S, Priority.BACKFILL, 0.5)
    await slow_down(parallel.control)
    run = await request(parallel, full=True)
    assert await to_the_end(parallel, run) == "throttled"
    waiting = await row(parallel.services, run)
    assert "offset=" in waiting["next_url"]
    assert 0 < waiting["pages"] <= waiting["requests"] <= 5
    assert {entry["status"] for entry in await parallel.control.requests("/api/v4/contacts")} == {200}
