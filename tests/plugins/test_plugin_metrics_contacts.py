"""`metrics { contacts }` against numbers counted by hand; formulas are in docs/metrics.md."""

from typing import Any

import pytest

from core.testing.api import Api
from tests.plugins.storing import lose, store

EVERYTHING = """{ metrics { contacts {
    total clients withoutEmail byType { type count } createdByMonth { month count }
} } }"""

MAIL = {"id": 1, "name": "Work", "address": "a@example.com", "primary": True}

FIRST: list[dict[str, Any]] = [
    {"id": 1, "type": "Person", "is_client": True, "primary_email_address": "a@example.com", "email_addresses": [MAIL]},
    {"id": 2, "type": "Person", "is_client": True, "created_at": "2026-01-31T23:59:59Z", "email_addresses": []},
    {"id": 3, "type": "Person", "is_client": False, "created_at": "2026-01-31T23:30:00-05:00"},
    {"id": 4, "type": "Company", "is_client": None, "created_at": "2026-02-01T00:00:00Z", "primary_email_address": ""},
    {"id": 5, "type": "Company", "created_at": "2025-12-15T12:00:00Z", "email_addresses": [MAIL]},
    {"id": 6, "created_at": "2026-02-28T12:00:00Z", "email_addresses": [{**MAIL, "address": ""}]},
    {"id": 7, "type": "Person", "is_client": True, "created_at": "2026-02-02T12:00:00Z"},
]
"""Seven contacts, of which 7 is deleted. Contact 3 was created in January on Clio's clock and in February in UTC."""

SECOND: list[dict[str, Any]] = [
    {"id": 1, "type": "Company", "is_client": True, "created_at": "2026-02-10T12:00:00Z"},
    {"id": 8, "type": "Trust", "is_client": True, "created_at": "2026-03-10T12:00:00Z"},
]


@pytest.fixture
async def counted(graph: Api) -> Api:
    """Two firms with contacts."""
    await store(graph.services, "contact", *FIRST)
    await store(graph.services, "contact", *SECOND, firm=2)
    await lose(graph.services, "contact", 7)
    return graph


async def test_contacts_of_one_firm(counted: Api) -> None:
    found = (await counted.query(EVERYTHING, firms=[1])).data["metrics"]["contacts"]
    assert found == {
        "total": 6,
        "clients": 2,
        "withoutEmail": 4,
        "byType": [{"type": "Person", "count": 3}, {"type": "Company", "count": 2}, {"type": None, "count": 1}],
        "createdByMonth": [
            {"month": "2025-12-01", "count": 1},
            {"month": "2026-01-01", "count": 1},
            {"month": "2026-02-01", "count": 3},
        ],
    }


async def test_contacts_of_another_firm_do_not_count_unless_the_caller_has_both(counted: Api) -> None:
    totals = "{ metrics { contacts { total clients byType { type count } } } }"
    alone = (await counted.query(totals, firms=[2])).data["metrics"]["contacts"]
    assert alone == {
        "total": 2,
        "clients": 2,
        "byType": [{"type": "Company", "count": 1}, {"type": "Trust", "count": 1}],
    }
    assert (await counted.query(totals, firms=[1, 2])).data["metrics"]["contacts"]["total"] == 8
    named = "{ metrics(firm: 2) { contacts { total } } }"
    assert (await counted.query(named, firms=[1, 2])).data["metrics"]["contacts"]["total"] == 2
    assert (await counted.query(named, firms=[1])).codes == ["FORBIDDEN"]


async def test_months_can_be_bounded(counted: Api) -> None:
    document = """query($since: Date, $before: Date) {
        metrics { contacts { createdByMonth(since: $since, before: $before) { month count } } }
    }"""

    async def months(**bounds: str) -> list[tuple[str, int]]:
        data = (await counted.query(document, bounds)).data
        return [(each["month"], each["count"]) for each in data["metrics"]["contacts"]["createdByMonth"]]

    assert await months(since="2026-01-01", before="2026-02-01") == [("2026-01-01", 1)]
    assert await months(since="2026-02-02") == [("2026-02-01", 1)]
    assert await months(before="2026-01-01") == [("2025-12-01", 1)]


async def test_an_empty_firm_has_figures(graph: Api) -> None:
    found = (await graph.query(EVERYTHING)).data["metrics"]["contacts"]
    assert found == {"total": 0, "clients": 0, "withoutEmail": 0, "byType": [], "createdByMonth": []}


async def test_only_what_is_asked_for_is_computed(counted: Api) -> None:
    for fields, statements in (("__typename", 0), ("total clients withoutEmail", 1), ("total byType { count }", 2)):
        with counted.count_sql() as ran:
            assert (await counted.query(f"{{ metrics {{ contacts {{ {fields} }} }} }}")).status == 200
        assert len([text for text in ran if "contacts_contact" in text]) == statements
