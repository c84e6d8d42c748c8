"""What a firm's request budget looks like at this moment, for people."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.clio.priority import Priority

WINDOW_S = 60.0
"""Source: Clio API, rate limits."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Requests of one kind that wait; `eta_s` is when the last of them should be granted, in seconds from now."""

    priority: Priority
    requests: int
    eta_s: float


@dataclass(frozen=True, kw_only=True)
class BudgetState:
    """A firm's budget. `used` counts requests under way; `waiting` has the kinds that wait, the most urgent first.

    `ends_in_s` is 0 where no window is open, `blocked_for_s` where Clio has not asked for a pause. `is_shared` is false
    while Redis is away: it is this process's own share then.
    """

    limit: int
    used: int
    ends_in_s: float
    blocked_for_s: float
    is_shared: bool
    waiting: Sequence[Waiting]


def state_of(answer: Sequence[int | bytes]) -> BudgetState:
    """Read what the script `LOOK` answers."""
    limit, used, ends_ms, blocked_ms, *counts = (int(each) for each in answer)
    ends_in_s, blocked_for_s = ends_ms / 1000, blocked_ms / 1000
    free = 0 if blocked_ms else max(limit - used, 0)
    return BudgetState(
        limit=limit,
        used=min(used, limit),
        ends_in_s=ends_in_s,
        blocked_for_s=blocked_for_s,
        is_shared=True,
        waiting=waiting_of(counts, free=free, limit=limit, next_in_s=max(ends_in_s, blocked_for_s)),
    )


def waiting_of(counts: Sequence[int], *, free: int, limit: int, next_in_s: float) -> list[Waiting]:
    """Return the kinds that wait, each served after the more urgent ones: what is left now, then a window at a time."""
    ahead, found = 0, []
    for priority, requests in zip(Priority, counts, strict=True):
        ahead += requests
        if requests:
            windows = max(0, math.ceil((ahead - free) / max(limit, 1)))
            eta_s = next_in_s + (windows - 1) * WINDOW_S if windows else 0.0
            found.append(Waiting(priority=priority, requests=requests, eta_s=round(eta_s, 1)))
    return found
