"""How far a run is, how fast, and for how long yet; and telling whoever watches that it moved.

Redis only carries the hint; the run's row says what is true.
"""

import datetime
import time
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.logging import get_logger

log = get_logger(__name__)

HINT_EVERY_S = 0.1

PROGRESS_CHANNEL = "sync:progress"
"""Redis channel of hints `{"firm": id, "run": id}`; a watcher reads the row."""


class RunFigures(Protocol):
    """The columns of a run that its figures are made of."""

    state: str
    pages: int
    records_seen: int
    records_total: int | None
    allowed_per_minute: int | None
    started_at: datetime.datetime | None
    finished_at: datetime.datetime | None


def progress_of(run: RunFigures) -> float | None:
    """Return the part of the records that has been read, 0 to 1; 1 for a run that succeeded, None where not known."""
    if run.state == "succeeded":
        return 1.0
    if run.records_total is None:
        return None
    return min(1.0, run.records_seen / run.records_total) if run.records_total else 0.0


def rate_of(run: RunFigures) -> float | None:
    """Return the records read per second since the run began, its waits included; None before it has begun."""
    elapsed_s = _elapsed_s(run)
    return None if not elapsed_s else _tenths(run.records_seen / elapsed_s)


def eta_of(run: RunFigures) -> float | None:
    """Return the seconds left at the pace so far, or as many as the requests that are left need where that is longer.

    None unless the run goes on and its length is known. What is left of this minute's requests is taken as free.
    """
    elapsed_s = _elapsed_s(run)
    if run.state != "running" or not run.records_total or not run.records_seen or elapsed_s is None:
        return None
    left = max(0, run.records_total - run.records_seen) / run.records_seen
    by_budget_s = 60 * (run.pages * left / run.allowed_per_minute - 1) if run.allowed_per_minute else 0.0
    return _tenths(max(elapsed_s * left, by_budget_s))


def _elapsed_s(run: RunFigures) -> float | None:
    if run.started_at is None:
        return None
    return ((run.finished_at or datetime.datetime.now(datetime.UTC)) - run.started_at).total_seconds()


def _tenths(number: float) -> float:
    """As PostgreSQL rounds a numeric: halves away from zero."""
    return float(Decimal(repr(number)).quantize(Decimal("0.1"), ROUND_HALF_UP))


class Hints:
    """The hints of a run while it goes on: a page may come more often than anybody wants to hear of it."""

    def __init__(self, redis: Redis, *, firm: int, run: int) -> None:
        self._redis = redis
        self._about = {"firm": firm, "run": run}
        self._next_at = 0.0

    async def publish(self) -> None:
        """Publish that a page was written, unless a hint was published a moment ago. The run's end is told apart."""
        if time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + HINT_EVERY_S
            await publish_progress(self._redis, **self._about)


async def publish_progress(redis: Redis, *, firm: int, run: int) -> None:
    """Publish that a run changed. A hint that is lost is made up for by the watcher's next look at the rows."""
    try:
        await redis.publish(PROGRESS_CHANNEL, msgspec.json.encode({"firm": firm, "run": run}))
    except (RedisError, OSError) as error:
        log.warning("progress_not_published", error=type(error).__name__, run_id=run)
