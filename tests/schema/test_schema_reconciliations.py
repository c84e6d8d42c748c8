"""Reconcile runs asked for through GraphQL, and their reports."""

import pytest

from core.sync.verdicts import verdict_of, verdict_sql
from core.testing.api import Api
from tests.schema.schema_data import ONE, TWO

RECONCILE = """mutation($resource: String, $firm: ID) {
  reconcile(resource: $resource, firm: $firm) {
    runs { id firm resource kind state } errors { code message path }
  }
}"""
REPORTS = """query($firm: ID, $filter: ReconciliationFilter) {
  reconciliations(firm: $firm, filter: $filter) {
    totalCount
    nodes {
      id firm resource startedAt finishedAt listed missing stale extra repaired deleted hidden unknown requests
      run { id state errorCode }
    }
  }
}"""
WRITE = ("read", "write")


async def report(api: Api, firm: int, resource: str, **counters: int) -> int:
    """Keep the report of a run that held something back; return the run's number."""
    pool = api.services.database.pool
    run: int = await pool.fetchval(
        """INSERT INTO sync_run (firm, resource, kind, state, error_code, finished_at)
        VALUES ($1, $2, 'reconcile', 'partial', 'MASS_DISAPPEARANCE', now()) RETURNING id""",
        firm,
        resource,
    )
    await pool.execute(
        """INSERT INTO reconciliation_report (run, firm, resource, listed, extra, unknown)
        VALUES ($1, $2, $3, $4, $5, $5)""",
        run,
        firm,
        resource,
        counters["listed"],
        counters["extra"],
    )
    return run


async def test_reconcile_asks_for_a_run_of_every_list_of_the_callers_firms(fresh_api: Api) -> None:
    payload = (await fresh_api.query(RECONCILE, scopes=WRITE)).data["reconcile"]
    assert payload["errors"] == []
    assert [(run["firm"], run["resource"]) for run in payload["runs"]] == [
        ("1", resource.name) for resource in fresh_api.services.registry.resources if resource.has_list
    ]
    assert {(run["kind"], run["state"]) for run in payload["runs"]} == {("reconcile", "queued")}


async def test_what_the_domain_refuses_is_in_the_payload_and_the_rest_an_error(fresh_api: Api) -> None:
    payload = (await fresh_api.query(RECONCILE, {"resource": "dragon"}, scopes=WRITE)).data["reconcile"]
    (error,) = payload["errors"]
    assert (error["code"], error["path"], payload["runs"]) == ("NOT_FOUND", ["resource"], [])
    assert (await fresh_api.query(RECONCILE)).codes == ["FORBIDDEN"]
    assert (await fresh_api.query(RECONCILE, {"firm": str(TWO)}, scopes=WRITE)).codes == ["FORBIDDEN"]


async def test_reports_are_listed_with_their_runs_to_those_who_may_see_the_firm(fresh_api: Api) -> None:
    mine = [
        await report(fresh_api, ONE, "contact", listed=9, extra=30),
        await report(fresh_api, ONE, "user", listed=1, extra=0),
    ]
    await report(fresh_api, TWO, "contact", listed=5, extra=40)
    found = (await fresh_api.query(REPORTS)).data["reconciliations"]
    assert found["totalCount"] == 2
    assert [(node["resource"], node["listed"], node["unknown"]) for node in found["nodes"]] == [
        ("contact", 9, 30),
        ("user", 1, 0),
    ]
    assert {(node["firm"], node["run"]["state"], node["run"]["errorCode"]) for node in found["nodes"]} == {
        ("1", "partial", "MASS_DISAPPEARANCE")
    }
    assert len({node["run"]["id"] for node in found["nodes"]}) == len(mine)
    wanted = {"filter": {"unknown": {"gt": 0}}}
    assert (await fresh_api.query(REPORTS, wanted)).data["reconciliations"]["totalCount"] == 1
    document = "query($id: ID!) { node(id: $id) { __typename ... on Reconciliation { extra } } }"
    node = (await fresh_api.query(document, {"id": found["nodes"][0]["id"]})).data["node"]
    assert node == {"__typename": "Reconciliation", "extra": 30}
    assert (await fresh_api.query(document, {"id": found["nodes"][0]["id"]}, firms=[TWO])).data["node"] is None


async def test_the_runs_of_many_reports_are_one_statement(fresh_api: Api) -> None:
    for _ in range(5):
        await report(fresh_api, ONE, "contact", listed=1, extra=0)
    with fresh_api.count_sql() as statements:
        await fresh_api.query("{ reconciliations { nodes { run { state } } } }")
    assert len(statements) == 2


DECIDE = """mutation($id: ID!) {
  decision: %sReconciliation(id: $id) {
    reconciliation { held heldAt decision decidedAt decidedBy verdict }
    run { kind state resource } errors { code message path }
  }
}"""
PROOF = """{ reconciliations { nodes {
  kept fromAt untilAt root clioRoot differing unexplained presences verdict
  held heldAt decision decidedBy coverage samples
} } }"""


