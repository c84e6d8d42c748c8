"""Reading figures: the hashes of some firms over some time, in one pipeline, and the figures of each group in them."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.errors import BadInput, RedisUnavailable
from core.metrics.epochs import Epoch, read_epoch
from core.metrics.figures import Figures
from core.metrics.keys import DAY, MOVED_KEY, RESOLUTIONS, SEEN, Entry, Resolution, hash_key, read_hash

MOST_BUCKETS = 1500
"""Buckets of one answer: a day of minutes, two months of hours, two years of days."""

USUAL_BUCKETS = 200
"""Where nobody says how finely, the finest resolution that needs no more than these."""

USUAL_S = 86_400

END_OF_TIME = datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC).timestamp()
"""The end of the bucket before it can still be told."""

Group = TypeVar("Group", bound=Hashable)


class Span(NamedTuple):
    """Some whole buckets of a resolution: from `start` to before `end`, seconds since 1970."""

    resolution: Resolution
    start: int
    end: int

    @property
    def buckets(self) -> range:
        """When each bucket begins."""
        return range(self.start, self.end, self.resolution.bucket_s)


def read_span(
    start: datetime.datetime | None, end: datetime.datetime | None, resolution: Resolution | None, *, now: float
) -> Span:
    """Return the buckets that hold a time: the last day unless given, at the finest resolution that suits it.

    Raises:
        BadInput: it ends before it begins, takes more than MOST_BUCKETS, or is at no time that can be named.
    """
    until = now if end is None else end.timestamp()
    since = until - USUAL_S if start is None else start.timestamp()
    if since < 0 or until >= END_OF_TIME:
        raise BadInput("`from` and `to` must lie between 1970 and 9998")
    if since > until:
        raise BadInput("`from` must not be after `to`")
    chosen = resolution or _suiting(since, until, now)
    span = _aligned(chosen, since, until)
    if len(span.buckets) > MOST_BUCKETS:
        raise BadInput(f"that is more than {MOST_BUCKETS} buckets: ask for less time, or a coarser resolution")
    return span


def latest(resolution: Resolution, seconds: int, *, now: float) -> Span:
    """Return the buckets of the last seconds, the present one included."""
    return _aligned(resolution, now - seconds, now)


def _suiting(since: float, until: float, now: float) -> Resolution:
    for resolution in RESOLUTIONS:
        if until - since <= USUAL_BUCKETS * resolution.bucket_s and now - since <= resolution.keep_s:
            return resolution
    return DAY


def _aligned(resolution: Resolution, since: float, until: float) -> Span:
    width = resolution.bucket_s
    return Span(resolution, int(since // width) * width, (int(until // width) + 1) * width)


@dataclass(frozen=True, slots=True)
class Report:
    """What was read of some firms. `epoch` is None where the figures are lost and not counted anew yet."""

    span: Span
    epoch: Epoch | None
    entries: Sequence[Entry]

    def total(self) -> Figures:
        """Return the figures of all."""
        return self.by(lambda _: None).get(None, Figures())

    def by(self, group: Callable[[Entry], Group]) -> dict[Group, Figures]:
        """Return the figures of each group that has any."""
        found: dict[Group, Figures] = defaultdict(Figures)
        for entry in self.entries:
            found[group(entry)].add(entry.measure, entry.amount)
        return dict(found)


async def read_report(redis: Redis, firms: Collection[int] | None, model: str | None, span: Span) -> Report:
    """Return what was counted of the deliveries that firms (None: every one) received in a time, of one model or all.

    Cost: one or two commands, and one pipeline of at most two for each firm and hash of the span.

    Raises:
        RedisUnavailable: Redis is away.
    """
    with redis_away():
        epoch = await read_epoch(redis)
        wanted = await read_moved(redis) if firms is None else firms
        entries = await read_entries(redis, epoch, wanted, span)
    return Report(span, epoch, [each for found in entries.values() for each in narrow(found, model, span)])


@contextmanager
def redis_away() -> Iterator[None]:
    """Say of a Redis that is away what it costs.

    Raises:
        RedisUnavailable: in place of what the client raises.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisUnavailable("webhook metrics cannot be read now: check that Redis is up") from error


async def read_moved(redis: Redis) -> dict[int, int]:
    """Return how often figures were written of each firm that has any. One command."""
    moved: dict[bytes, bytes] = await redis.hgetall(MOVED_KEY)  # type: ignore[misc]  # as in `read_epoch`
    return {int(firm): int(times) for firm, times in moved.items()}


def narrow(entries: Iterable[Entry], model: str | None, span: Span) -> Iterable[Entry]:
    """Yield the entries of one model, or of all, that are in a span."""
    for entry in entries:
        if span.start <= entry.at < span.end and (model is None or entry.model == model):
            yield entry


async def read_entries(redis: Redis, epoch: Epoch | None, firms: Collection[int], span: Span) -> dict[int, list[Entry]]:
    """Return by firm all that the hashes of a span hold, which may begin before it and end after it. One pipeline."""
    resolution = span.resolution
    first = span.start // resolution.hash_s * resolution.hash_s
    families = [SEEN, *([epoch.name] if epoch else [])]
    places = [(firm, at) for firm in firms for at in range(first, span.end, resolution.hash_s) for _ in families]
    async with redis.pipeline(transaction=False) as pipeline:
        for number, (firm, at) in enumerate(places):
            pipeline.hgetall(hash_key(families[number % len(families)], resolution, firm, at).key)
        hashes: list[dict[bytes, bytes]] = await pipeline.execute()
    entries: dict[int, list[Entry]] = {firm: [] for firm in firms}
    for (firm, at), fields in zip(places, hashes, strict=True):
        entries[firm] += read_hash(fields, resolution, firm, at)
    return entries
