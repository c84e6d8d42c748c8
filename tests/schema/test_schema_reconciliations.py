"""Reconcile runs asked for through GraphQL, and their reports."""

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
