"""Quiet hours go by the clock on the wall, whatever is done to it."""

import datetime
import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.sync.quiet_hours import QuietHours

ZONES = (
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "Europe/London",
    "Europe/Berlin",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "UTC",
)
CLOCK = st.times().map(lambda time: time.replace(second=0, microsecond=0, fold=0))
MINUTE = datetime.timedelta(minutes=1)

NEAR_TURNS = [
    datetime.datetime(2026, month, day, hour, tzinfo=datetime.UTC)
    for month, day in [(3, 7), (3, 8), (3, 28), (3, 29), (4, 4), (4, 5), (10, 3), (10, 4), (10, 25), (11, 1)]
    for hour in (0, 6, 12, 18)
]
ANY_TIME = st.integers(0, 6 * 365 * 1440).map(
    lambda minutes: datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(minutes=minutes)
)


@st.composite
def quiet_hours(draw: st.DrawFn) -> QuietHours:
    starts, ends = draw(st.lists(CLOCK, min_size=2, max_size=2, unique=True))
    zone = zoneinfo.ZoneInfo(draw(st.sampled_from(ZONES)))
    return QuietHours(starts=starts, ends=ends, zone=zone)


def on_the_wall(hours: QuietHours, at: datetime.datetime) -> bool:
    """Say without any arithmetic whether it is quiet: by the minutes that the clock shows from one to the other."""
    shown, minute = set(), hours.starts.hour * 60 + hours.starts.minute
    while minute != hours.ends.hour * 60 + hours.ends.minute:
        shown.add(minute)
        minute = (minute + 1) % 1440
    wall = at.astimezone(hours.zone)
    return wall.hour * 60 + wall.minute in shown


@given(hours=quiet_hours(), at=st.one_of(ANY_TIME, st.sampled_from(NEAR_TURNS)))
@settings(deadline=None, max_examples=150)
def test_the_window_is_what_the_wall_shows_minute_by_minute(hours: QuietHours, at: datetime.datetime) -> None:
    at = at.replace(second=0, microsecond=0)
    begins, ends = hours.window(at)
    assert at <= begins < ends
    minute = at
    while minute <= ends:
        assert on_the_wall(hours, minute) == (begins <= minute < ends), minute
        minute += MINUTE


@given(hours=quiet_hours(), at=ANY_TIME)
@settings(deadline=None)
def test_the_next_window_begins_where_nothing_was_left_out(hours: QuietHours, at: datetime.datetime) -> None:
    _, ends = hours.window(at)
    begins, _ = hours.window(ends)
    assert begins > ends
    assert not any(hours.hold(ends + (begins - ends) * part / 50) for part in range(50))


@pytest.mark.parametrize(
    ("at", "begins", "ends"),
    [
        ("2026-01-05T12:00Z", "2026-01-06T03:00Z", "2026-01-06T11:00Z"),
        ("2026-01-06T04:00Z", "2026-01-06T04:00Z", "2026-01-06T11:00Z"),
        ("2026-03-07T12:00Z", "2026-03-08T03:00Z", "2026-03-08T10:00Z"),
        ("2026-10-31T12:00Z", "2026-11-01T02:00Z", "2026-11-01T11:00Z"),
    ],
    ids=["before", "within", "the night of an hour less", "the night of an hour more"],
)
def test_a_night_in_new_york(at: str, begins: str, ends: str) -> None:
    hours = QuietHours.read(starts="22:00", ends="06:00", time_zone="America/New_York")
    found = hours.window(datetime.datetime.fromisoformat(at))
    assert found == (datetime.datetime.fromisoformat(begins), datetime.datetime.fromisoformat(ends))


@pytest.mark.parametrize(
    ("starts", "ends", "zone", "words"),
    [
        ("22:00", "24:00", "UTC", "such as 22:00 until 06:30"),
        ("22", "06:00", "UTC", "such as 22:00 until 06:30"),
        ("22:00", "6:00", "UTC", "such as 22:00 until 06:30"),
        ("22:00", "22:00", "UTC", "pauseFirm"),
        ("22:00", "06:00", "America/Gotham", "no time zone 'America/Gotham'"),
        ("22:00", "06:00", "../../etc/passwd", "no time zone"),
        ("22:00", "06:00", "", "no time zone"),
    ],
)
def test_what_is_no_time_or_no_zone_is_refused(starts: str, ends: str, zone: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        QuietHours.read(starts=starts, ends=ends, time_zone=zone)
