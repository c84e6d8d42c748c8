"""One topic while somebody watches it: its source is read at every hint, and each event handed to who may see it."""

import asyncio
import contextlib
from collections.abc import Hashable, Iterable, Sequence

import asyncpg

from core.db.engine import CONNECT_ERRORS
from core.errors import DatabaseUnavailable, RedisUnavailable
from core.logging import get_logger
from core.services import Services
from schema.live.groups import Group, create_apart
from schema.live.listening import listen
from schema.live.selection import Selection, error_text
from schema.live.subscribers import Subscriber
from schema.live.topics import MOST_READ, Event, Topic, Watch

log = get_logger(__name__)

UNAVAILABLE = (
    *CONNECT_ERRORS,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    DatabaseUnavailable,
    RedisUnavailable,
    TimeoutError,
)
"""What a source raises of a server that is away, goes away or is at its limits: it passes."""

PATIENCE_S = 2.0
"""How long a selection that is slow to execute may hold up the others of its topic, at each reading."""


class Feed:
    """Runs from the first subscriber to the last."""

    def __init__(self, topic: Topic, services: Services) -> None:
        self.topic = topic
        self._services = services
        self._source = topic.open(services)
        self._joining: dict[Subscriber, Selection] = {}
        self._groups: dict[Hashable, Group] = {}
        self._by_firm: dict[int | None, dict[Group, None]] = {}
        self._group_of: dict[Subscriber, Group] = {}
        self._hinted = asyncio.Event()
        self._joined = asyncio.Event()
        self._away = False
        self._closing: set[asyncio.Task[None]] = set()
        self._listening = create_apart(listen(services.redis, topic.channel, self._hinted.set))
        self._task = create_apart(self._run())

    def __len__(self) -> int:
        return len(self._joining) + len(self._group_of)

    @property
    def groups(self) -> int:
        """How many selections are executed for each event that all may see."""
        return len(self._groups)

    def join(self, selection: Selection, subscriber: Subscriber) -> None:
        """Let a subscriber begin with the next reading, which is now."""
        self._joining[subscriber] = selection
        self._joined.set()
        self._hinted.set()

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a subscriber, and its group with the last."""
        self._joining.pop(subscriber, None)
        group = self._group_of.pop(subscriber, None)
        if group is None:
            return
        group.remove(subscriber)
        if not group:
            del self._groups[group.selection.key]
            for firm in _firms_of(group.selection.watch):
                del self._by_firm[firm][group]
                if not self._by_firm[firm]:
                    del self._by_firm[firm]
            closing = asyncio.create_task(group.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Stop listening and reading."""
        self._task.cancel()
        self._listening.cancel()
        await asyncio.wait([self._task, self._listening, *self._closing])

    def end(self, error: Exception) -> None:
        """End every subscription with an error."""
        self._fail(self._joining, error)
        for group in list(self._groups.values()):
            group.end(error)

    async def _run(self) -> None:
        try:
            while True:
                self._hinted.clear()
                self._joined.clear()
                await self._turn()
                await self._pause()
        except Exception as error:  # noqa: BLE001 - whatever it is, subscribers must hear of their end
            self.end(error)

    async def _pause(self) -> None:
        """Return at the next hint, `gather_s` apart at least but for who wants to begin, `look_again_s` at most."""
        loop = asyncio.get_running_loop()
        read_at = loop.time()
        if await _within(self.topic.look_again_s, self._hinted):
            await _within(read_at + self.topic.gather_s - loop.time(), self._joined)

    async def _turn(self) -> None:
        """Read once; tell who watches, and let in who has come before the reading."""
        await self._wait_for_groups()
        joining = dict(self._joining)
        try:
            events = await self._source.read()
        except UNAVAILABLE as error:
            if not self._away:
                log.warning("live_source_away", topic=self.topic.name, error=type(error).__name__)
            self._away = True
            self._fail(joining, error)
            return
        if self._away:
            log.info("live_source_back", topic=self.topic.name)
        self._away = False
        if len(events) >= MOST_READ and not self.topic.latest_only:
            self._hinted.set()
        for event in events:
            for group in self._concerned(event):
                group.put(event)
        await self._admit(joining)

    def _concerned(self, event: Event) -> list[Group]:
        if event.firm is None:
            return list(self._groups.values())
        return [*self._by_firm.get(event.firm, ()), *self._by_firm.get(None, ())]

    async def _wait_for_groups(self) -> None:
        """Where each event counts, read no further for a while when a selection lags: what is not read is not lost."""
        if self.topic.latest_only:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                for group in list(self._groups.values()):
                    await group.room()

    async def _admit(self, joining: dict[Subscriber, Selection]) -> None:
        """Let subscribers in; nothing is read meanwhile, so that none misses an event or is told it twice."""
        first: dict[Watch, Sequence[Event] | Exception] = {}
        for watch in {selection.watch for selection in joining.values()}:
            try:
                first[watch] = await self._source.before(watch)
            except Exception as error:  # noqa: BLE001 - those who asked for it are told, whatever it is
                first[watch] = error
        together: dict[tuple[Hashable, Watch], dict[Subscriber, Selection]] = {}
        for subscriber, selection in joining.items():
            if subscriber in self._joining:
                together.setdefault((selection.key, selection.watch), {})[subscriber] = selection
        for (_, watch), subscribers in together.items():
            told = first[watch]
            if isinstance(told, Exception):
                self._fail(subscribers, told)
            else:
                self._enter(subscribers, told)

    def _enter(self, subscribers: dict[Subscriber, Selection], first: Sequence[Event]) -> None:
        selection = next(iter(subscribers.values()))
        group = self._groups.get(selection.key)
        if group is None:
            group = self._groups[selection.key] = Group(selection)
            for firm in _firms_of(selection.watch):
                self._by_firm.setdefault(firm, {})[group] = None
        for subscriber in subscribers:
            del self._joining[subscriber]
            self._group_of[subscriber] = group
        group.admit(list(subscribers), first)

    def _fail(self, subscribers: Iterable[Subscriber], error: Exception) -> None:
        text = error_text(error)
        for subscriber in list(subscribers):
            subscriber.end(text)


def _firms_of(watch: Watch) -> Iterable[int | None]:
    return (None,) if watch.firms is None else watch.firms


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event; False where it does not come in time."""
    if seconds <= 0:
        return event.is_set()
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
