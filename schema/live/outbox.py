"""What waits to be sent over one connection: bounded, in order, with the latest of a state in place of an older one."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

MOST_FRAMES = 1_000
MOST_CHARS = 1_000_000
"""How much may wait for a reader that lags, beyond what it is told when it begins."""


class Outbox:
    """The queue of one connection. Frames are text; whoever drains it knows what a frame is."""

    __slots__ = ("_chars", "_closed", "_filled", "_frames", "_granted", "_number", "_roomy")

    def __init__(self) -> None:
        self._frames: OrderedDict[Hashable, str] = OrderedDict()
        self._chars = 0
        self._granted = 0
        self._number = 0
        self._closed = False
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._closed

    def put(self, frame: str, key: Hashable = None, *, granted: bool = False) -> bool:
        """Queue a frame, in the place of one of the same key that still waits; False where it is full, or closed.

        A frame that is `granted` is taken whatever waits, and leaves the room for the others as it is.
        """
        if self._closed:
            return False
        frames = self._frames
        if key is None:
            self._number += 1
            key = self._number
        elif (waiting := frames.get(key)) is not None:
            self._chars += len(frame) - len(waiting)
            frames[key] = frame
            return True
        if granted:
            self._granted += 1
        elif frames and (len(frames) >= MOST_FRAMES + self._granted or self._chars >= MOST_CHARS):
            return False
        frames[key] = frame
        self._chars += len(frame)
        if len(frames) == 1:
            self._filled.set()
        elif len(frames) > MOST_FRAMES // 2:
            self._roomy.clear()
        return True

    async def room(self) -> None:
        """Return once less than half of what may wait is waiting; for what the client itself can ask for."""
        await self._roomy.wait()

    def discard(self, unwanted: Callable[[Any], bool]) -> None:
        """Take out the frames with keys that are not wanted any more."""
        for key in [key for key in self._frames if unwanted(key)]:
            self._chars -= len(self._frames.pop(key))
        self._note_room()

    def close(self, *, at_once: bool) -> None:
        """Take nothing more; what waits is thrown away `at_once`, or else still sent."""
        self._closed = True
        if at_once:
            self._frames.clear()
            self._chars = 0
        self._filled.set()
        self._roomy.set()

    async def drain(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send what waits, and what comes, until closed. One task at most; `send` waits for the reader."""
        frames = self._frames
        while True:
            while frames:
                _, frame = frames.popitem(last=False)
                self._chars -= len(frame)
                await send(frame)
            self._note_room()
            if self._closed:
                return
            self._granted = 0
            self._filled.clear()
            await self._filled.wait()

    def _note_room(self) -> None:
        if len(self._frames) <= MOST_FRAMES // 2:
            self._roomy.set()
