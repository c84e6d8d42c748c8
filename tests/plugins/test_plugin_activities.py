"""Activities: what quantities mean, what is redacted, and figures about time and money worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from core.settings import Settings
from core.testing.api import Api
from mock_clio.settings import MockSettings
from plugins.activities.clio import ActivityPayload
from tests.plugins.storing import store


def test_the_version_that_is_asked_for_counts_time_in_seconds() -> None:
    version = tuple(map(int, Settings.model_fields["clio_api_version"].default.split(".")))
    assert version >= (4, 0, 4)
    assert Settings.model_fields["clio_api_version"].default in MockSettings().api_versions


def test_a_redacted_quantity_is_null_even_where_clio_says_zero() -> None:
    given = {"id": 1, "quantity": 0, "quantity_in_hours": 0.0, "total": 0.0, "price": 300, "quantity_redacted": True}
    row = ActivityPayload.model_validate(given).to_row()
    assert row["quantity"] is row["quantity_in_hours"] is row["total"] is None
    assert row["quantity_redacted"] is True
    assert row["price"] == Decimal(300)


async def test_a_redacted_record_replaces_none_of_the_same_second_that_was_shown(graph: Api) -> None:
    shown = {"id": 1, "type": "TimeEntry", "quantity": 3600, "quantity_in_hours": 1, "quantity_redacted": False}
    hidden = {"id": 1, "type": "TimeEntry", "quantity": 0, "quantity_redacted": True}
    query = "{ activity(clioId: 1) { quantity quantityRedacted } }"
    await store(graph.services, "activity", shown)
    assert (await store(graph.services, "activity", hidden, seen_s=9)).updated == 0
    assert (await graph.query(query)).data["activity"] == {"quantity": "3600", "quantityRedacted": False}
    assert (await store(graph.services, "activity", hidden, minute=1)).updated == 1
    assert (await graph.query(query)).data["activity"] == {"quantity": None, "quantityRedacted": True}
    assert (await store(graph.services, "activity", shown, minute=1, seen_s=9)).updated == 1


def entry(number: int, day: str, hours: float, total: float, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "TimeEntry",
        "date": day,
        "quantity": hours * 3600,
        "quantity_in_hours": hours,
        "total": total,
        "user": {"id": 7},
        **more,
    }


@pytest.fixture
async def worked(graph: Api) -> Api:
    """April 2026, which has 22 working days, and a day of May."""
    await store(graph.services, "user", {"id": 7, "name": "Ada"})
    await store(
        graph.services,
        "activity",
        entry(1, "2026-04-01", 2, 600, billed=True, on_bill=True),
        entry(2, "2026-04-15", 1.5, 450),
        entry(3, "2026-04-30", 1, 0, non_billable=True),
        entry(4, "2026-04-30", 3, 0, quantity_redacted=True),
        {"id": 5, "type": "ExpenseEntry", "date": "2026-04-20", "quantity": 4, "total": 20.5, "user": {"id": 7}},
        entry(6, "2026-05-04", 4, 1200),
        entry(7, "2026-04-02", 9, 2700, user=None),
    )
    await store(graph.services, "activity", entry(8, "2026-04-01", 100, 30_000), firm=2)
    return graph


async def test_hours_and_billings_by_user_and_month(worked: Api) -> None:
    document = """{ metrics { activities { byUserAndMonth {
        user { name } userClioId month hours billableHours billedTotal unbilledTotal redactedCount } } } }"""
    april = {
        "user": {"name": "Ada"},
        "userClioId": "7",
        "month": "2026-04-01",
        "hours": "4.5",  # 2 + 1.5 + 1
        "billableHours": "3.5",  # without the non-billable hour
        "billedTotal": "600",
        "unbilledTotal": "470.5",  # 450 + 20.50
        "redactedCount": 1,
    }
    nobody = {
        **dict.fromkeys(("user", "userClioId")),
        "month": "2026-04-01",
        **dict.fromkeys(("hours", "billableHours"), "9"),
        "billedTotal": "0",
        "unbilledTotal": "2700",
        "redactedCount": 0,
    }
    may = {
        **april,
        "month": "2026-05-01",
        **dict.fromkeys(("hours", "billableHours"), "4"),
        "billedTotal": "0",
        "unbilledTotal": "1200",
        "redactedCount": 0,
    }
    rows = (await worked.query(document)).data["metrics"]["activities"]["byUserAndMonth"]
    assert [number(row) for row in rows] == [number(row) for row in (april, nobody, may)]


def number(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its decimals as numbers: 4.5 and 4.50 are one."""
    decimals = {"hours", "billableHours", "availableHours", "utilization", "billedTotal", "unbilledTotal", "total"}
    return {name: Decimal(value) if name in decimals and value is not None else value for name, value in row.items()}


async def test_utilization_by_user_and_month(worked: Api) -> None:
    document = """query ($since: Date, $before: Date, $day: Decimal!) { metrics { activities {
        utilization(since: $since, before: $before, hoursPerDay: $day) {
          month billableHours availableHours utilization
        }
    } } }"""

    async def rows(day: str = "8", **bounds: str) -> list[dict[str, Any]]:
        found = (await worked.query(document, {"day": day, **bounds})).data["metrics"]["activities"]["utilization"]
        return [number(row) for row in found]

    whole = await rows()
    assert whole[0] == {
        "month": "2026-04-01",
        "billableHours": Decimal("3.5"),
        "availableHours": Decimal(176),  # 22 days of 8 hours
        "utilization": Decimal("0.0199"),  # 3.5 / 176
    }
    week = await rows(since="2026-04-13", before="2026-04-20")
    assert [(row["availableHours"], row["utilization"]) for row in week] == [(40, Decimal("0.0375"))]  # 1.5 / 40
    assert [(row["availableHours"], row["utilization"]) for row in await rows(day="0")] == [(0, None), (0, None)]
    refused = await worked.query(document, {"day": "-1"})
    assert refused.codes == ["BAD_USER_INPUT"]


async def test_work_in_progress(worked: Api) -> None:
    document = "{ metrics { activities { workInProgress { total hours activities redactedCount } } } }"
    found = (await worked.query(document)).data["metrics"]["activities"]["workInProgress"]
    # 450 + 20.50 + 1200 + 2700 in 1.5 + 4 + 9 hours; the redacted entry is counted and in no sum
    assert number(found) == {"total": Decimal("4370.5"), "hours": Decimal("14.5"), "activities": 5, "redactedCount": 1}


async def test_metrics_stay_within_firms(worked: Api) -> None:
    document = "query ($firm: ID) { metrics(firm: $firm) { activities { workInProgress { total } } } }"
    other = await worked.query(document, {"firm": "2"}, firms=[1, 2])
    assert Decimal(other.data["metrics"]["activities"]["workInProgress"]["total"]) == 30_000
    assert (await worked.query(document, {"firm": "2"}, firms=[1])).codes == ["FORBIDDEN"]
    with worked.count_sql() as statements:
        await worked.query(document, firms=[1, 2])
    assert len(statements) == 1
