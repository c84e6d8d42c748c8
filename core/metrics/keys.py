"""How figures lie in Redis: one hash for each firm, resolution and stretch of time, of a field for each figure.

A stretch is an hour of minutes, a day of hours or thirty days of days, so that a day by the minute is 24 hashes of one
pipeline; the whole hash expires at once. All keys share one hash tag, so that one script may write several of them on a
Redis Cluster. What the raw log holds lies under the name of an epoch (`core.metrics.epochs`), what it does not hold
under `seen`.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from core.metrics.figures import Cell, Figures, is_in_log

PREFIX = "{webhook-metrics}:"

SEEN = "seen"
"""In place of an epoch: what no epoch can count anew."""

MOVED_KEY = f"{PREFIX}moved"
"""A hash that counts for each firm how often its figures were written, so that a watcher reads what moved."""

Hashes: TypeAlias = "dict[HashKey, dict[str, int]]"


class Resolution(NamedTuple):
    """How finely figures are kept: buckets of `bucket_s` seconds, `buckets` of them in a hash, kept for `keep_s`."""

    name: Literal["minute", "hour", "day"]
    bucket_s: int
    buckets: int
    keep_s: int

    @property
    def hash_s(self) -> int:
        """Seconds that one hash covers."""
        return self.bucket_s * self.buckets


MINUTE = Resolution("minute", 60, 60, 2 * 86_400)
HOUR = Resolution("hour", 3600, 24, 62 * 86_400)
DAY = Resolution("day", 86_400, 30, 760 * 86_400)
RESOLUTIONS = (MINUTE, HOUR, DAY)
"""From the finest to the coarsest. Days are those of UTC."""


class HashKey(NamedTuple):
    """One hash: its key, when it expires in seconds since 1970, and whose figures it holds."""

    key: str
    expires_at: int
    firm: int


class Entry(NamedTuple):
    """One field of a hash: an amount of one measure in one bucket, which begins at `at` (seconds since 1970)."""

    firm: int
    at: int
    model: str
    event: str
    user: int | None
    measure: str
    amount: int


def hash_key(family: str, resolution: Resolution, firm: int, at: int) -> HashKey:
    """Return the hash that holds an instant. `family` is the name of an epoch, or SEEN."""
    number = at // resolution.hash_s
    key = f"{PREFIX}{family}:{resolution.name}:{firm}:{number}"
    return HashKey(key, (number + 1) * resolution.hash_s + resolution.keep_s, firm)


def spread(cells: Mapping[Cell, Figures], *, now: int, epoch: str | None) -> Hashes:
    """Return what to add to which hash, at every resolution; buckets that are past their time are left out.

    With an epoch it is what the raw log holds, without one the rest.
    """
    hashes: Hashes = {}
    for (firm, model, event, user, minute), figures in cells.items():
        wanted = [
            (f":{measure}:{user or ''}:{model}:{event}", many)
            for measure, many in figures.measures()
            if is_in_log(measure) == (epoch is not None)
        ]
        at = minute * 60
        for resolution in RESOLUTIONS if wanted else ():
            bucket = at // resolution.bucket_s
            if (bucket + 1) * resolution.bucket_s + resolution.keep_s <= now:
                continue
            fields = hashes.setdefault(hash_key(epoch or SEEN, resolution, firm, at), {})
            number = str(bucket % resolution.buckets)
            for rest, many in wanted:
                field = number + rest
                fields[field] = fields.get(field, 0) + many
    return hashes


def read_hash(fields: Mapping[bytes, bytes], resolution: Resolution, firm: int, hash_at: int) -> Iterable[Entry]:
    """Yield the fields of a firm's hash that begins at `hash_at`."""
    for field, amount in fields.items():
        bucket, measure, user, model, event = field.decode().split(":", 4)
        at = hash_at + int(bucket) * resolution.bucket_s
        yield Entry(firm, at, model, event, int(user) if user else None, measure, int(amount))
