"""Activities: time in seconds, expenses in counts, totals that follow, and what a user may not see."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from mock_clio.receiver import Receiver
from tests.mock_clio.calls import call

Subscribe = Callable[..., Awaitable[dict[str, Any]]]

FIELDS = (
    "id,etag,type,date,quantity,quantity_in_hours,rounded_quantity,rounded_quantity_in_hours,quantity_redacted,price,"
    "total,non_billable,non_billable_total,note,reference,billed,on_bill,updated_at,matter{id,display_number},user{id},"
    "vendor{id},expense_category{id,name},activity_description{id,name},bill{id,number,state}"
)


async def matter_of(api: httpx.AsyncClient) -> int:
    return int((await call(api, "GET", "matters", 200, "id"))[0]["id"])


async def test_the_firm_has_activities_of_every_type_some_of_them_billed(api: httpx.AsyncClient) -> None:
    rows = await call(api, "GET", "activities", 200, FIELDS)
    assert len(rows) == 4 * 15
    assert {row["type"] for row in rows} == {"TimeEntry", "ExpenseEntry", "HardCostEntry", "SoftCostEntry"}
    assert {row["billed"] for row in rows} == {True, False}
    for row in rows:
        assert (row["bill"] is not None) == row["on_bill"]
        assert (row["vendor"] is not None) == (row["type"] == "HardCostEntry")
        assert (row["quantity_in_hours"] is not None) == (row["type"] == "TimeEntry")


async def test_time_is_in_seconds_rounded_to_six_minutes_and_worth_the_users_rate(api: httpx.AsyncClient) -> None:
    made = await call(
        api, "POST", "activities", 201, FIELDS, type="TimeEntry", date="2026-10-01", quantity=5000, note="Draft",
        matter={"id": await matter_of(api)}, price=200,
    )  # fmt: skip
    assert (made["quantity"], made["rounded_quantity"], made["rounded_quantity_in_hours"]) == (5000.0, 5040.0, 1.4)
    assert (made["price"], made["total"], made["non_billable_total"]) == (200.0, 280.0, 0.0)
    path = f"activities/{made['id']}"
    changed = await call(api, "PATCH", path, 200, FIELDS, non_billable=True)
    assert (changed["total"], changed["non_billable_total"]) == (0.0, 280.0)
    await call(api, "DELETE", path, 204)
    await call(api, "GET", path, 404)


async def test_an_expense_is_a_count_and_a_hard_cost_has_a_vendor(api: httpx.AsyncClient) -> None:
    vendor = (await call(api, "GET", "contacts", 200, "id"))[0]["id"]
    made = await call(
        api, "POST", "activities", 201, FIELDS, type="HardCostEntry", date="2026-10-01", quantity=3, price=12.5,
        vendor={"id": vendor}, reference="INV-7",
    )  # fmt: skip
    assert (made["quantity"], made["quantity_in_hours"], made["total"]) == (3.0, None, 37.5)
    assert (made["vendor"]["id"], made["reference"]) == (vendor, "INV-7")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"type": "Gift", "date": "2026-10-01"}, 422),
        ({"type": "TimeEntry"}, 422),
        ({"type": "TimeEntry", "date": "soon"}, 422),
        ({"type": "TimeEntry", "date": "2026-10-01", "matter": {"id": 1}}, 404),
        ({"type": "TimeEntry", "date": "2026-10-01", "tax_setting": "all"}, 422),
    ],
)
async def test_a_bad_activity_is_refused(api: httpx.AsyncClient, data: dict[str, Any], status: int) -> None:
    await call(api, "POST", "activities", status, **data)


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ("type=TimeEntry", lambda row: row["type"] == "TimeEntry"),
        ("status=billed", lambda row: row["billed"]),
        ("status=draft", lambda row: row["on_bill"] and not row["billed"]),
        ("status=non_billable", lambda row: row["non_billable"]),
        ("only_unaccounted_for=true", lambda row: not row["on_bill"]),
        ("start_date=2025-06-01T00:00:00Z", lambda row: row["date"] >= "2025-06-01"),
        ("end_date=2025-06-01T00:00:00Z", lambda row: row["date"] <= "2025-06-01"),
        ("matter_id=null", lambda row: row["matter"] is None),
        ("date_from=2025-06-01", lambda _row: True),  # no parameter of Clio's
    ],
)
async def test_lists_are_narrowed(api: httpx.AsyncClient, query: str, keeps: Callable[[Any], bool]) -> None:
    every = await call(api, "GET", "activities", 200, FIELDS)
    answer = await api.get(f"activities?{query}&fields={FIELDS}")
    assert [row["id"] for row in answer.json()["data"]] == [row["id"] for row in every if keeps(row)]


async def test_lists_are_ordered(api: httpx.AsyncClient) -> None:
    answer = await api.get("activities?order=total(desc)&fields=total")
    totals = [row["total"] for row in answer.json()["data"]]
    assert totals == sorted(totals, reverse=True)
    assert (await api.get("activities?order=user.name(asc)")).status_code == 200
    assert (await api.get("activities?order=weight(asc)")).status_code == 400


async def test_redacted_is_null_and_never_zero(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.patch("switches", json={"activity_quantities": "redacted"})
    for row in await call(api, "GET", "activities", 200, FIELDS):
        assert row["quantity_redacted"] is True
        assert row["quantity"] is row["rounded_quantity"] is row["total"] is None
    await control.patch("switches", json={"activity_quantities": "shown", "activity_rates": "hidden"})
    for row in await call(api, "GET", "activities", 200, FIELDS):
        assert row["quantity_redacted"] is False
        assert row["price"] is row["total"] is None
        assert row["quantity"] is not None


async def test_changes_are_told(api: httpx.AsyncClient, receiver: Receiver, subscribe: Subscribe) -> None:
    await subscribe(model="activity", fields="id,etag,note")
    made = await call(api, "POST", "activities", 201, type="TimeEntry", date="2026-10-01")
    await call(api, "PATCH", f"activities/{made['id']}", 200, note="Revised")
    await call(api, "DELETE", f"activities/{made['id']}", 204)
    await receiver.wait(3)
    assert set(receiver.events) == {"created", "updated", "deleted"}
