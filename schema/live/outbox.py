"""What waits to be sent over one connection: bounded, in order, with the latest of a state in place of an older one."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from core.logging import get_logger
from schema.live.first_step import Begun

log = get_logger(__name__)

MOST_FRAMES = 1_000
MOST_CHARS = 1_000_000
"""How much may wait for a reader that lags, beyond what it is told when it begins."""


class Outbox:
    """The queue of one connection; `send` sends one frame, which is text, and waits for the reader.

    A frame is sent from where it is put as long as the reader keeps up; only when it lags is anything queued.
    """

    __slots__ = (
        "_chars",
        "_closed",
        "_filled",
        "_frames",
        "_granted",
        "_is_idle",
        "_number",
        "_roomy",
        "_send",
        "_under_way",
        "sent",
    )

    def __init__(self, send: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        self._send = send
        self._is_idle = False
        self._under_way: Begun | None = None
        self._frames: OrderedDict[tuple[object, Hashable], str] = OrderedDict()
        self._chars = 0
        self._granted = 0
        self._number = 0
        self.sent = 0
        """Frames sent, for whoever wants to see whether the reader reads."""
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

    def put(self, frame: str, owner: object = None, key: Hashable = None, *, granted: bool = False) -> bool:
        """Send a frame, or queue it in the place of one of the same owner and key that still waits.

        Returns False where it is full, or closed. A frame that is `granted` is taken whatever waits, and leaves the
        room for the others as it is.
        """
        if self._is_idle:
            self._send_now(frame)
            return True
        if self._closed:
            return False
        frames, place = self._frames, (owner, key)
        if owner is None:
            self._number += 1
            place = (None, self._number)
        elif (waiting := frames.get(place)) is not None:
            self._chars += len(frame) - len(waiting)
            frames[place] = frame
            return True
        if granted:
            self._granted += 1
        elif frames and (len(frames) >= MOST_FRAMES + self._granted or self._chars >= MOST_CHARS):
            return False
        frames[place] = frame
        self._chars += len(frame)
        self._filled.set()
        if not self._has_room():
            self._roomy.clear()
        return True

    async def room(self) -> None:
        """Return once less than half of what may wait is waiting; for what the client itself can ask for."""
        await self._roomy.wait()

    def discard(self, owner: object) -> None:
        """Take out what waits of an owner that is not wanted any more."""
        for place in [place for place in self._frames if place[0] is owner]:
            self._chars -= len(self._frames.pop(place))
        self._note_room()

    def close(self, *, at_once: bool) -> None:
        """Take nothing more; what waits is thrown away `at_once`, or else still sent."""
        self._closed = True
        self._is_idle = False
        if at_once:
            self._frames.clear()
            self._chars = 0
        self._filled.set()
        self._roomy.set()

    async def drain(self) -> None:
        """Send what waits, and what comes, until closed; in one task.

        Raises:
            OSError: the reader is gone.
        """
        try:
            while True:
                await self._send_waiting()
                if self._closed:
                    return
                self._granted = 0
                self._filled.clear()
                self._is_idle = True
                await self._filled.wait()
        finally:
            self.close(at_once=True)
            if self._under_way is not None:
                self._under_way.close()

    async def _send_waiting(self) -> None:
        if self._under_way is not None:
            await self._under_way.finish()
            self._under_way = None
        while self._frames:
            _, frame = self._frames.popitem(last=False)
            self._chars -= len(frame)
            await self._send(frame)
            self.sent += 1
            self._note_room()

    def _send_now(self, frame: str) -> None:
        """Send a frame; where that has to wait for the reader, the draining task goes on with it."""
        sending = self._send(frame)
        self.sent += 1
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        except OSError:
            self.close(at_once=True)  # whoever reads from the client hears that it is gone
            return
        except Exception as error:
            log.exception("connection_broke", error=type(error).__name__)
            self.close(at_once=True)  # others are sent the same from here: they go on
            return
        self._under_way = Begun(sending, waits_for)
        self._is_idle = False
        self._filled.set()

    def _has_room(self) -> bool:
        return len(self._frames) <= MOST_FRAMES // 2 and self._chars <= MOST_CHARS // 2

    def _note_room(self) -> None:
        if self._has_room():
            self._roomy.set()
