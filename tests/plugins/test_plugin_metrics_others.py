"""`metrics` of users, custom fields and documents against numbers counted by hand; formulas are in docs/metrics.md."""

from decimal import Decimal
from typing import Any

from core.testing.api import Api
from tests.plugins.storing import lose, store


async def metrics(graph: Api, fields: str, *firms: int) -> Any:
    """Return what a token for some firms is told."""
    return (await graph.query(f"{{ metrics {{ {fields} }} }}", firms=list(firms))).data["metrics"]


async def test_users(graph: Api) -> None:
    attorney = {"subscription_type": "Attorney", "enabled": True}
    await store(
        graph.services,
        "user",
        {"id": 1, **attorney, "rate": 300},
        {"id": 2, **attorney, "rate": 200.25},
        {"id": 3, **attorney},
        {"id": 4, "subscription_type": "NonAttorney", "enabled": True},
        {"id": 5, **attorney, "enabled": False, "rate": 900},
    )
    await store(graph.services, "user", {"id": 1, **attorney, "rate": 1}, firm=2)
    found = (
        await metrics(graph, "users { total enabled bySubscriptionType { subscriptionType count averageRate } }", 1)
    )["users"]
    rates = [row.pop("averageRate") for row in found["bySubscriptionType"]]
    assert found == {
        "total": 5,
        "enabled": 4,
        "bySubscriptionType": [
            {"subscriptionType": "Attorney", "count": 3},
            {"subscriptionType": "NonAttorney", "count": 1},
        ],
    }
    assert (Decimal(rates[0]), rates[1]) == (Decimal("250.13"), None)  # (300 + 200.25) / 2, rounded
    assert (await metrics(graph, "users { total }", 1, 2))["users"] == {"total": 6}


async def test_documents(graph: Api) -> None:
    def version(number: int, document: int, size: int) -> dict[str, Any]:
        return {"id": number, "document_id": document, "version_number": 1, "size": size}

    await store(
        graph.services,
        "document",
        {"id": 1, "content_type": "application/pdf", "size": 3_000_000_000, "matter": {"id": 9}},
        {"id": 2, "content_type": "application/pdf", "size": 500},
        {"id": 3, "content_type": "text/plain"},
        {"id": 4, "content_type": "text/plain", "size": 70},
    )
    await store(graph.services, "document_version", version(11, 1, 1000), version(12, 1, 24), version(14, 4, 70))
    await lose(graph.services, "document", 4)
    await store(graph.services, "document", {"id": 1, "size": 7}, firm=2)
    fields = (
        "documents { total sizeBytes withoutMatter versions versionsSizeBytes "
        "byContentType { contentType count sizeBytes } }"
    )
    found = (await metrics(graph, fields, 1))["documents"]
    assert found == {
        "total": 3,
        "sizeBytes": found["sizeBytes"],
        "withoutMatter": 2,
        "versions": 2,
        "versionsSizeBytes": found["versionsSizeBytes"],
        "byContentType": [
            {"contentType": "application/pdf", "count": 2, "sizeBytes": found["sizeBytes"]},
            {"contentType": "text/plain", "count": 1, "sizeBytes": found["byContentType"][1]["sizeBytes"]},
        ],
    }
    assert int(found["sizeBytes"]) == 3_000_000_500
    assert int(found["versionsSizeBytes"]) == 1024
    assert int(found["byContentType"][1]["sizeBytes"]) == 0


async def test_custom_fields(graph: Api) -> None:
    def value(given: str | None, number: int = 1) -> dict[str, Any]:
        return {"field_name": "Court", "field_type": "text_line", "value": given, "custom_field": {"id": number}}

    field = {"name": "Court", "parent_type": "Matter", "field_type": "text_line"}
    await store(graph.services, "custom_field", {"id": 1, **field}, {"id": 2, **field, "deleted": True})
    await store(
        graph.services,
        "matter",
        {"id": 1, "custom_field_values": [value("Supreme")]},
        {"id": 2, "custom_field_values": [value(None), value("Old", 2)]},
        {"id": 3, "custom_field_values": []},
    )
    await store(graph.services, "matter", {"id": 1, "custom_field_values": [value("Other")]}, firm=2)
    found = await metrics(graph, "customFields { total deleted byField { firm clioId name shown filled } }", 1)
    assert found["customFields"] == {
        "total": 2,
        "deleted": 1,
        "byField": [
            {"firm": "1", "clioId": "1", "name": "Court", "shown": 2, "filled": 1},
            {"firm": "1", "clioId": "2", "name": "Court", "shown": 1, "filled": 1},
        ],
    }
