"""What the hand-written peers share: the next page is asked for before the one that came is written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

P = TypeVar("P")


async def one_ahead(first: str, fetch: Callable[[str], Awaitable[tuple[P, str | None]]]) -> AsyncIterator[P]:
    """Yield page after page, each while the next is under way; `fetch` returns a page and the address of the next."""
    coming: asyncio.Future[tuple[P, str | None]] | None = asyncio.ensure_future(fetch(first))
    while coming is not None:
        page, following = await coming
        coming = asyncio.ensure_future(fetch(following)) if following else None
        yield page
