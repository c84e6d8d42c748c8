"""Counting in memory what happens to deliveries, and sending it to Redis a few times a second.

Counting is best effort and costs an event-loop step nothing but additions. What a process counted is added to Redis
exactly once, however often the connection breaks; a process that is killed loses what it counted in the last moment,
and a Redis that is away for long costs more; both the raw log makes up for (`core.metrics.rebuild`).
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from asyncpg import Record
from redis.asyncio import Redis

from core.logging import get_logger
from core.metrics.adding import add_hashes
from core.metrics.epochs import Epoch, forget_epoch, read_epoch, slot_of
from core.metrics.figures import Cell, Figures, count_attempts
from core.metrics.histograms import bucket_of
from core.metrics.keys import spread
from core.metrics.users import read_user
from core.redis_pool import REDIS_ERRORS

log = get_logger(__name__)

GATHER_S = 0.25
"""What was counted waits this long for company; a process that is killed loses no more than that."""

SEND_S = 5.0
"""How long Redis may take to answer."""

MOST_CELLS = 50_000
"""More than this is not kept for a Redis that is away; it is dropped, and the raw log counted anew instead."""

FORGED_EVENT = "unknown"
"""The event of a forged delivery, whose own word for it is not believed."""

Settled: TypeAlias = Literal["processed", "failed", "dead"]
_BySlot: TypeAlias = dict[int, dict[Cell, Figures]]


def figures_in(cells: dict[Cell, Figures], cell: Cell) -> Figures:
    """Return the figures of a cell, new ones where it has none."""
    figures = cells.get(cell)
    if figures is None:
        figures = cells[cell] = Figures()
    return figures


@dataclass(slots=True)
class _Unsent:
    """What was taken to be sent, by the slot in which it was counted; it stays as it is until it has arrived."""

    by_slot: _BySlot
    made_at: int
    number: str
    is_unlogged_sent: bool = False

    def cells(self, *, since: int = 0) -> dict[Cell, Figures]:
        """Return the figures that were counted from a slot on."""
        together: dict[Cell, Figures] = {}
        for slot, cells in self.by_slot.items():
            for cell, figures in cells.items() if slot >= since else ():
                figures_in(together, cell).merge(figures)
        return together


class WebhookRecorder:
    """One for each process; the background task that sends runs while there is something to send."""

    def __init__(self, redis: Callable[[], Redis], *, clock: Callable[[], float] = time.time) -> None:
        """Take how to reach Redis, which need not be open yet, and the clock that says when something was counted."""
        self._redis = redis
        self._clock = clock
        self._counted: _BySlot = {}
        self._unsent: _Unsent | None = None
        self._epoch: Epoch | None = None
        self._sending = asyncio.Lock()
        self._sender: asyncio.Task[None] | None = None
        self._away = False
        self._dropped = False

    def received(
        self, firm: int, model: str, event: str, body: bytes, received_at: float, *, ingest_s: float | None
    ) -> None:
        """Count a delivery that is committed for the first time, `ingest_s` after its request began.

        None: it was not measured. Instants are seconds since 1970, here and below.
        """
        figures = self._figures(firm, model, event, body, received_at)
        figures.received += 1
        figures.body_bytes += len(body)
        if ingest_s is not None:
            figures.ingest.add(bucket_of(ingest_s))

    def repeated(self, firm: int, model: str, event: str, body: bytes, received_at: float) -> None:
        """Count a delivery that came again, in the minute of its first receipt."""
        figures = self._figures(firm, model, event, body, received_at)
        figures.duplicates += 1
        figures.body_bytes += len(body)

    def forged(self, firm: int, model: str) -> None:
        """Count a delivery that was not signed by Clio, in the present minute."""
        now = self._clock()
        cell = (firm, model, FORGED_EVENT, None, int(now) // 60)
        figures_in(self._cells(slot_of(now)), cell).forged += 1

    def settled(
        self,
        firm: int,
        model: str,
        event: str,
        body: bytes,
        received_at: float,
        *,
        status: Settled,
        took_s: float | None,
        attempt: int,
        counts: bool = True,
    ) -> None:
        """Count an attempt to process a delivery, and its end where this was the last one.

        `attempt` counts from 1; one that does not count towards giving up is no failure. `took_s` is the time
        from its receipt, or from its replay, to the row's own `processed_at`; None unless processed or dead.
        """
        figures = self._figures(firm, model, event, body, received_at)
        figures.retries += counts and attempt > 1
        figures.failures += counts and status != "processed"
        figures.dead += status == "dead"
        if status == "processed":
            figures.processed += 1
            if took_s is not None:
                figures.end_to_end.add(bucket_of(took_s))

    def reopened(self, row: Record) -> None:
        """Take back what was counted of a delivery's attempts: it is open again, as if it had just come.

        `row` is what the raw log held until then.
        """
        at = row["received_at"].timestamp()
        count_attempts(self._figures(row["firm"], row["model"], row["event"], row["body"], at), row, by=-1)

    async def flush(self) -> bool:
        """Send what was counted; return whether all of it has arrived. A Redis that is away is logged once."""
        async with self._sending:
            if self._unsent is None and self._counted:
                self._unsent, self._counted = _Unsent(self._counted, int(self._clock()), secrets.token_hex(8)), {}
            if self._unsent is None and not self._dropped:
                return True
            try:
                async with asyncio.timeout(SEND_S):
                    sent = await self._send()
            except REDIS_ERRORS as error:
                if not self._away:
                    log.warning("webhook_metrics_wait", error=type(error).__name__)
                self._away, sent = True, False
            else:
                self._away = False
            if not sent:
                self._drop_if_too_many()
            return sent

    async def close(self) -> None:
        """End the background task, and send what waits."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
            self._sender = None
        while self._counted or self._unsent is not None:
            if not await self.flush():
                return

    def _figures(self, firm: int, model: str, event: str, body: bytes, received_at: float) -> Figures:
        cell = (firm, model, event, read_user(body), int(received_at) // 60)
        return figures_in(self._cells(slot_of(self._clock())), cell)

    def _cells(self, slot: int) -> dict[Cell, Figures]:
        cells = self._counted.get(slot)
        if cells is None:
            cells = self._counted[slot] = {}
            if self._sender is None:
                self._sender = asyncio.get_running_loop().create_task(self._send_soon())
        return cells

    async def _send_soon(self) -> None:
        while self._counted or self._unsent is not None or self._dropped:
            await asyncio.sleep(GATHER_S)
            await self.flush()
        self._sender = None

    async def _send(self) -> bool:
        """Add what is unsent to the present epoch; False where there is none."""
        redis = self._redis()
        if self._dropped:
            await forget_epoch(redis)
            self._dropped, self._epoch = False, None
        unsent = self._unsent
        if unsent is None:
            return True
        if not unsent.is_unlogged_sent:
            unlogged = spread(unsent.cells(), now=unsent.made_at, epoch=None)
            unsent.is_unlogged_sent = await add_hashes(redis, unlogged, number=unsent.number, epoch=None)
        while True:
            epoch = self._epoch = self._epoch or await read_epoch(redis)
            if epoch is None:
                return False
            logged = spread(unsent.cells(since=epoch.cut), now=unsent.made_at, epoch=epoch.name)
            if await add_hashes(redis, logged, number=unsent.number, epoch=epoch.name):
                self._unsent = None
                return True
            self._epoch = None

    def _drop_if_too_many(self) -> None:
        waiting = [self._counted, *([self._unsent.by_slot] if self._unsent else [])]
        if sum(len(cells) for by_slot in waiting for cells in by_slot.values()) > MOST_CELLS:
            log.warning("webhook_metrics_dropped")
            self._unsent, self._counted, self._dropped = None, {}, True
