"""The epoch: which count of the raw log the figures in Redis belong to.

One marker names it. A Redis that lost its data has no marker, or names another run of Redis; then the log is counted
anew under a new name (`core.metrics.rebuild`). What a process counted before the cut of an epoch is in the log that the
epoch was counted from, and must not be added to it; what it counted from the cut on, must be.
"""

from typing import NamedTuple

from redis.asyncio import Redis

from core.metrics.keys import PREFIX

MARKER_KEY = f"{PREFIX}epoch"
LOCK_KEY = f"{PREFIX}rebuild"


SLOT_S = 0.1
"""How finely a process remembers when it counted something: an epoch is cut between two slots."""


def slot_of(at: float) -> int:
    """Return the slot of an instant, both since 1970."""
    return int(at / SLOT_S)


class Epoch(NamedTuple):
    """An epoch. `cut` is the first slot that is its own; `counted_at` is None until the log has been counted."""

    name: str
    cut: int
    redis_run: str
    counted_at: float | None


async def read_epoch(redis: Redis) -> Epoch | None:
    """Return the present epoch; None where figures were never counted, or are lost. One command."""
    # redis-py annotates its one command method for both of its clients; with this one the answer is awaitable.
    found: dict[bytes, bytes] = await redis.hgetall(MARKER_KEY)  # type: ignore[misc]
    return parse_epoch(found)


def parse_epoch(fields: dict[bytes, bytes]) -> Epoch | None:
    """Return the epoch that the fields of the marker tell."""
    if b"epoch" not in fields:
        return None
    counted = fields.get(b"counted_at")
    return Epoch(
        fields[b"epoch"].decode(),
        int(fields[b"cut"]),
        fields[b"redis_run"].decode(),
        None if counted is None else float(counted),
    )


async def forget_epoch(redis: Redis) -> None:
    """Have everything counted anew, by whichever worker looks first."""
    await redis.delete(MARKER_KEY)
