"""Running a plugin's own code beside the event loop, each piece within its time, so that none holds up the others.

A payload model is a stranger's code: it may raise anything, `SystemExit` included, compute for minutes, or never end.
It runs in a thread; one that stays too long at one piece is told to stop and left behind, and another goes on with the
rest. What never comes back to Python (a regular expression that runs away) holds the process itself: its lease lapses,
and `core.webhooks.processing` sees to it that such a delivery is worked on alone, and given up.
"""

import asyncio
import ctypes
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from core.errors import ServiceError
from core.logging import get_logger

log = get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

PIECE_LIMIT_S = 5.0
"""How long a plugin may compute over one record."""


class PluginTooSlow(ServiceError):
    """A plugin computed over one record for longer than it may."""

    code = "PLUGIN_TOO_SLOW"


class PluginBroke(ServiceError):
    """A plugin raised what is no Exception, such as SystemExit."""

    code = "PLUGIN_BROKE"


class _Stop(BaseException):
    """Raised inside a thread that is left behind."""


class _Work(Generic[Item, Result]):
    """Pieces of work in one thread, and how far it is."""

    def __init__(self, function: Callable[[Item], Result], items: Sequence[Item]) -> None:
        self._function = function
        self._items = items
        self._loop = asyncio.get_running_loop()
        self._abandoned = False
        self.done: list[Result | Exception] = []
        self.piece_began = time.monotonic()
        self.finished = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="plugin-code", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def abandon(self) -> None:
        """Tell the thread to stop at its next instruction of Python."""
        self._abandoned = True
        if self._thread.ident is not None and self._thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread.ident), ctypes.py_object(_Stop))

    def _run(self) -> None:
        try:
            for item in self._items:
                self.piece_began = time.monotonic()
                result = self._one(item)
                if self._abandoned:
                    return
                self.done.append(result)
            self._loop.call_soon_threadsafe(self.finished.set)
        except (_Stop, RuntimeError):
            return  # left behind, or the loop is closed

    def _one(self, item: Item) -> Result | Exception:
        try:
            return self._function(item)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            return error
        except _Stop:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin must not end the worker
            broke = PluginBroke(f"a plugin raised {type(error).__name__} over one record")
            broke.__cause__ = error
            return broke


async def run_each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result | Exception]:
    """Return what a function answers to each item, or the error it raised; in order, one thread for all.

    An item that takes longer than `PIECE_LIMIT_S` answers with `PluginTooSlow`, and the others go on without it.
    """
    results: list[Result | Exception] = []
    while len(results) < len(items):
        work = _Work(function, items[len(results) :])
        work.start()
        try:
            too_slow = await _watch(work, PIECE_LIMIT_S)
        except asyncio.CancelledError:
            work.abandon()
            raise
        if too_slow:
            work.abandon()
        results += work.done[:]
        if too_slow and len(results) < len(items):
            results.append(
                PluginTooSlow(f"a plugin computed over one record for more than {PIECE_LIMIT_S:g} s: see the log")
            )
    return results


async def _watch(work: "_Work[Item, Result]", limit_s: float) -> bool:
    """Wait for the work to end; True when one piece took too long."""
    while True:
        left = work.piece_began + limit_s - time.monotonic()
        if left <= 0:
            return not work.finished.is_set()
        try:
            async with asyncio.timeout(left):  # wait_for of Python 3.11 loses a cancelling that meets the end
                await work.finished.wait()
        except TimeoutError:
            continue
        return False
