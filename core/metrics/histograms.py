"""Histograms of durations with fixed logarithmic buckets: those of several processes are summed bucket by bucket."""

import math
from collections.abc import Mapping

RELATIVE_ERROR = 0.02
"""A quantile is at most this part away from the duration that has the rank."""

GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
"""Each bucket ends where the next begins, this many times its own beginning."""

SHORTEST_S = 1e-6
"""What took no longer, or less than nothing because two clocks differ, is in bucket 0 and counts as 0 seconds."""

_PER_LOG = 1 / math.log(GAMMA)


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket of a duration: bucket n holds GAMMA^(n-1) us < duration <= GAMMA^n us."""
    return math.ceil(math.log(seconds * 1e6) * _PER_LOG) if seconds > SHORTEST_S else 0


def seconds_of(bucket: int) -> float:
    """Return the duration that stands for a bucket, from which none of it is further away than RELATIVE_ERROR."""
    return float(2 * GAMMA**bucket / (GAMMA + 1) * 1e-6) if bucket else 0.0


class Histogram:
    """How many durations fell into each bucket."""

    __slots__ = ("buckets",)

    def __init__(self, buckets: Mapping[int, int] | None = None) -> None:
        self.buckets: dict[int, int] = dict(buckets or {})

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.buckets.values())

    def add(self, bucket: int, amount: int = 1) -> None:
        """Count durations of one bucket."""
        self.buckets[bucket] = self.buckets.get(bucket, 0) + amount

    def merge(self, other: "Histogram") -> None:
        """Count what another one counted."""
        for bucket, amount in other.buckets.items():
            self.add(bucket, amount)

    def quantile(self, part: float) -> float | None:
        """Return, in seconds, the duration of rank ceil(part * count), the shortest being the first; None of nothing.

        It is RELATIVE_ERROR away from that duration at most, where that is longer than SHORTEST_S.
        """
        rank = max(1, math.ceil(part * self.count))
        for bucket in sorted(self.buckets):
            rank -= self.buckets[bucket]
            if rank <= 0:
                return seconds_of(bucket)
        return None
