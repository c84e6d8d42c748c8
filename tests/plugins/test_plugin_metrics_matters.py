"""`metrics { matters }` against numbers counted by hand; formulas are in docs/metrics.md."""

import datetime
from decimal import Decimal
from typing import Any

import pytest

from core.testing.api import Api
from tests.plugins.storing import lose, store

LISTS = """{ metrics { matters {
    total byStatus { status count } openedByMonth { month count }
    byPracticeArea { firm practiceAreaClioId practiceAreaName count }
} } }"""
DAYS = "{ metrics { matters { averageDaysOpen { closed open asOf } } } }"

FAMILY, TAX = {"id": 31, "name": "Family"}, {"id": 32, "name": "Tax"}

FIRST: list[dict[str, Any]] = [
    {"id": 1, "status": "Closed", "open_date": "2026-01-01", "close_date": "2026-01-11", "practice_area": FAMILY},
    {"id": 2, "status": "Closed", "open_date": "2026-01-31", "close_date": "2026-02-01", "practice_area": FAMILY},
    {"id": 3, "status": "Closed", "open_date": "2026-02-01", "close_date": "2026-02-01", "practice_area": TAX},
    {"id": 4, "status": "Closed", "open_date": "2026-02-10", "close_date": "2026-02-01"},
    {"id": 5, "status": "Closed", "open_date": None, "close_date": "2026-02-01"},
    {"id": 6, "status": "Open", "open_date": "2024-02-29", "close_date": "2024-03-31", "practice_area": FAMILY},
    {"id": 7, "status": "Open", "open_date": "2024-03-01"},
    {"id": 8, "status": "Open", "open_date": "2999-01-01"},
    {"id": 9, "status": "Open", "open_date": None},
    {"id": 10, "status": "Pending", "open_date": "2020-01-01"},
    {"id": 11, "status": "Dormant", "open_date": "2020-01-02"},
    {"id": 12, "status": "Closed", "open_date": "2000-01-01", "close_date": "2026-01-01", "practice_area": TAX},
]
"""Twelve matters, of which 12 is deleted. 4 was closed before it was opened, 6 opened again, 8 is not open yet."""

SECOND: list[dict[str, Any]] = [
    {"id": 1, "status": "Closed", "open_date": "2026-01-01", "close_date": "2026-04-11", "practice_area": FAMILY}
]


@pytest.fixture
async def counted(graph: Api) -> Api:
    """Two firms with matters."""
    await store(graph.services, "matter", *FIRST)
    await store(graph.services, "matter", *SECOND, firm=2)
    await lose(graph.services, "matter", 12)
    return graph


async def test_matters_of_one_firm(counted: Api) -> None:
    found = (await counted.query(LISTS, firms=[1])).data["metrics"]["matters"]
    assert found == {
        "total": 11,
        "byStatus": [
            {"status": "Closed", "count": 5},
            {"status": "Open", "count": 4},
            {"status": "Dormant", "count": 1},
            {"status": "Pending", "count": 1},
        ],
        "byPracticeArea": [
            {"firm": "1", "practiceAreaClioId": None, "practiceAreaName": None, "count": 7},
            {"firm": "1", "practiceAreaClioId": "31", "practiceAreaName": "Family", "count": 3},
            {"firm": "1", "practiceAreaClioId": "32", "practiceAreaName": "Tax", "count": 1},
        ],
        "openedByMonth": [
            {"month": "2020-01-01", "count": 2},
            {"month": "2024-02-01", "count": 1},
            {"month": "2024-03-01", "count": 1},
            {"month": "2026-01-01", "count": 2},
            {"month": "2026-02-01", "count": 2},
            {"month": "2999-01-01", "count": 1},
        ],
    }


async def test_average_days_open(counted: Api) -> None:
    found = (await counted.query(DAYS, firms=[1])).data["metrics"]["matters"]["averageDaysOpen"]
    assert found["closed"] == "3.67", "matters 1, 2 and 3 were open for 10, 1 and 0 days: 11 / 3"
    as_of = datetime.date.fromisoformat(found["asOf"])
    days = (as_of - datetime.date(2024, 3, 1)).days
    assert found["open"] == str(Decimal(days) + Decimal("0.50")), "matter 6 was opened a day before matter 7"
    assert as_of in {datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=late) for late in (0, 1)}


async def test_matters_of_another_firm_do_not_count_unless_the_caller_has_both(counted: Api) -> None:
    alone = (await counted.query(DAYS, firms=[2])).data["metrics"]["matters"]["averageDaysOpen"]
    assert (alone["closed"], alone["open"]) == ("100.00", None)
    both = (await counted.query(DAYS, firms=[1, 2])).data["metrics"]["matters"]["averageDaysOpen"]
    assert both["closed"] == "27.75", "10, 1, 0 and 100 days: 111 / 4"
    found = (await counted.query(LISTS, firms=[1, 2])).data["metrics"]["matters"]
    assert found["total"] == 12
    family = {row["firm"]: row["count"] for row in found["byPracticeArea"] if row["practiceAreaClioId"] == "31"}
    assert family == {"1": 3, "2": 1}


async def test_a_practice_area_goes_by_the_name_it_was_told_last(counted: Api) -> None:
    later = "2026-05-01T12:00:01Z"
    await counted.services.database.pool.execute(
        "UPDATE matters_matter SET seen_at = $1, practice_area_name = 'Families' WHERE firm = 1 AND clio_id = 2",
        datetime.datetime.fromisoformat(later),
    )
    found = (await counted.query(LISTS)).data["metrics"]["matters"]["byPracticeArea"]
    assert [row["practiceAreaName"] for row in found] == [None, "Families", "Tax"]


async def test_months_can_be_bounded(counted: Api) -> None:
    document = """{ metrics { matters {
        openedByMonth(since: "2024-03-01", before: "2026-02-01") { month count }
    } } }"""
    found = (await counted.query(document)).data["metrics"]["matters"]["openedByMonth"]
    assert [(row["month"], row["count"]) for row in found] == [("2024-03-01", 1), ("2026-01-01", 2)]


async def test_an_empty_firm_has_figures(graph: Api) -> None:
    found = (await graph.query(LISTS)).data["metrics"]["matters"]
    assert found == {"total": 0, "byStatus": [], "byPracticeArea": [], "openedByMonth": []}
    days = (await graph.query(DAYS)).data["metrics"]["matters"]["averageDaysOpen"]
    assert (days["closed"], days["open"]) == (None, None)
