"""Windows over a list that changes between and during their requests: nothing that stays is lost, whatever happens."""

import asyncio
import datetime
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clio.paging import Page
from core.errors import ClioInvalidRequest
from core.sync import planner, windows
from core.sync.planner import overlap, step
from core.sync.windows import OffsetsEnd, Window, read_windows

FIRST, LAST = 100, 400
"""Ids that a list begins with lie between these; new ones come after."""

Edit = tuple[str, int]
MANY = settings(max_examples=400, deadline=None)


class Clio:
    """A list in order of id, as Clio serves it, and what happens to it before each answer."""

    def __init__(self, ids: Sequence[int], edits: Mapping[int, Sequence[Edit]], *, limit: int) -> None:
        self.ids, self.edits, self.limit = sorted(ids), edits, limit
        self.always, self.ever = set(ids), set(ids)
        self.asked: list[int] = []
        self.most_open = self._open = 0

    async def ask(self, offset: int) -> Page:
        """Answer with a slice of what is there at that moment; later requests may be answered first."""
        number, self.asked = len(self.asked), [*self.asked, offset]
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        try:
            for _ in range(number * 7 % 4):
                await asyncio.sleep(0)
            for edit in self.edits.get(number, ()):
                self._change(*edit)
            return self.page(offset)
        finally:  # a window that is not wanted any more is cancelled
            self._open -= 1

    def page(self, offset: int) -> Page:
        """The page as it is now; as with Clio, its last one has no next."""
        shown = self.ids[offset : offset + self.limit]
        more = offset + self.limit < len(self.ids)
        return Page(
            records=[{"id": each} for each in shown],
            next_url="more" if more else None,
            total=len(self.ids),
            requested_at=datetime.datetime.now(datetime.UTC),
        )

    def _change(self, kind: str, place: int) -> None:
        if kind == "create":
            self.ids.append(max([LAST, *self.ids]) + 1 + place % 3)
        elif kind == "appear":
            self.ids = sorted({*self.ids, place})
        elif self.ids:
            some = len(self.ids) if kind == "delete many" else 1
            begin = place % len(self.ids)
            self.ids = self.ids[:begin] + self.ids[begin + some // 2 + 1 :]
        self.always &= set(self.ids)
        self.ever |= set(self.ids)


EDITS = st.tuples(st.sampled_from(["create", "appear", "delete", "delete", "delete many"]), st.integers(0, LAST + 50))
LISTS = st.sets(st.integers(FIRST, LAST), max_size=60)
ROUNDS = st.dictionaries(st.integers(0, 30), st.lists(EDITS, max_size=6), max_size=12)


async def read(
    clio: Clio, *, ahead: int, offset: int = 0, read_to: int = 0, first: bool = False, stop_after: int | None = None
) -> list[Window]:
    taken = []
    windows = read_windows(
        clio.ask,
        page_limit=clio.limit,
        ahead=lambda: ahead,
        offset=offset,
        read_to=read_to,
        total=len(clio.ids),
        first=clio.page(0) if first else None,
    )
    async with aclosing(windows):
        async for window in windows:
            taken.append(window)
            if len(taken) == stop_after:
                break
    return taken


def ids(taken: Sequence[Window]) -> list[int]:
    return [record["id"] for window in taken for record in window.page.records]


@MANY
@given(
    listed=LISTS, edits=ROUNDS, limit=st.sampled_from([2, 3, 5, 51, 200]), ahead=st.integers(1, 8), first=st.booleans()
)
async def test_what_stays_in_the_list_is_in_a_window(
    listed: set[int], edits: dict[int, list[Edit]], limit: int, ahead: int, first: bool
) -> None:
    """Whatever is created, deleted, hidden or shown before any of the answers, in whichever order they come."""
    clio = Clio(sorted(listed), edits, limit=limit)
    found = ids(await read(clio, ahead=ahead, first=first))
    assert clio.always <= set(found)
    assert set(found) <= clio.ever
    assert found == sorted(set(found)), "a record came twice, or out of order"
    assert clio.most_open <= ahead


@MANY
@given(
    listed=LISTS,
    edits=ROUNDS,
    limit=st.sampled_from([2, 3, 5]),
    ahead=st.integers(1, 4),
    stop_after=st.integers(1, 12),
)
async def test_so_it_is_after_a_death_between_any_two_windows(
    listed: set[int], edits: dict[int, list[Edit]], limit: int, ahead: int, stop_after: int
) -> None:
    clio = Clio(sorted(listed), edits, limit=limit)
    taken = await read(clio, ahead=ahead, stop_after=stop_after)
    while (offset := taken[-1].next_offset) is not None:
        rest = await read(clio, ahead=ahead, offset=offset, read_to=max([0, *ids(taken)]), stop_after=stop_after)
        taken += rest
    found = ids(taken)
    assert clio.always <= set(found)
    assert found == sorted(set(found))


@given(listed=LISTS, limit=st.sampled_from([2, 3, 5, 51]), ahead=st.integers(1, 8))
async def test_a_still_list_costs_its_windows_and_no_more(listed: set[int], limit: int, ahead: int) -> None:
    clio = Clio(sorted(listed), {}, limit=limit)
    taken = await read(clio, ahead=ahead)
    assert ids(taken) == sorted(listed)
    beyond = max(0, len(listed) - limit)
    assert len(taken) == 1 + -(-beyond // step(limit))
    assert len(clio.asked) <= len(taken) + 1, "more was asked for than the one window that overlaps the end"
    assert clio.asked == [number * step(limit) for number in range(len(clio.asked))]


async def test_a_gap_is_asked_for_again_and_as_many_as_overlap_may_vanish_without_one() -> None:
    limit = 100
    for vanished, again in ((overlap(limit) - 1, False), (overlap(limit), True)):
        clio = Clio(range(1, 301), {1: [("delete", 0)] * vanished}, limit=limit)
        found = ids(await read(clio, ahead=1))
        assert clio.always <= set(found)
        assert (sorted(clio.asked) != clio.asked) == again


async def test_a_mass_deletion_is_stepped_over_in_few_requests() -> None:
    clio = Clio(range(1, 9001), {20: [("delete many", 0)]}, limit=200)
    found = ids(await read(clio, ahead=4))
    assert clio.always <= set(found)
    assert len(clio.asked) < 60


async def test_beyond_the_reach_of_offsets_there_are_no_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "WALL", 50)
    clio = Clio(range(1, 101), {}, limit=10)
    with pytest.raises(OffsetsEnd):
        await read(clio, ahead=3)
    assert max(clio.asked) + clio.limit <= 50


@pytest.mark.parametrize("wrong", [[3, 2, 1], [1, 1, 2], [None, 2, 3], ["1", "2", "3"]])
async def test_a_list_that_is_not_in_order_of_id_is_left_to_its_cursor(wrong: list[Any]) -> None:
    page = Page(
        records=[{"id": each} for each in wrong],
        next_url=None,
        total=3,
        requested_at=datetime.datetime.now(datetime.UTC),
    )

    async def ask(_: int) -> Page:
        return page

    with pytest.raises(OffsetsEnd):
        await anext(windows.read_windows(ask, page_limit=3, ahead=lambda: 1, offset=0, read_to=0, total=3))


@pytest.mark.parametrize(("status", "raised"), [(422, OffsetsEnd), (400, ClioInvalidRequest)])
async def test_a_refused_offset_ends_the_windows_and_nothing_else_does(status: int, raised: type[Exception]) -> None:
    async def ask(_: int) -> Page:
        raise ClioInvalidRequest("clio refused it", status=status, error_type="ArgumentError")

    with pytest.raises(raised):
        await anext(read_windows(ask, page_limit=3, ahead=lambda: 2, offset=0, read_to=0, total=30))


async def test_windows_closed_early_leave_nothing_under_way() -> None:
    before = asyncio.all_tasks()
    await read(Clio(range(1, 101), {}, limit=5), ahead=8, stop_after=2)
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()
