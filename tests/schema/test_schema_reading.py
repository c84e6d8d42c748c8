"""Lists, records, edges and global ids: whole answers, and the rules a snapshot would not show."""

import base64
import json

import pytest
from syrupy.assertion import SnapshotAssertion

from core.testing.api import Api, gid
from tests.schema.schema_data import ONE, TWO

LISTS = """{
  matters(first: 3, orderBy: [{field: OPEN_DATE, direction: DESC}], filter: {status: {ne: "Closed"}}) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node {
      id clioId firm presence seenAt displayNumber status openDate practiceAreaClioId clientClioId
      client { __typename clioId name dateOfBirth isClient company { name } }
      responsibleAttorney { name rate roles }
    } }
  }
}"""

REVERSE = """{
  contacts(first: 3) { nodes {
    name
    employees { totalCount nodes { clioId name } }
    matters(last: 2, orderBy: [{field: NUMBER, direction: ASC}], filter: {openDate: {isNull: false}}) {
      totalCount pageInfo { hasNextPage hasPreviousPage } nodes { clioId number client { clioId } }
    }
  } }
}"""

OPERATIONS = """{
  me { subject firms scopes }
  firms { id firmId region clioAccountId name state createdAt }
  syncRuns(filter: {resource: {eq: "contact"}}) { totalCount nodes {
    id firm resource kind state progress recordsSeen recordsCreated recordsUpdated recordsTotal pages etaS attempt
    errorCode errorMessage createdAt startedAt heartbeatAt finishedAt
  } }
  webhookEndpoints { nodes { id firm resource model clioWebhookId state events expiresAt errorCode createdAt } }
  webhookDeliveries(last: 3, filter: {receivedAt: {gt: "2024-05-01T12:01:00Z"}}) { totalCount nodes {
    id firm model resource event recordClioId status outcome receipts attempts errorCode receivedAt processedAt
  } }
  webhookMetrics(model: "contact") { model statuses { status count } }
}"""


@pytest.mark.parametrize("document", [LISTS, REVERSE, OPERATIONS], ids=["lists", "reverse", "operations"])
async def test_whole_answers(api: Api, snapshot: SnapshotAssertion, document: str) -> None:
    assert (await api.query(document)).data == snapshot


async def test_a_list_leaves_out_what_is_not_present_unless_the_filter_speaks_of_presence(api: Api) -> None:
    document = """{ plain: contacts { totalCount }
      gone: contacts(filter: {presence: {in: [DELETED, HIDDEN]}}) { nodes { clioId presence } }
      nested: contacts(filter: {not: {presence: {eq: PRESENT}}}) { totalCount } }"""
    data = (await api.query(document)).data
    assert data["plain"]["totalCount"] == 10
    assert [node["presence"] for node in data["gone"]["nodes"]] == ["DELETED", "HIDDEN"]
    assert data["nested"]["totalCount"] == 2


async def test_a_deleted_record_is_found_by_id_and_by_node(api: Api) -> None:
    found = gid("Contact", ONE, 11)
    document = """query($id: ID!) { a: contact(id: $id) { presence } b: contact(clioId: "11") { id }
      c: node(id: $id) { __typename id ... on Contact { presence } }
      d: nodes(ids: [$id, "Contact:1:99"]) { id } }"""
    data = (await api.query(document, {"id": found})).data
    assert data == {
        "a": {"presence": "DELETED"},
        "b": {"id": found},
        "c": {"__typename": "Contact", "id": found, "presence": "DELETED"},
        "d": [{"id": found}, None],
    }


async def test_every_type_with_a_global_id_is_a_node(api: Api) -> None:
    ids = [gid(name, ONE, number) for name, number in (("Firm", ONE), ("SyncRun", 1), ("WebhookEndpoint", 1))]
    ids += [gid("WebhookDelivery", ONE, 2), gid("Matter", ONE, 101), gid("User", ONE, 500), gid("Nothing", ONE, 1)]
    nodes = (await api.query("query($i: [ID!]!) { nodes(ids: $i) { id __typename } }", {"i": ids})).data["nodes"]
    assert [node and node["id"] for node in nodes] == [*ids[:-1], None]


