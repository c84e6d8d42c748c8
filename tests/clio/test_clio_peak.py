"""Clio's peak hours, by region."""

import datetime

import pytest

from core.clio.peak import MARGIN, began_at, believed_for
from core.clio.regions import REGION_NAMES
from core.settings import Region

SECOND = datetime.timedelta(seconds=1)


def instant(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("region", "began", "ends"),
    [
        ("us", "2026-11-23T12:00:00+00:00", "2026-11-24T03:00:00+00:00"),
        ("ca", "2026-07-01T11:00:00+00:00", "2026-07-02T02:00:00+00:00"),
        ("eu", "2026-07-01T07:00:00+00:00", "2026-07-01T22:00:00+00:00"),
        ("au", "2026-11-22T19:00:00+00:00", "2026-11-23T10:00:00+00:00"),
    ],
)
def test_peak_hours_begin_and_end_by_the_regions_clock(region: Region, began: str, ends: str) -> None:
    first, end = instant(began), instant(ends)
    assert began_at(region, first - SECOND) is None
    assert began_at(region, first) == first
    assert began_at(region, end - SECOND) == first
    assert began_at(region, end) is None


@pytest.mark.parametrize("region", REGION_NAMES.values())
def test_weekends_have_none(region: Region) -> None:
    noon = instant("2026-11-21T12:00:00+00:00")
    assert all(began_at(region, noon + hours * datetime.timedelta(hours=1)) is None for hours in range(-1, 1))


def test_about_the_beginning_no_higher_limit_is_believed() -> None:
    began = instant("2026-11-23T12:00:00+00:00")
    assert believed_for("us", began - MARGIN - SECOND) is None
    assert believed_for("us", began - MARGIN) == datetime.timedelta()
    assert believed_for("us", began + MARGIN) == datetime.timedelta()
    assert believed_for("us", began + MARGIN + 90 * SECOND) == 90 * SECOND
    assert believed_for("us", began + datetime.timedelta(hours=15)) is None