async def held(api: Api, firm: int, held_records: int = 30) -> str:
    """Keep the report of a run that holds records; return its global id."""
    run = await report(api, firm, "contact", listed=9, extra=30)
    await api.services.database.pool.execute(
        """UPDATE reconciliation_report SET held = $2, held_at = now(), finished_at = now(), root = 'a',
        clio_root = 'a', presences = '{"present": 9}', samples = '[{"clio_id": 1, "kind": "extra", "outcome": "held"}]'
        WHERE run = $1""",
        run,
        held_records,
    )
    found = await api.query("{ reconciliations(last: 1) { nodes { id } } }", firms=[firm])
    return str(found.data["reconciliations"]["nodes"][0]["id"])


async def test_what_is_held_is_approved_once_and_asked_for_by_a_run(fresh_api: Api) -> None:
    report_id = await held(fresh_api, ONE)
    payload = (await fresh_api.query(DECIDE % "approve", {"id": report_id}, scopes=WRITE)).data["decision"]
    assert payload["errors"] == []
    assert payload["run"] == {"kind": "reconcile", "state": "queued", "resource": "contact"}
    decided = payload["reconciliation"]
    assert (decided["held"], decided["decision"], decided["verdict"]) == (30, "APPROVED", "HELD")
    assert decided["decidedBy"]
    assert decided["decidedAt"] >= decided["heldAt"]
    rejecting = (await fresh_api.query(DECIDE % "reject", {"id": report_id}, scopes=WRITE)).data["decision"]
    assert [error["code"] for error in rejecting["errors"]] == ["BAD_USER_INPUT"]
    assert rejecting["reconciliation"] is None


async def test_what_is_held_is_rejected_without_a_run(fresh_api: Api) -> None:
    report_id = await held(fresh_api, ONE)
    payload = (await fresh_api.query(DECIDE % "reject", {"id": report_id}, scopes=WRITE)).data["decision"]
    assert (payload["run"], payload["errors"]) == (None, [])
    assert payload["reconciliation"]["decision"] == "REJECTED"


async def test_only_who_may_write_decides_and_only_about_a_firm_of_theirs(fresh_api: Api) -> None:
    theirs, empty = await held(fresh_api, TWO), await held(fresh_api, ONE, 0)
    assert (await fresh_api.query(DECIDE % "approve", {"id": empty})).codes == ["FORBIDDEN"]
    for report_id, code in ((theirs, "NOT_FOUND"), (empty, "BAD_USER_INPUT"), ("nonsense", "BAD_USER_INPUT")):
        for how in ("approve", "reject"):
            payload = (await fresh_api.query(DECIDE % how, {"id": report_id}, scopes=WRITE)).data["decision"]
            ((found, path),) = [(error["code"], error["path"]) for error in payload["errors"]]
            assert (found, path) == (code, ["id"])
    assert await fresh_api.services.database.pool.fetchval("SELECT count(decision) FROM reconciliation_report") == 0


async def test_a_report_proves_what_it_says(fresh_api: Api) -> None:
    await held(fresh_api, ONE)
    (node,) = (await fresh_api.query(PROOF)).data["reconciliations"]["nodes"]
    assert (node["root"], node["clioRoot"], node["verdict"], node["held"]) == ("a", "a", "HELD", 30)
    assert (node["decision"], node["presences"], node["coverage"]) == (None, {"present": 9}, None)
    assert node["samples"] == [{"clio_id": 1, "kind": "extra", "outcome": "held"}]


@pytest.mark.parametrize(
    ("columns", "verdict"),
    [
        ("finished_at = NULL", "RUNNING"),
        ("root = NULL", "UNFINISHED"),
        ("held = 1", "HELD"),
        ("held = 0", "WHOLE"),
        ("held = 0, clio_root = 'b', differing = 2, unexplained = 0", "MOVED"),
        ("held = 0, clio_root = 'b', differing = 2, unexplained = 1", "DIFFERS"),
    ],
)
async def test_the_verdict_is_the_same_by_either_way_of_reading(fresh_api: Api, columns: str, verdict: str) -> None:
    report_id = await held(fresh_api, ONE)
    pool = fresh_api.services.database.pool
    await pool.execute(f"UPDATE reconciliation_report SET {columns}")
    row = await pool.fetchrow(f"SELECT *, {verdict_sql('t')} AS verdict FROM reconciliation_report AS t")
    assert row is not None
    assert verdict_of(dict(row)) == row["verdict"] == verdict.lower()
    listed = (await fresh_api.query(PROOF)).data["reconciliations"]["nodes"]
    document = "query($id: ID!) { node(id: $id) { ... on Reconciliation { verdict } } }"
    node = (await fresh_api.query(document, {"id": report_id})).data["node"]
    assert {listed[0]["verdict"], node["verdict"]} == {verdict}
