"""`replayDeliveries` and the search of the raw log."""

from typing import Any

import pytest

from core.testing.api import Api
from tests.schema.schema_data import ONE, TWO

REPLAY = """mutation($filter: ReplayDeliveriesFilter!, $dryRun: Boolean, $first: Int, $firm: ID) {
  replayDeliveries(filter: $filter, dryRun: $dryRun, first: $first, firm: $firm) {
    matched reopened complete counts { status model count }
    records { firm resource clioId deliveries effect reason fields { name before after } }
    errors { code message path }
  }
}"""
WRITE = ("write",)


async def _body(api: Api, text: bytes) -> None:
    await api.services.database.pool.execute("UPDATE webhook_delivery SET body = $1", text)


async def test_dead_letters_of_the_callers_firms_are_opened_again(fresh_api: Api) -> None:
    answer = await fresh_api.query(REPLAY, {"filter": {"status": ["DEAD"]}}, scopes=WRITE)
    assert answer.data["replayDeliveries"] == {
        "matched": 2,
        "reopened": 2,
        "complete": True,
        "counts": [{"status": "dead", "model": "contact", "count": 2}],
        "records": [],
        "errors": [],
    }
    rows = await fresh_api.services.database.pool.fetch(
        "SELECT firm, record_clio_id FROM webhook_delivery WHERE status = 'received' ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [(ONE, 3), (ONE, 4)]
    shown = await fresh_api.query("{ webhookDeliveries(filter: {replays: {gt: 0}}) { nodes { replays replayedAt } } }")
    nodes = shown.data["webhookDeliveries"]["nodes"]
    assert [(node["replays"], node["replayedAt"] is not None) for node in nodes] == [(1, True)] * 2


async def test_a_dry_run_shows_the_fields_and_opens_nothing(fresh_api: Api) -> None:
    await _body(fresh_api, b'{"data": {"id": 3}, "meta": {"event": "updated"}}')
    variables = {"filter": {"recordClioId": ["3"]}, "dryRun": True}
    found = (await fresh_api.query(REPLAY, variables, scopes=("read", "write"))).data["replayDeliveries"]
    assert found == {
        "matched": 1,
        "reopened": 0,
        "complete": True,
        "counts": [{"status": "dead", "model": "contact", "count": 1}],
        "records": [
            {
                "firm": "1",
                "resource": "contact",
                "clioId": "3",
                "deliveries": 1,
                "effect": "NEEDS_FETCH",
                "reason": None,
                "fields": [],
            }
        ],
        "errors": [],
    }
    await fresh_api.services.database.pool.execute("UPDATE webhook_delivery SET event = 'deleted'")
    found = (await fresh_api.query(REPLAY, variables, scopes=("read", "write"))).data["replayDeliveries"]
    assert [(each["effect"], each["fields"]) for each in found["records"]] == [
        ("DELETED", [{"name": "presence", "before": '"present"', "after": '"deleted"'}])
    ]
    assert await fresh_api.services.database.pool.fetchval("SELECT max(replays) FROM webhook_delivery") == 0
    assert (await fresh_api.query(REPLAY, variables, scopes=WRITE)).codes == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"filter": {}}, "BAD_USER_INPUT"),
        ({"filter": {"plugin": "contacts", "resource": ["contact"]}}, "BAD_USER_INPUT"),
        ({"filter": {"plugin": "dragons"}}, "NOT_FOUND"),
        ({"filter": {"recordClioId": ["x"]}}, "BAD_USER_INPUT"),
        ({"filter": {"model": ["contact"]}, "dryRun": True, "first": 501}, "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_replayed_is_told_in_the_payload(api: Api, variables: dict[str, Any], code: str) -> None:
    found = (await api.query(REPLAY, variables, scopes=("read", "write"))).data["replayDeliveries"]
    assert [(each["code"], each["path"]) for each in found["errors"]] == [(code, ["filter"])]
    assert (found["matched"], found["reopened"]) == (0, 0)


async def test_another_firms_deliveries_are_neither_opened_nor_shown(fresh_api: Api) -> None:
    variables = {"filter": {"plugin": "contacts"}, "dryRun": True, "firm": str(TWO)}
    assert (await fresh_api.query(REPLAY, variables, scopes=("admin",))).codes == ["FORBIDDEN"]
    variables = {"filter": {"status": ["PROCESSED", "DEAD"]}, "dryRun": False}
    assert (await fresh_api.query(REPLAY, variables, scopes=WRITE)).data["replayDeliveries"]["reopened"] == 4
    rows = await fresh_api.services.database.pool.fetch("SELECT DISTINCT firm FROM webhook_delivery WHERE replays > 0")
    assert [row["firm"] for row in rows] == [ONE]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ('status: {eq: "dead"}', 2),
        ('resource: {eq: "contact"}, event: {eq: "updated"}', 4),
        ('endpoint: {eq: "1"}', 4),
        ('endpoint: {eq: "2"}', 0),
        ('recordClioId: {in: ["1", "2"]}', 2),
        ("errorCode: {isNull: true}", 4),
        ('errorMessage: {contains: "shard"}', 0),
        ('receivedAt: {gt: "2024-05-01T12:02:30Z"}', 2),
    ],
)
async def test_the_raw_log_can_be_searched(api: Api, condition: str, count: int) -> None:
    answer = await api.query(f"{{ webhookDeliveries(filter: {{{condition}}}) {{ totalCount }} }}")
    assert answer.data["webhookDeliveries"]["totalCount"] == count


async def test_the_headers_of_a_request_are_shown(fresh_api: Api) -> None:
    await fresh_api.services.database.pool.execute(
        "UPDATE webhook_delivery SET headers = $1 WHERE record_clio_id = 3",
        {"user-agent": "Clio", "content-type": "a/b"},
    )
    query = "{ webhookDeliveries { nodes { recordClioId headers { name value } } } }"
    nodes = (await fresh_api.query(query)).data["webhookDeliveries"]["nodes"]
    shown = {node["recordClioId"]: node["headers"] for node in nodes}
    assert shown["3"] == [{"name": "content-type", "value": "a/b"}, {"name": "user-agent", "value": "Clio"}]
    assert shown["4"] == []
