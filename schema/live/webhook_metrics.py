"""Webhook metrics as they move: the last hour by the minute, read once for all who watch, and shown to each its own.

Every tick reads how often the figures of each firm were written, and again only those of firms that moved.
"""

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.metrics.epochs import Epoch, read_epoch
from core.metrics.keys import MINUTE, Entry
from core.metrics.queries import Report, Span, latest, narrow, read_entries, read_moved, redis_away
from core.services import Services
from schema.live.topics import Event, Topic, Watch
from schema.types.webhook_metrics import WebhookMetrics, metrics_of

TICK_S = 0.5
"""How often the figures are read; intervals are whole numbers of ticks."""

SHORTEST_S, LONGEST_S, USUAL_S = 0.5, 60.0, 2.0

SHOWN_S = 3600

EARLY_S = 0.05
"""A reading may be so much before its tick: timers are not exact, and a tick that is missed comes late."""


class Wish(NamedTuple):
    """What a subscriber wants to see: one model or all, at every so many ticks."""

    model: str | None
    ticks: int


@dataclass(frozen=True, slots=True)
class Window:
    """What was read at a tick."""

    tick: int
    span: Span
    epoch: Epoch | None
    entries: dict[int, list[Entry]]


class Windows:
    """The source of the topic: what each firm's hashes of the last hour held when it last moved."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._moved: dict[int, int] = {}
        self._entries: dict[int, list[Entry]] = {}
        self._read: tuple[int, str | None] | None = None
        self._window: Window | None = None
        self._next_at = 0.0

    async def read(self) -> Sequence[Event]:
        """Return the window, once for each tick."""
        if time.monotonic() < self._next_at - EARLY_S:
            return []
        self._next_at = max(self._next_at, time.monotonic() - TICK_S) + TICK_S
        with redis_away():
            self._window = await self._look(0 if self._window is None else self._window.tick + 1)
        return [_event(self._window)]

    async def before(self, watch: Watch) -> Sequence[Event]:  # noqa: ARG002 - the signature is `Source.before`
        """Return the window as it was last read."""
        return [] if self._window is None else [_event(self._window)]

    async def _look(self, tick: int) -> Window:
        redis = self._services.redis
        span = latest(MINUTE, SHOWN_S, now=time.time())
        epoch, moved = await read_epoch(redis), await read_moved(redis)
        read = (span.start // MINUTE.hash_s, epoch.name if epoch else None)
        if read != self._read:
            self._moved, self._entries = {}, {}
        stale = [firm for firm, times in moved.items() if self._moved.get(firm) != times]
        entries = {**self._entries, **await read_entries(redis, epoch, stale, span)} if stale else self._entries
        self._read, self._moved, self._entries = read, moved, entries
        return Window(tick, span, epoch, entries)


def _event(window: Window) -> Event:
    return Event(firm=None, key="window", value=window)


def _is_due(wish: Hashable, event: Event) -> bool:
    return isinstance(wish, Wish) and event.value.tick % wish.ticks == 0


def _view(watch: Watch, value: Window) -> WebhookMetrics:
    """Return what a subscriber may see, and wants to, of all that was read."""
    model = watch.only.model if isinstance(watch.only, Wish) else None
    firms = value.entries if watch.firms is None else sorted(watch.firms)
    entries = [each for firm in firms for each in narrow(value.entries.get(firm, ()), model, value.span)]
    return metrics_of(Report(value.span, value.epoch, entries), watch.firms, model)


WEBHOOK_METRICS = Topic(
    name="webhookMetrics",
    channel="webhooks:metrics",
    open=Windows,
    latest_only=True,
    how_to_go_on="subscribe again to see the figures as they are",
    matches=_is_due,
    view=_view,
    gather_s=TICK_S,
    look_again_s=TICK_S,
)
