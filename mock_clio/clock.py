"""The one source of time of the mock, which tests can set and move."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, running with the machine's clock unless set, moved or frozen."""

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        self._offset = start.timestamp() - time.time() if start else 0.0
        self._frozen_at: float | None = (start.timestamp() if start else time.time()) if frozen else None
        self.moved: list[Callable[[], None]] = []
        """Called after every jump, so that what waits for a time can look again."""

    def now(self) -> float:
        """The present, in seconds since the epoch."""
        return self._frozen_at if self._frozen_at is not None else time.time() + self._offset

    def seconds(self) -> int:
        """The present in whole seconds, the precision of Clio's timestamps.

        The microsecond keeps a clock set to a whole second from reading the one before it, floats being what they are.
        """
        return int(self.now() + 1e-6)

    def utc(self) -> datetime:
        """The present as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen_at is not None

    def advance(self, seconds: float) -> None:
        """Jump forwards (or backwards, for a negative number)."""
        if self._frozen_at is not None:
            self._frozen_at += seconds
        self._offset += seconds
        self._announce()

    def set(self, moment: datetime) -> None:
        """Jump to a moment, which must carry a time zone."""
        if self._frozen_at is not None:
            self._frozen_at = moment.timestamp()
        self._offset = moment.timestamp() - time.time()
        self._announce()

    def freeze(self, frozen: bool = True) -> None:
        """Stop the clock, or let it run on from where it stands."""
        now = self.now()
        self._offset = now - time.time()
        self._frozen_at = now if frozen else None
        self._announce()

    def _announce(self) -> None:
        for listener in self.moved:
            listener()


class Timers:
    """Actions due at moments of the mock's clock; jumping the clock past a moment runs what was due, in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        clock.moved.append(self._jumped)

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Run `action` once the clock reaches `moment` (seconds since the epoch)."""
        heapq.heappush(self._due, (moment, next(self._order), action))
        self._wake.set()

    def pending(self) -> int:
        """How many actions have not run yet."""
        return len(self._due)

    def clear(self) -> None:
        """Forget every action."""
        self._due.clear()

    def run_due(self) -> None:
        """Run every action whose moment has come."""
        while self._due and self._due[0][0] <= self._clock.now():
            heapq.heappop(self._due)[2]()

    def _jumped(self) -> None:
        self.run_due()
        self._wake.set()

    async def run(self) -> None:
        """Run actions as they fall due, until cancelled."""
        while True:
            self._wake.clear()
            self.run_due()
            wait = self._due[0][0] - self._clock.now() if self._due and not self._clock.frozen else None
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue
