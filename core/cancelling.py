"""Steps that a cancelling must not cut in two: what another server was asked is seen through, or undone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def to_the_end(step: Awaitable[T], *, undo: Callable[[T], Awaitable[object]] | None = None) -> T:
    """Wait for a step even when cancelled meanwhile, since a server may have taken it; then undo it, and be cancelled.

    Raises what the step raises; unless cancelled, for then only that is told.
    """
    begun = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(begun)
    except asyncio.CancelledError:
        [done] = await asyncio.gather(begun, return_exceptions=True)
        if undo is not None and not isinstance(done, BaseException):
            await undo(done)
        raise
