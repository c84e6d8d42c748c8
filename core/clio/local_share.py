"""What one process may ask of Clio while Redis, and with it the budget that all processes share, is away.

Each answer of Clio tells what is left for all processes together, so a process that heard one knows, and one that did
not asks one question at a time. Besides, none takes more than its share of the usual limit in a minute, so that ten of
them stay within it.
"""

import time
from dataclasses import dataclass, field

from core.clio.budget_state import WINDOW_S, BudgetState

GUARD_S = 1.0
"""Clio names the end of a window in whole seconds, perhaps cut off."""

LOCAL_SHARE = 0.1
"""Part of the usual limit that one process takes."""


@dataclass
class _Window:
    """What a process knows of a firm's window. `left` is None until an answer has told it."""

    ends_at: float
    left: int | None = None
    spent: int = 0
    told: tuple[str, str, str] | None = None
    open: set[str] = field(default_factory=set)


class LocalShare:
    """The share of one process, by firm: `most` requests of a window. No I/O."""

    def __init__(self, usual_limit: int) -> None:
        self.most = max(1, int(usual_limit * LOCAL_SHARE))
        self._windows: dict[int, _Window] = {}

    def take(self, firm: int, request: str, *, leaves: int) -> float:
        """Take a place for a request, and return 0; or return after how many seconds to ask again.

        `leaves` places of the share are left to others, but for the first.
        """
        window = self._window(firm)
        if window.spent >= max(1, self.most - leaves) or window.left == 0:
            return max(window.ends_at - time.monotonic(), 0.02)
        if len(window.open) >= (1 if window.left is None else window.left):
            return 0.1
        window.open.add(request)
        window.spent += 1
        return 0.0

    def observe(self, firm: int, limit: str, remaining: str, reset: str) -> None:
        """Take in what an answer told, whoever granted its request: the next window may be Redis's absence."""
        window, rest_s = self._window(firm), int(reset) - time.time()
        if rest_s <= 0:
            return
        window.ends_at = time.monotonic() + min(rest_s, WINDOW_S) + GUARD_S
        is_known = window.told is not None and window.told[2] == reset
        window.left = min(int(remaining), window.left or 0) if is_known else int(remaining)
        window.told = (limit, remaining, reset)

    def block(self, firm: int, retry_after_s: float) -> None:
        """Grant nothing for a while."""
        window = self._window(firm)
        window.left, window.ends_at = 0, max(window.ends_at, time.monotonic() + retry_after_s)

    def finish(self, firm: int, request: str) -> None:
        """Give a place back; what it cost stays spent."""
        self._window(firm).open.discard(request)

    def told(self, firm: int) -> tuple[str, str, str] | None:
        """Return limit, remaining and reset as last heard, while their window lasts."""
        return self._window(firm).told

    def look(self, firm: int) -> BudgetState:
        """Return what the share looks like; whoever waits for it is not counted."""
        window, now = self._window(firm), time.monotonic()
        ends_in_s = round(window.ends_at - now, 1)
        return BudgetState(
            limit=self.most,
            used=window.spent,
            ends_in_s=ends_in_s if window.spent else 0.0,
            blocked_for_s=ends_in_s if window.left == 0 else 0.0,
            is_shared=False,
            waiting=(),
        )

    def _window(self, firm: int) -> _Window:
        known = self._windows.get(firm)
        if known is not None and time.monotonic() < known.ends_at:
            return known
        fresh = self._windows[firm] = _Window(time.monotonic() + WINDOW_S, open=known.open if known else set())
        return fresh
