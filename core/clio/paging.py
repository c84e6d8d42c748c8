"""Reading a list page after page by the address that each gives of the next, ahead of who takes them."""

import asyncio
import datetime
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from core.errors import ClioUnexpectedAnswer

PAGES_AHEAD = 2
"""Pages beside the one that is worked on: one to be had at once, and one on its way while that is made ready."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a list. `total` is meta.records where Clio tells it; `requested_at` is before the request was sent.

    `prepared` is what the client's `prepare` made of the records, if it was given one.
    """

    records: list[dict[str, Any]]
    next_url: str | None
    total: int | None
    requested_at: datetime.datetime
    prepared: Any = None


class Onwards:
    """Reads from a page on. `fetch` reads the page at an address, and `prepare` makes it ready, one page at a time."""

    def __init__(self, fetch: Callable[[str], Awaitable[Page]], prepare: Callable[[Page], Awaitable[Page]]) -> None:
        self._fetch = fetch
        self._prepare = prepare
        self._room = asyncio.Semaphore(PAGES_AHEAD)
        self._turn = asyncio.Lock()
        self._coming: deque[asyncio.Task[Page]] = deque()
        self._circle = _Circle()

    async def pages(self, page: Page) -> AsyncGenerator[Page, None]:
        """Yield a page that has been read, and those that follow it; close the generator to stop early.

        Raises:
            ClioUnexpectedAnswer: a page leads back to one that was read.
        """
        try:
            self._begin(page.next_url)
            yield page
            while self._coming:
                page = await self._coming[0]
                self._coming.popleft()
                self._room.release()
                yield page
        finally:
            for task in self._coming:
                task.cancel()
            await asyncio.gather(*self._coming, return_exceptions=True)

    def _begin(self, url: str | None) -> None:
        if url is None:
            return
        if self._circle.closes_at(url):
            raise ClioUnexpectedAnswer("clio's list leads back to a page that has been read: it has no end")
        self._coming.append(asyncio.create_task(self._read(url)))

    async def _read(self, url: str) -> Page:
        await self._room.acquire()
        page = await self._fetch(url)
        self._begin(page.next_url)
        async with self._turn:
            return await self._prepare(page)


class _Circle:
    """Finds out that addresses come round again, remembering one of them at a time (Brent's algorithm)."""

    def __init__(self) -> None:
        self._remembered, self._steps, self._patience = "", 0, 1

    def closes_at(self, url: str) -> bool:
        """Whether this address is the one that is remembered; of a circle, one will be."""
        if url == self._remembered:
            return True
        self._steps += 1
        if self._steps == self._patience:
            self._remembered, self._steps, self._patience = url, 0, self._patience * 2
        return False
