"""How many statements a request takes: it depends on the query, never on the rows."""

import re

import pytest

from core.testing.api import GENERIC, Api

NESTED = """query($n: Int) { contacts(first: $n) { totalCount nodes {
  company { name company { name } }
  employees(first: $n) { totalCount nodes { clioId company { clioId } } }
  matters(first: $n, filter: {status: {ne: "x"}}) { nodes { client { name } responsibleAttorney {
    name responsibleMatters(first: $n) { totalCount nodes { client { name } } } } } }
} } }"""


DOCUMENTS = [
    ("{ contacts { nodes { id } } }", 1),
    ("{ contacts { totalCount } }", 1),
    ("{ contacts { nodes { id } edges { cursor } pageInfo { endCursor } } }", 1),
    ("{ contacts { totalCount nodes { id } } }", 2),
    ("{ matters { nodes { client { name } responsibleAttorney { name } } } }", 3),
    ("{ contacts { nodes { matters { totalCount } } } }", 2),
    ("{ contacts { nodes { matters { totalCount nodes { id } } employees { totalCount } } } }", 4),
    ('{ nodes(ids: ["Contact:1:1", "Contact:1:2", "Contact:2:1"]) { id } }', 1),
    ('{ a: contact(clioId: "1") { id } b: contact(clioId: "2") { id } }', 1),
]
"""Documents, and the statements that resolvers take for them."""

FROM = re.compile(r"(?:FROM|JOIN) (?:contacts|matters|users)_\w+ AS (\w+)")


@pytest.mark.parametrize("size", [2, 10])
async def test_a_query_of_the_mirror_is_one_statement(api: Api, size: int) -> None:
    with api.count_sql() as statements:
        answer = await api.query(NESTED, {"n": size})
    assert (len(statements), answer.headers["X-Read-Path"]) == (1, "planned")


@pytest.mark.parametrize("document", [document for document, _ in DOCUMENTS])
async def test_every_document_of_the_mirror_is_one_statement(api: Api, document: str) -> None:
    with api.count_sql() as statements:
        answer = await api.query(document)
    assert "errors" not in answer.body
    assert (len(statements), answer.headers["X-Read-Path"]) == (1, "planned")


async def test_what_is_planned_and_what_is_not_are_one_answer_in_the_order_asked(api: Api) -> None:
    document = '{ me { subject } contact(clioId: "1") { clioId } firms { firmId } t: __typename users { totalCount } }'
    answer = await api.query(document)
    assert list(answer.data) == ["me", "contact", "firms", "t", "users"]
    assert answer.headers["X-Read-Path"] == "mixed"
    assert answer.data == (await api.query(document, headers=GENERIC)).data


async def test_an_error_beside_what_is_planned_says_where_it_is_in_the_document(api: Api) -> None:
    document = '{ contact(clioId: "1") { clioId }\n  metrics(firm: "2") { activities { workInProgress { total } } } }'
    planned, generic = await api.query(document), await api.query(document, headers=GENERIC)
    assert planned.headers["X-Read-Path"] == "mixed"
    assert planned.body == generic.body
    assert planned.body["errors"][0]["locations"] == [{"line": 2, "column": 3}]


@pytest.mark.parametrize("size", [2, 10])
async def test_statements_of_resolvers_follow_the_query_and_not_the_rows(api: Api, size: int) -> None:
    with api.count_sql() as statements:
        await api.query(NESTED, {"n": size}, headers=GENERIC)
    assert len(statements) == 12


@pytest.mark.parametrize(("document", "count"), [*DOCUMENTS, ("{ me { subject } }", 0)])
async def test_statement_counts_of_resolvers(api: Api, document: str, count: int) -> None:
    with api.count_sql() as statements:
        answer = await api.query(document, headers=GENERIC)
    assert "errors" not in answer.body
    assert len(statements) == count


@pytest.mark.parametrize("firms", [[1], [1, 2]])
async def test_every_table_in_a_statement_is_held_to_the_firms(api: Api, firms: list[int]) -> None:
    with api.count_sql() as statements:
        for document in (NESTED, *(each for each, _ in DOCUMENTS if "clioId:" not in each)):
            await api.query(document, {"n": 3} if "$n" in document else None, firms=firms)
    assert len(statements) == len(DOCUMENTS)
    for text in statements:
        aliases = FROM.findall(text)
        assert aliases
        missing = [alias for alias in aliases if not re.search(rf"\b{alias}\.firm = (\$|ANY \(\$)", text)]
        assert missing == []


PAST = """query ($t: DateTime) {
  contacts(asOf: $t, orderBy: [{field: NAME, direction: ASC}]) { totalCount nodes { name company { name }
    matters { nodes { client { name } responsibleAttorney { name } history { totalCount } } } } }
  node(id: "Contact:1:1", asOf: $t) { id }
}"""


@pytest.mark.parametrize("firms", [[1], [1, 2]])
@pytest.mark.parametrize("headers", [{}, GENERIC], ids=["planned", "generic"])
async def test_every_table_in_a_statement_of_the_past_is_held_to_the_firms(
    api: Api, firms: list[int], headers: dict[str, str]
) -> None:
    with api.count_sql() as statements:
        answer = await api.query(PAST, {"t": "2025-01-01T00:00:00Z"}, firms=firms, headers=headers)
    assert "errors" not in answer.body
    restored = [text for text in statements if "jsonb_populate_record" in text]
    assert restored if headers else len(restored) == len(statements) == 1
    for text in restored:
        assert len(re.findall(r"(?:contacts|matters|users)_\w+ AS s\b", text)) == len(
            re.findall(r"\bs\.firm = (?:\$|ANY \(\$)", text)
        )
        held = re.findall(
            r"change AS c (?:LEFT JOIN LATERAL .*? ON true )?WHERE c\.firm = (?:\$|ANY \(\$|s\.firm)", text
        )
        shown = text.count("change AS c WHERE c.recorded_at <=")  # what `history` reads, held to the firms there
        assert len(held) + shown == text.count("change AS c ")


async def test_every_statement_of_resolvers_holds_the_firm(api: Api) -> None:
    with api.count_sql() as statements:
        await api.query(NESTED, {"n": 3}, headers=GENERIC)
        document = '{ node(id: "Contact:1:1") { id } syncRuns { totalCount } webhookMetrics { model } firms { id } }'
        await api.query(document, headers=GENERIC)
    assert statements
    assert all(".firm = $" in text or "t.id = $" in text for text in statements)


async def test_errors_come_in_the_order_of_the_document(api: Api) -> None:
    document = '{ late: contact(clioId: "1") { clioId } soon: contact(clioId: "x") { clioId } }'
    answer = await api.query(document, firms=[1, 2])
    assert [error["path"] for error in answer.body["errors"]] == [["late"], ["soon"]]
