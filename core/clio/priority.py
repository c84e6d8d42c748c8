"""Who asks Clio for something, and what of the request budget that gives a right to."""

from dataclasses import dataclass
from enum import Enum


class Priority(Enum):
    """Who asks, the most urgent first. The kinds of sync runs are named as the runs are."""

    INTERACTIVE = "interactive"
    WEBHOOK = "webhook"
    INCREMENTAL = "incremental"
    BACKFILL = "backfill"
    RECONCILE = "reconcile"


RUNS = frozenset({Priority.INCREMENTAL, Priority.BACKFILL, Priority.RECONCILE})
"""The kinds of sync runs."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Parts of the limit.

    `leaves` is what a kind leaves untouched for the more urgent ones at the beginning of a window; it shrinks with the
    time that is left, to nothing, so that all of the limit is used and an urgent request hardly ever waits for the end
    of the window. `least` is what a kind that waits is owed in each window, however many more urgent ones ask.
    """

    leaves: float
    least: float


SHARES = {
    Priority.INTERACTIVE: Shares(leaves=0.0, least=0.10),
    Priority.WEBHOOK: Shares(leaves=0.06, least=0.10),
    Priority.INCREMENTAL: Shares(leaves=0.12, least=0.10),
    Priority.BACKFILL: Shares(leaves=0.20, least=0.10),
    Priority.RECONCILE: Shares(leaves=0.24, least=0.06),
}
