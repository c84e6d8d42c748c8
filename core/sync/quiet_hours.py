"""Quiet hours: a part of the day by the clock on the firm's wall, and the instants at which it begins and ends.

Everything is defined by the wall: an instant is quiet while the clock there shows `from` or later, and not yet `until`.
So an hour that the clock skips is not there, and one that it shows twice is quiet twice. Pure; no I/O.
"""

import datetime
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import BadInput

CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

_DAY = datetime.timedelta(days=1)
_MICROSECOND = datetime.timedelta(microseconds=1)
_YEAR = 366
"""Days after which an end that has not come never comes."""


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """From one time of day until another, after midnight where that is earlier, in a time zone."""

    starts: datetime.time
    ends: datetime.time
    zone: zoneinfo.ZoneInfo

    @classmethod
    def read(cls, *, starts: str, ends: str, time_zone: str) -> "QuietHours":
        """Return the quiet hours that people wrote, such as `22:00`, `06:30` and `America/New_York`.

        Raises:
            BadInput: a time is not of that form, both are the same, or there is no such time zone.
        """
        if not CLOCK.fullmatch(starts) or not CLOCK.fullmatch(ends):
            raise BadInput("quiet hours go from one time of day until another, such as 22:00 until 06:30")
        if starts == ends:
            raise BadInput("quiet hours of a whole day are a pause: use pauseFirm, or name two different times")
        try:
            zone = zoneinfo.ZoneInfo(time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadInput(f"there is no time zone {time_zone!r}: name one such as America/New_York") from error
        return cls(starts=datetime.time.fromisoformat(starts), ends=datetime.time.fromisoformat(ends), zone=zone)

    def hold(self, at: datetime.datetime) -> bool:
        """Whether an instant is quiet."""
        wall = at.astimezone(self.zone).time()
        if self.starts < self.ends:
            return self.starts <= wall < self.ends
        return wall >= self.starts or wall < self.ends

    def window(self, at: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
        """Return when the quiet hours of an instant began, `at` at the latest, and end; or those that come next.

        Both are in UTC; the beginning of quiet hours under way is `at` itself.
        """
        begins = at.astimezone(datetime.UTC)
        if not self.hold(begins):
            begins = self._change(begins)
        return begins, self._change(begins)

    def _change(self, after: datetime.datetime) -> datetime.datetime:
        """Return the first instant after one at which quiet and loud change places."""
        state = self.hold(after)
        day = after.astimezone(self.zone).date() - _DAY
        for number in range(_YEAR):
            today = day + number * _DAY
            candidates = sorted({*self._candidates(today), *self._candidates(today + _DAY)})
            for instant in candidates:
                if instant > after and self.hold(instant) != state:
                    return instant
        raise BadInput(f"quiet hours never change in {self.zone.key}: name another time zone")

    def _candidates(self, day: datetime.date) -> Iterator[datetime.datetime]:
        """Yield every instant at which a boundary of a day can be passed: as the wall shows it, or as it is turned."""
        for time in (self.starts, self.ends):
            wall = datetime.datetime.combine(day, time, self.zone)
            first, second = sorted(wall.replace(fold=fold).astimezone(datetime.UTC) for fold in (0, 1))
            yield first
            yield second
            if first != second:
                yield self._turned(first, second)

    def _turned(self, first: datetime.datetime, second: datetime.datetime) -> datetime.datetime:
        """Return the instant between two at which the clock on the wall is turned."""
        before = first.astimezone(self.zone).utcoffset()
        while second - first > _MICROSECOND:
            middle = first + (second - first) / 2
            if middle.astimezone(self.zone).utcoffset() == before:
                first = middle
            else:
                second = middle
        return second
