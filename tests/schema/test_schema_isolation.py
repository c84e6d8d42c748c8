"""A firm never sees another's row: in lists, counts, nodes, edges, cursors, mutations."""

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from core.testing.api import Api, gid
from tests.schema.schema_data import ONE, TWO

NUMBERED = ("Contact", "Matter", "User", "SyncRun", "WebhookEndpoint", "WebhookDelivery", "Firm")


@given(type_name=st.sampled_from(NUMBERED), number=st.integers(0, 600), firm=st.sampled_from([TWO, 3, 10]))
@settings(max_examples=60, deadline=None)
async def test_a_foreign_id_is_null_as_an_unknown_one_is(api: Api, type_name: str, number: int, firm: int) -> None:
    ids = [gid(type_name, firm, number), gid(type_name, firm, firm)]
    data = (
        await api.query(
            "query($i: [ID!]!, $o: ID!) { nodes(ids: $i) { id } node(id: $o) { id } }", {"i": ids, "o": ids[0]}
        )
    ).data
    assert data == {"nodes": [None, None], "node": None}


async def test_lists_counts_and_edges_hold_one_firm(api: Api) -> None:
    document = """{
      contacts(first: 40) { totalCount nodes { firm title employees { totalCount nodes { firm } }
        matters { totalCount nodes { firm description client { firm title } } } } }
      matters { totalCount nodes { firm responsibleAttorney { firm
        responsibleMatters { totalCount nodes { firm } } } } }
      syncRuns { totalCount nodes { firm } } webhookEndpoints { totalCount nodes { firm } }
      webhookDeliveries { totalCount nodes { firm } } webhookMetrics { statuses { status count } } firms { firmId }
    }"""
    for firm in (ONE, TWO):
        data = (await api.query(document, firms=[firm])).data
        text = json.dumps(data)
        assert f'"firm": "{3 - firm}"' not in text
        assert f"firm {3 - firm}" not in text
        assert [data[name]["totalCount"] for name in ("contacts", "matters", "syncRuns")] == [10, 12, 2]
        assert [data[name]["totalCount"] for name in ("webhookEndpoints", "webhookDeliveries")] == [1, 4]
        assert {each["status"]: each["count"] for each in data["webhookMetrics"]["statuses"]} == {
            "dead": 2,
            "processed": 2,
        }
        assert data["matters"]["nodes"][0]["responsibleAttorney"]["responsibleMatters"]["totalCount"] == 12
        assert data["firms"] == [{"firmId": str(firm)}]


async def test_asking_for_another_firm_is_forbidden_whether_it_exists_or_not(api: Api) -> None:
    for field in ("contacts", "syncRuns", "webhookEndpoints", "webhookDeliveries"):
        for firm in (TWO, 99):
            answer = await api.query(f"{{ {field}(firm: {firm}) {{ totalCount }} }}")
            assert (answer.codes, answer.messages) == (["FORBIDDEN"], [f"the token does not carry firm {firm}"])
    answer = await api.query('{ a: webhookMetrics(firm: 2) { model } b: contact(clioId: "1", firm: 2) { id } }')
    assert answer.codes == ["FORBIDDEN", "FORBIDDEN"]


async def test_a_token_without_firms_sees_nothing(api: Api) -> None:
    answer = await api.query("{ contacts { totalCount nodes { id } } firms { id } me { firms } }", firms=[])
    assert answer.data == {"contacts": {"totalCount": 0, "nodes": []}, "firms": [], "me": {"firms": []}}


async def test_a_forged_cursor_stays_within_the_firm(api: Api) -> None:
    real = (await api.query("{ contacts(first: 1) { pageInfo { endCursor } } }")).data["contacts"]["pageInfo"]
    version, mark, _ = json.loads(base64.urlsafe_b64decode(real["endCursor"] + "=="))
    forged = base64.urlsafe_b64encode(json.dumps([version, mark, [-5, -5]]).encode()).decode()
    data = (await api.query("query($c: String) { contacts(after: $c) { nodes { firm } } }", {"c": forged})).data
    assert {node["firm"] for node in data["contacts"]["nodes"]} == {"1"}


async def test_an_edge_does_not_lead_to_another_firms_record_of_the_same_number(fresh_api: Api) -> None:
    async with fresh_api.services.database.pool.acquire() as connection:
        await connection.execute("DELETE FROM contacts_contact WHERE firm = 1 AND clio_id = 1")
    document = """{ matters(filter: {clientClioId: {eq: "1"}}) { nodes { client { firm } } }
      through: matters(filter: {client: {clioId: {eq: "1"}}}) { totalCount }
      contact(clioId: "2") { company { firm } } }"""
    data = (await fresh_api.query(document)).data
    assert {json.dumps(node["client"]) for node in data["matters"]["nodes"]} == {"null"}
    assert data["through"]["totalCount"] == 0
    assert data["contact"]["company"] is None


async def test_mutations_do_not_reach_another_firm(fresh_api: Api) -> None:
    document = """mutation($run: ID!, $firm: ID!) {
      cancelSync(id: $run) { cancelled run { id } errors { code message path } }
      disconnectFirm(id: $firm) { firm { id } errors { code message } } }"""
    variables = {"run": gid("SyncRun", TWO, 3), "firm": gid("Firm", TWO, TWO)}
    data = (await fresh_api.query(document, variables, scopes=("write",))).data
    assert data["cancelSync"] == {
        "cancelled": False,
        "run": None,
        "errors": [{"code": "NOT_FOUND", "message": "there is no such sync run", "path": ["id"]}],
    }
    assert data["disconnectFirm"]["errors"] == [{"code": "NOT_FOUND", "message": "there is no such firm"}]
    borrowed = {"run": gid("SyncRun", ONE, 3), "firm": gid("Firm", ONE, TWO)}
    data = (await fresh_api.query(document, borrowed, scopes=("write",))).data
    assert [data[name]["errors"][0]["code"] for name in ("cancelSync", "disconnectFirm")] == ["NOT_FOUND", "NOT_FOUND"]
    answer = await fresh_api.query("mutation { syncNow(firm: 2) { runs { id } } }", scopes=("write",))
    assert answer.codes == ["FORBIDDEN"]
    states = await fresh_api.services.database.pool.fetch("SELECT state FROM firm")
    assert {row["state"] for row in states} == {"connected"}


async def test_who_sees_two_firms_sees_each_records_edges_within_its_own_firm(api: Api) -> None:
    """Both firms use the same numbers, so nothing but the firm keeps their edges apart."""
    document = """{
      contacts(first: 40) { nodes {
        firm matters { totalCount nodes { firm } } employees { totalCount nodes { firm } } } }
      matters(first: 40) { nodes { firm client { firm } responsibleAttorney { firm } } }
    }"""
    both = (await api.query(document, firms=[ONE, TWO])).data
    alone = (await api.query(document, firms=[ONE])).data
    assert {node["firm"] for node in both["contacts"]["nodes"]} == {"1", "2"}
    for node in (*both["contacts"]["nodes"], *both["matters"]["nodes"]):
        for edge in node.values():
            far = edge["nodes"] if isinstance(edge, dict) and "nodes" in edge else [edge]
            assert {each["firm"] for each in far if isinstance(each, dict)} <= {node["firm"]}
    assert [node for node in both["contacts"]["nodes"] if node["firm"] == "1"] == alone["contacts"]["nodes"]
