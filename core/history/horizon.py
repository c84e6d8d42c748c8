"""The horizon: how far back history goes after a purge, and what says that something asked for lies behind it.

`firm.history_from_at` is the instant from which on a firm's history is whole, null where nothing was purged. A position
of the feed is judged by the purges themselves, in the statement that reads on after it.
"""

from typing import ClassVar

from core.errors import ServiceError
from core.history.chain import Position


class HistoryPurged(ServiceError):
    """What is asked for lies before what is left of history: an instant, or a position of the feed to read on after."""

    code: ClassVar[str] = "HISTORY_PURGED"


_PURGED = "CH001"
"""The SQLSTATE that the function history_reaches raises."""


def reaches_sql(firms: str, after: tuple[str, str]) -> str:
    """Return SQL that is true where no change after a position was purged, and fails the statement where one was.

    `firms` is an array of their numbers, or null for all; `after` is transaction and number.
    """
    return f"history_reaches({firms}::bigint[], {after[0]}::bigint, {after[1]}::bigint)"


def purged_until(error: BaseException) -> Position | None:
    """Return up to where changes were purged, where that is why a statement failed."""
    if getattr(error, "sqlstate", None) != _PURGED:
        return None
    committed_in, _, number = str(getattr(error, "detail", "")).partition(" ")
    return int(committed_in), int(number)
