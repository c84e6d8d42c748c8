"""Webhooks through GraphQL: registered, renewed, rotated, ended; and the coverage ledger as it is shown."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.registry import Registry
from core.settings import Settings
from core.testing.api import Api, gid, open_api
from core.testing.driving import Control
from core.webhooks import lifecycle

WRITE = ("read", "write")
ENDPOINT = "id resource state errorCode coverage"
REGISTER = f"""mutation($resource: String, $firm: ID) {{
  registerWebhooks(resource: $resource, firm: $firm) {{ endpoints {{ {ENDPOINT} }} errors {{ code path }} }}
}}"""
ROTATE = f"""mutation($resource: String, $firm: ID) {{
  rotateWebhooks(resource: $resource, firm: $firm) {{ endpoints {{ {ENDPOINT} }} errors {{ code path }} }}
}}"""
RENEW = (
    f"mutation($id: ID!) {{ renewWebhook(id: $id) {{ endpoint {{ {ENDPOINT} expiresAt }} errors {{ code path }} }} }}"
)
DELETE = f"mutation($id: ID!) {{ deleteWebhook(id: $id) {{ endpoint {{ {ENDPOINT} }} errors {{ code path }} }} }}"
COVERAGE = """query($firm: ID, $resource: String, $last: Int) {
  coverage(firm: $firm, resource: $resource, last: $last) {
    firm resource coveredUntil
    endpoint { resource state coverage }
    intervals { basis fromAt untilAt isOpen proofs endpoint { id } run { id kind } }
    holes { fromAt untilAt reason foundAt run { id kind state } sweptAt reconciliation { id kind } closedAt }
  }
}"""


@pytest.fixture
async def api(settings: Settings, registry: Registry, firm: int) -> AsyncIterator[Api]:
    """The API on the port that the mock Clio delivers to, and a client that sees the connected firm."""
    async with open_api(settings, registry, firms=[firm], port=settings.port) as made:
        yield made


async def mutate(api: Api, document: str, **variables: Any) -> Any:
    data = (await api.query(document, variables, scopes=WRITE)).data
    return next(iter(data.values()))


async def test_register_subscribes_to_all_or_to_one(api: Api, firm: int) -> None:
    one = await mutate(api, REGISTER, resource="contact", firm=str(firm))
    assert one["errors"] == []
    assert [(each["resource"], each["state"], each["coverage"]) for each in one["endpoints"]] == [
        ("contact", "enabled", "UNPROVEN")
    ]
    every = await mutate(api, REGISTER)
    named = [each.name for each in api.services.registry.resources if each.webhook]
    assert sorted(each["resource"] for each in every["endpoints"]) == sorted(named)
    assert one["endpoints"][0]["id"] in {each["id"] for each in every["endpoints"]}


async def test_what_clio_refuses_is_an_endpoint_that_says_so(api: Api, control: Control) -> None:
    await control.call("PATCH", "switches", {"document_webhooks": "refused"})
    payload = await mutate(api, REGISTER, resource="document")
    assert payload["errors"] == []
    [refused] = payload["endpoints"]
    assert (refused["state"], refused["errorCode"], refused["coverage"]) == (
        "failed",
        "CLIO_INVALID_REQUEST",
        "POLLING",
    )


@pytest.mark.parametrize(("resource", "code"), [("dragon", "NOT_FOUND"), ("user", "BAD_USER_INPUT")])
async def test_what_the_domain_refuses_is_in_the_payload(api: Api, resource: str, code: str) -> None:
    for document in (REGISTER, ROTATE):
        payload = await mutate(api, document, resource=resource)
        assert payload == {"endpoints": [], "errors": [{"code": code, "path": ["resource"]}]}


async def test_clio_away_is_in_the_payload(api: Api, control: Control) -> None:
    await control.fail(status=403, prefix="/api/v4/webhooks", method="GET")
    payload = await mutate(api, REGISTER)
    assert [error["code"] for error in payload["errors"]] == ["CLIO_FORBIDDEN"]


async def test_renew_rotate_and_delete_one(api: Api, firm: int) -> None:
    [endpoint] = (await mutate(api, REGISTER, resource="contact"))["endpoints"]
    renewed = await mutate(api, RENEW, id=endpoint["id"])
    assert (renewed["errors"], renewed["endpoint"]["id"]) == ([], endpoint["id"])
    rotated = await mutate(api, ROTATE, resource="contact")
    assert rotated["errors"] == []
    old, new = rotated["endpoints"]
    assert (old["id"], old["state"], old["coverage"]) == (endpoint["id"], "retiring", None)
    assert (new["state"], new["coverage"]) == ("enabled", "UNPROVEN")
    deleted = await mutate(api, DELETE, id=new["id"])
    assert (deleted["errors"], deleted["endpoint"]["state"], deleted["endpoint"]["errorCode"]) == (
        [],
        "retired",
        "DELETED",
    )
    again = await mutate(api, DELETE, id=new["id"])
    assert again == {"endpoint": None, "errors": [{"code": "BAD_USER_INPUT", "path": ["id"]}]}
    for document in (RENEW, DELETE):
        unknown = await mutate(api, document, id=gid("WebhookEndpoint", firm, 999))
        assert unknown == {"endpoint": None, "errors": [{"code": "NOT_FOUND", "path": ["id"]}]}
        foreign = await mutate(api, document, id=gid("WebhookEndpoint", firm + 1, 1))
        assert foreign["errors"] == [{"code": "NOT_FOUND", "path": ["id"]}]


async def test_nobody_touches_the_webhooks_of_another_firm(api: Api, firm: int) -> None:
    [endpoint] = (await mutate(api, REGISTER, resource="contact"))["endpoints"]
    answer = await api.query(DELETE, {"id": endpoint["id"]}, firms=[firm + 1], scopes=WRITE)
    assert answer.data["deleteWebhook"]["errors"] == [{"code": "NOT_FOUND", "path": ["id"]}]
    answer = await api.query(REGISTER, {"firm": str(firm)}, firms=[firm + 1], scopes=WRITE)
    assert answer.codes == ["FORBIDDEN"]
    answer = await api.query(REGISTER, firms=[firm + 1], scopes=WRITE)
    assert answer.data["registerWebhooks"]["errors"] == [{"code": "NOT_FOUND", "path": None}]
    assert (await api.query(REGISTER, scopes=("read",))).codes == ["FORBIDDEN"]


async def test_coverage_shows_intervals_and_holes_with_their_runs(api: Api, firm: int) -> None:
    pool = api.services.database.pool
    await lifecycle.register(api.services, firm)
    sweep, comparison = [
        await pool.fetchval(
            "INSERT INTO sync_run (firm, resource, kind, state) VALUES ($1, 'contact', $2, 'succeeded') RETURNING id",
            firm,
            kind,
        )
        for kind in ("incremental", "reconcile")
    ]
    await pool.execute(
        """INSERT INTO coverage_interval (firm, resource, basis, from_at, until_at, run) VALUES
        ($1, 'contact', 'backfill', NULL, '2026-01-01Z', NULL),
        ($1, 'contact', 'poll', '2026-01-01Z', '2026-02-01Z', $2)""",
        firm,
        sweep,
    )
    await pool.execute(
        """INSERT INTO coverage_hole
            (firm, resource, from_at, until_at, reason, run, swept_at, reconciliation, closed_at)
        VALUES ($1, 'contact', '2026-01-10Z', '2026-01-13Z', 'NOT_WATCHED', $2, now(), $3, now())""",
        firm,
        sweep,
        comparison,
    )
    [contact] = (await api.query(COVERAGE, {"resource": "contact"})).data["coverage"]
    assert [each["basis"] for each in contact["intervals"]] == ["BACKFILL", "POLL", "WEBHOOK"]
    first, polled, open_one = contact["intervals"]
    assert (first["fromAt"], first["run"], first["endpoint"]) == (None, None, None)
    assert polled["run"] == {"id": gid("SyncRun", firm, sweep), "kind": "incremental"}
    assert (open_one["isOpen"], open_one["endpoint"]["id"][:16]) == (True, "WebhookEndpoint:")
    assert contact["coveredUntil"] == open_one["untilAt"]
    assert contact["endpoint"] == {"resource": "contact", "state": "enabled", "coverage": "UNPROVEN"}
    [hole] = contact["holes"]
    assert (hole["reason"], hole["fromAt"][:10], hole["run"]["kind"]) == (
        "NOT_WATCHED",
        "2026-01-10",
        "incremental",
    )
    assert hole["reconciliation"] == {"id": gid("SyncRun", firm, comparison), "kind": "reconcile"}
    assert None not in (hole["sweptAt"], hole["closedAt"])
    [latest] = (await api.query(COVERAGE, {"resource": "contact", "last": 1})).data["coverage"]
    assert latest["intervals"] == [open_one]


async def test_coverage_is_of_every_resource_of_the_callers_firms(api: Api, firm: int) -> None:
    found = (await api.query(COVERAGE)).data["coverage"]
    assert [each["resource"] for each in found] == [each.name for each in api.services.registry.resources]
    assert all(
        (each["coveredUntil"], each["endpoint"], each["intervals"], each["holes"]) == (None, None, [], [])
        for each in found
    )
    assert (await api.query(COVERAGE, firms=[firm + 1])).data["coverage"] == []
    assert (await api.query(COVERAGE, {"firm": str(firm)}, firms=[firm + 1])).codes == ["FORBIDDEN"]
    assert (await api.query(COVERAGE, {"resource": "dragon"})).codes == ["NOT_FOUND"]
    for last in (0, 101):
        assert (await api.query(COVERAGE, {"last": last})).codes == ["BAD_USER_INPUT"]
    with api.count_sql() as statements:
        await api.query(COVERAGE)
    assert len(statements) == 3
