"""Clio's peak hours, in which its limit falls to the usual one. Source: Clio API, rate limits."""

import datetime
from zoneinfo import ZoneInfo

from core.settings import Region

SATURDAY = 5
MARGIN = datetime.timedelta(seconds=5)
"""How far Clio's clock may be from what its answers let us believe."""

PEAK: dict[Region, tuple[datetime.tzinfo, int, int]] = {
    "us": (ZoneInfo("America/Los_Angeles"), 4, 19),
    "ca": (ZoneInfo("America/Los_Angeles"), 4, 19),
    "eu": (datetime.UTC, 7, 22),
    "au": (ZoneInfo("Australia/Sydney"), 6, 21),
}
"""Peak hours from Monday to Friday: time zone, first hour, the hour after the last."""


def began_at(region: Region, at: datetime.datetime) -> datetime.datetime | None:
    """Return when the peak hours began in which an instant of Clio's lies; None outside of them."""
    zone, first, end = PEAK[region]
    local = at.astimezone(zone)
    if local.weekday() >= SATURDAY or not first <= local.hour < end:
        return None
    return local.replace(hour=first, minute=0, second=0, microsecond=0).astimezone(datetime.UTC)


def believed_for(region: Region, at: datetime.datetime) -> datetime.timedelta | None:
    """Return how recently a limit above the usual one must have been told to be believed; None for any time.

    About the moment at which the peak hours begin none is, however recent; after it, one told since.
    """
    began = began_at(region, at + MARGIN)
    if began is None:
        return None
    return max(at - began - MARGIN, datetime.timedelta())
