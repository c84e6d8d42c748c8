"""Reading one list through windows: several pages by offset at once, taken in order, without losing a record.

A window is a slice of the list, in order of id, as it was when Clio answered. Windows beside each other overlap, and
one is taken only if it begins at or before the last id read so far. So every id up to that one was covered by a window
when it was answered, whatever was created, changed or deleted in between; a window that begins later leaves a gap, and
is asked for again further back. docs/adr/0014-planner.md has the argument.
"""

import asyncio
import dataclasses
import itertools
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeAlias

from core.clio.paging import Page
from core.errors import ClioInvalidRequest
from core.sync.planner import is_within_reach, step

Coming: TypeAlias = deque[tuple[int, asyncio.Task[Page]]]

UNPROCESSABLE = 422


class OffsetsEnd(Exception):
    """The list goes on where offsets do not reach, or is not in order of id: only its cursor reads it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """What a window brought that lies beyond the ones before it, and the offset to go on from; None at the end."""

    page: Page
    next_offset: int | None


async def read_windows(
    ask: Callable[[int], Coroutine[Any, Any, Page]],
    *,
    page_limit: int,
    ahead: Callable[[], int],
    offset: int,
    read_to: int,
    total: int,
    first: Page | None = None,
) -> AsyncGenerator[Window, None]:
    """Yield the windows of a list from an offset on, where all up to the id `read_to` has been read.

    `ask` reads the page at an offset, `ahead` says how many to have under way, `total` is Clio's count so far, and
    `first` the page at `offset` if it is there already. At most `ahead` pages are held. Close the generator to stop.

    Raises:
        OffsetsEnd: read the list by cursor instead, from its beginning.
    """
    coming: Coming = deque()
    if first is not None:
        coming.append((offset, asyncio.create_task(_there(first))))
        offset += step(page_limit)
    back = page_limit
    try:
        while True:
            most = ahead() if back == page_limit else 1
            offset = _ask_ahead(coming, ask, offset=offset, page_limit=page_limit, most=most, total=total)
            at, page = await _next(coming)
            total = total if page.total is None else page.total
            ids = _ids_in_order(page)
            if at > 0 and (not ids or ids[0] > read_to):
                await _drop(coming)
                offset, back = max(0, at - back), back * 2
                continue
            back = page_limit
            beyond = [record for record in page.records if record["id"] > read_to]
            read_to = max([read_to, *ids[-1:]])
            yield Window(
                page=dataclasses.replace(page, records=beyond),
                next_offset=None if page.next_url is None else at + step(page_limit),
            )
            if page.next_url is None:
                return
    finally:
        await _drop(coming)


def _ask_ahead(
    coming: Coming,
    ask: Callable[[int], Coroutine[Any, Any, Page]],
    *,
    offset: int,
    page_limit: int,
    most: int,
    total: int,
) -> int:
    """Ask for the windows that should be under way: one at least, none that begins after the end; return the next."""
    while not coming or (len(coming) < most and offset < total):
        if not is_within_reach(offset, page_limit):
            if not coming:
                raise OffsetsEnd
            break
        coming.append((offset, asyncio.create_task(ask(offset))))
        offset += step(page_limit)
    return offset


async def _next(coming: Coming) -> tuple[int, Page]:
    at, task = coming[0]
    try:
        page = await task
    except ClioInvalidRequest as error:
        if error.status == UNPROCESSABLE:
            raise OffsetsEnd from error
        raise
    coming.popleft()
    return at, page


def _ids_in_order(page: Page) -> list[int]:
    ids = ids_of(page)
    if len(ids) < len(page.records) or any(later <= earlier for earlier, later in itertools.pairwise(ids)):
        raise OffsetsEnd
    return ids


def ids_of(page: Page) -> list[int]:
    """Return the ids of a page's records; what has none is left out."""
    found = [record.get("id") for record in page.records if isinstance(record, dict)]
    return [each for each in found if isinstance(each, int)]


async def _there(page: Page) -> Page:
    return page


async def _drop(coming: Coming) -> None:
    """Give up what is under way."""
    tasks = [task for _, task in coming]
    coming.clear()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
