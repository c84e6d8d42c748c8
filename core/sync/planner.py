"""How a run reads a list: one page after the other by Clio's cursor, or several windows by offset at once.

Pure decisions; `core.sync.reading` carries them out, and docs/adr/0014-planner.md has the reasons.
"""

import math
from dataclasses import dataclass
from typing import Literal

WALL = 10_000
"""Records that offsets reach; beyond, Clio answers 422. Source: Clio API, offset paging."""

PAGE_WORK_S = 0.02
"""About how long checking and writing a page takes: asking faster than that gains nothing."""

LEAST_PAGES_LEFT = 3
"""Fewer pages are read as fast one after the other."""

Way = Literal["cursor", "windows", "listing", "parents"]
"""`cursor`: one page after the other. `windows`: several by offset. `listing`: ids and etags alone, by cursor.
`parents`: one list below each record of another resource."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a list is read. `ahead` is how many pages are asked for at once; its text is what a run shows."""

    way: Way
    page_limit: int
    ahead: int

    def __str__(self) -> str:
        return f"{self.way}, {self.page_limit} a page, {self.ahead} ahead"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What bounds a reading.

    `latency_s` is how long an answer takes, None while unknown; `allowed_per_minute` the requests that Clio allows, and
    `most_ahead` the setting SYNC_PAGES_AHEAD.
    """

    latency_s: float | None
    allowed_per_minute: int
    most_ahead: int

    @property
    def wanted(self) -> float:
        """How many requests must be under way to use what is allowed, by Little's law: their rate times their time."""
        return min(self.allowed_per_minute / 60, 1 / PAGE_WORK_S) * (self.latency_s or 0.0)

    @property
    def ahead(self) -> int:
        """How many windows to ask for at once; one more than wanted, because answers do not come evenly."""
        return max(1, min(math.ceil(self.wanted) + 1, self.most_ahead))


def plan_list(*, page_limit: int, total: int | None, read: int, pace: Pace) -> Plan:
    """Plan the rest of one list once its first page, of `read` records, has told Clio's count of all of them.

    Windows are for lists that offsets reach to the end, with room to grow while they are read, and only where one
    request at a time cannot use what Clio allows; everything else is read by cursor.
    """
    cursor = Plan(way="cursor", page_limit=page_limit, ahead=1)
    if total is None or page_limit <= overlap(page_limit) or total + 2 * page_limit > WALL:
        return cursor
    left = math.ceil((total - read) / step(page_limit))
    if left < LEAST_PAGES_LEFT or pace.wanted <= 1 or pace.ahead < 2:
        return cursor
    return Plan(way="windows", page_limit=page_limit, ahead=min(pace.ahead, left))


def overlap(page_limit: int) -> int:
    """Return how many records two windows beside each other share: if all but one vanish meanwhile, there is no gap."""
    return max(1, page_limit // 50)


def step(page_limit: int) -> int:
    """Return how far the offsets of two windows beside each other are apart."""
    return page_limit - overlap(page_limit)


def is_within_reach(offset: int, page_limit: int) -> bool:
    """Whether Clio answers a window at this offset."""
    return offset + page_limit <= WALL