@pytest.mark.parametrize("garbage", ["", "x", "Contact:1", "Contact:1:1!", "Contact:01:1", "é", f"Contact:1:{10**19}"])
async def test_garbage_is_not_taken_for_an_id(api: Api, garbage: str) -> None:
    answer = await api.query("query($id: ID!) { node(id: $id) { id } }", {"id": garbage})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == ["the id is not a global id: pass what a field `id` returned"]


async def test_a_lookup_takes_one_of_id_and_clio_id_and_ids_of_its_own_type(api: Api) -> None:
    document = 'query($id: ID) { a: contact { id } b: contact(id: $id, clioId: "1") { id } c: contact(id: $id) { id } }'
    answer = await api.query(document, {"id": gid("Matter", ONE, 101)})
    assert answer.messages == [
        "pass one of id and clioId",
        "pass one of id and clioId",
        "id is the id of a Matter, where one of a Contact is needed",
    ]


async def test_a_number_that_several_firms_have_needs_the_firm(api: Api) -> None:
    document = """{ a: contact(clioId: "1") { firm } b: contact(clioId: "1", firm: 2) { firm }
      c: contact(clioId: "404") { firm } d: contact(clioId: "x") { firm } }"""
    answer = await api.query(document, firms=[ONE, TWO])
    assert answer.body["data"] == {"a": None, "b": {"firm": "2"}, "c": None, "d": None}
    assert sorted(answer.messages) == [
        "clioId must be a whole number, such as 1042",
        "several firms have a Contact 1: name one with the argument firm",
    ]


async def test_an_edge_whose_record_has_not_arrived_is_null_and_its_number_is_known(api: Api) -> None:
    document = '{ contact(clioId: "6") { companyClioId company { name } } matter(clioId: "100") { client { name } } }'
    data = (await api.query(document)).data
    assert data == {"contact": {"companyClioId": "999", "company": None}, "matter": {"client": None}}


async def test_a_presence_unknown_to_this_version_reads_as_unknown(fresh_api: Api) -> None:
    await fresh_api.services.database.pool.execute(
        "UPDATE contacts_contact SET presence = 'archived' WHERE clio_id = 1"
    )
    data = (await fresh_api.query('{ contact(clioId: "1") { presence } }')).data
    assert data == {"contact": {"presence": "UNKNOWN"}}


async def test_operators_see_every_firm_and_narrow_it_by_number_or_global_id(api: Api) -> None:
    token = api.token(None)
    document = """query($two: ID) { contacts { totalCount } a: contacts(firm: 2) { totalCount }
      b: contacts(firm: $two) { totalCount } c: contacts(firm: 77) { totalCount } me { firms } firms { firmId } }"""
    body = {"query": document, "variables": {"two": gid("Firm", TWO, TWO)}}
    answer = await api.http.post(api.url, json=body, headers={"Authorization": f"Bearer {token}"})
    data = answer.json()["data"]
    assert [data[name]["totalCount"] for name in ("contacts", "a", "b", "c")] == [20, 10, 10, 0]
    assert (data["me"]["firms"], data["firms"]) == (None, [{"firmId": "1"}, {"firmId": "2"}])


def cursor_of(position: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", cursor_of(1), cursor_of([1]), cursor_of([2, "x", []]), cursor_of("abc"), cursor_of([[[[[]]]]])],
)
async def test_garbage_is_not_taken_for_a_cursor(api: Api, cursor: str) -> None:
    answer = await api.query("query($c: String) { contacts(after: $c) { nodes { id } } }", {"c": cursor})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages[0].startswith("after is ")


