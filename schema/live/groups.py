"""Subscribers who ask the same: an event is executed and serialised once for all of them, in order."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Coroutine, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from core.logging import get_logger
from schema.live.selection import Selection, error_text
from schema.live.subscribers import Subscriber
from schema.live.topics import Event, SubscriberTooSlow

log = get_logger(__name__)

MOST_EVENTS = 1_000
"""How many events of a topic of which each counts may wait for a selection that is slow to execute."""

AT_ONCE = 500
"""So many sockets are written to before others get their turn."""


def create_apart(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a task that serves many: its log lines carry no ids of the request that happened to come first."""
    return asyncio.create_task(work, context=contextvars.Context())


@dataclass(slots=True)
class _Waiting:
    """An event that waits to be executed; replaced by a newer one of its key while it does."""

    event: Event


@dataclass(frozen=True, slots=True)
class _Joining:
    """Subscribers who begin, and what they are told first."""

    subscribers: Sequence[Subscriber]
    first: Sequence[Event]


class Group:
    """Runs from the first subscriber to the last."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._topic = selection.watch.topic
        self._members: dict[Subscriber, None] = {}
        self._coming: set[Subscriber] = set()
        self._queue: deque[_Waiting | _Joining] = deque()
        self._latest: dict[Hashable, _Waiting] = {}
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._sent = 0
        self._task = create_apart(self._run())

    def __len__(self) -> int:
        return len(self._members) + len(self._coming)

    def put(self, event: Event) -> None:
        """Take an event of the group's firms."""
        if not self._topic.matches(self.selection.watch.only, event):
            return
        if self._topic.latest_only and (waiting := self._latest.get(event.key)) is not None:
            waiting.event = event
            return
        waiting = _Waiting(event)
        if self._topic.latest_only:
            self._latest[event.key] = waiting
        elif len(self._queue) >= MOST_EVENTS:
            how = self._topic.how_to_go_on
            self.end(SubscriberTooSlow(f"events come faster than the selection is executed: {how}"))
            return
        elif len(self._queue) >= MOST_EVENTS // 2:
            self._roomy.clear()
        self._queue.append(waiting)
        self._filled.set()

    async def room(self) -> None:
        """Return once less than half of the events that may wait are waiting."""
        await self._roomy.wait()

    def admit(self, subscribers: Sequence[Subscriber], first: Sequence[Event]) -> None:
        """Let subscribers begin with some events; whatever is put after this, they are told as well."""
        self._latest.clear()  # an event that waits in front of them must not turn into one they have to be told
        self._coming.update(subscribers)
        self._queue.append(_Joining(subscribers, first))
        self._filled.set()

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        self._members.pop(subscriber, None)
        self._coming.discard(subscriber)

    def end(self, error: Exception) -> None:
        """End every subscription with an error."""
        text = error_text(error)
        for subscriber in [*self._members, *self._coming]:
            subscriber.end(text)

    async def close(self) -> None:
        """Stop."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while True:
                while self._queue:
                    await self._handle(self._queue.popleft())
                    if len(self._queue) < MOST_EVENTS // 2:
                        self._roomy.set()
                self._filled.clear()
                await self._filled.wait()
        except Exception as error:  # noqa: BLE001 - whatever it is, subscribers must hear of their end
            self.end(error)

    async def _handle(self, item: _Waiting | _Joining) -> None:
        if isinstance(item, _Joining):
            for event in item.first:
                await self._send(event, item.subscribers, granted=True)
            for subscriber in item.subscribers:
                if subscriber in self._coming:
                    self._coming.discard(subscriber)
                    self._members[subscriber] = None
            return
        if self._latest.get(item.event.key) is item:
            del self._latest[item.event.key]
        await self._send(item.event, list(self._members), granted=False)

    async def _send(self, event: Event, subscribers: Sequence[Subscriber], *, granted: bool) -> None:
        result = await self.selection.execute(event.value)
        self._sent += 1
        key = event.key if self._topic.latest_only else self._sent
        frames: dict[str, str] = {}
        for place, subscriber in enumerate(subscribers, 1):
            if not subscriber.next(result, key, frames, granted=granted):
                self._cut_off(subscriber)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _cut_off(self, subscriber: Subscriber) -> None:
        log.info("subscriber_too_slow", topic=self._topic.name)
        how = self._topic.how_to_go_on
        subscriber.end(error_text(SubscriberTooSlow(f"the connection is not read as fast as events come: {how}")))
