"""Telling who must know that the process stops, before connections are closed under them."""

import asyncio
from collections.abc import Awaitable, Callable

from core.logging import get_logger

log = get_logger(__name__)


class Stopping:
    """What is to be done before anything is closed: long answers ended, clients told to come back."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], Awaitable[None]]] = []

    def tell(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Call back once when the process stops; all callbacks run at the same time."""
        self._callbacks.append(callback)

    async def announce(self) -> None:
        """Call everybody who asked for it; again does nothing."""
        callbacks, self._callbacks = self._callbacks, []
        for done in await asyncio.gather(*(callback() for callback in callbacks), return_exceptions=True):
            if isinstance(done, Exception):
                log.error("stopping_callback_broke", error=type(done).__name__, exc_info=done)