async def test_a_cursor_is_good_for_its_own_list_and_order_alone(api: Api) -> None:
    own = (await api.query("{ contacts(first: 1) { pageInfo { endCursor } } }")).data["contacts"]["pageInfo"]
    variables = {"c": own["endCursor"]}
    for field in (
        "matters(after: $c) { totalCount }",
        "contacts(after: $c, orderBy: [{field: NAME, direction: ASC}]) { totalCount }",
        "contacts(before: $c, orderBy: [{field: CLIO_ID, direction: DESC}]) { totalCount }",
        'contact(clioId: "1") { employees(after: $c) { totalCount } }',
        "syncRuns(after: $c) { totalCount }",
    ):
        answer = await api.query(f"query($c: String) {{ {field} }}", variables)
        assert answer.codes == ["BAD_USER_INPUT"]
        assert "is a cursor of another list or another orderBy: start again" in answer.messages[0]
    good = await api.query("query($c: String) { contacts(after: $c, first: 1) { nodes { clioId } } }", variables)
    assert good.data["contacts"]["nodes"] == [{"clioId": "2"}]


async def test_a_cursor_with_values_of_the_wrong_type_is_refused(api: Api) -> None:
    real = (await api.query("{ contacts(first: 1) { pageInfo { endCursor } } }")).data["contacts"]["pageInfo"]
    version, mark, _ = json.loads(base64.urlsafe_b64decode(real["endCursor"] + "=="))
    for position in (["1", "2"], [None, None], [True, 1], [2**70, 1], [1], [1, 2, 3]):
        variables = {"c": cursor_of([version, mark, position])}
        answer = await api.query("query($c: String) { contacts(after: $c) { nodes { id } } }", variables)
        assert answer.messages == ["after is not a cursor: pass what pageInfo or an edge returned"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("first: 41", "first is 41, and a page holds at most 40: ask for less and page on"),
        ("last: 41", "last is 41, and a page holds at most 40: ask for less and page on"),
        ("first: -1", "first must not be negative"),
        ("filter: {name: {eq: null}}", "filter: eq of name is null: leave it out, or use isNull"),
        ('filter: {clioId: {eq: "x"}}', "filter.clioId must be a whole number, such as 1042"),
        ('filter: {name: {eq: "\\u0000"}}', "text must not hold NUL characters or lone surrogates"),
        ("orderBy: [{field: NAME, direction: ASC}, {field: NAME, direction: ASC}]", "orderBy names name twice"),
        ("firm: 2", "the token does not carry firm 2"),
        ('firm: "x y"', "the id is not a global id: pass what a field `id` returned"),
    ],
)
async def test_an_argument_that_cannot_be_used_is_refused_at_its_field(api: Api, arguments: str, said: str) -> None:
    answer = await api.query(f"{{ contacts({arguments}) {{ totalCount }} }}")
    assert answer.messages == [said]
    assert answer.body["errors"][0]["path"] == ["contacts"]


async def test_a_filter_has_limits(api: Api) -> None:
    deep: dict[str, object] = {}
    for _ in range(9):
        deep = {"not": deep}
    wide = {"or": [{"name": {"eq": "x"}}] * 60}
    document = "query($f: ContactFilter) { contacts(filter: $f) { totalCount } }"
    assert "nests more than 8 levels" in (await api.query(document, {"f": deep})).messages[0]
    assert "more than 100 conditions" in (await api.query(document, {"f": wide})).messages[0]


async def test_each_kind_of_column_can_be_filtered_and_ordered_by(api: Api) -> None:
    document = """{
      a: users(filter: {rate: {gte: "250.5"}, roles: {contains: "admin"}, enabled: {isNull: true}}) { totalCount }
      b: users(filter: {rate: {in: [1, 2.5]}}) { totalCount }
      c: matters(filter: {number: {in: [1, 2]}, practiceAreaClioId: {eq: "9007199254740993"}}) { totalCount }
      d: contacts(filter: {clioUpdatedAt: {gte: "2024-05-05T14:00:00+02:00"}}) { totalCount }
      e: users(orderBy: [{field: RATE, direction: DESC}]) { edges { cursor } }
    }"""
    data = (await api.query(document)).data
    assert [data[name]["totalCount"] for name in "abcd"] == [1, 0, 6, 2]
    cursor = data["e"]["edges"][0]["cursor"]
    again = f'{{ users(orderBy: [{{field: RATE, direction: DESC}}], after: "{cursor}") {{ nodes {{ id }} }} }}'
    assert (await api.query(again)).data == {"users": {"nodes": []}}
