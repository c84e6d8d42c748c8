"""How many statements a request takes: it depends on the query, never on the rows."""

import pytest

from core.testing.api import Api

NESTED = """query($n: Int) { contacts(first: $n) { totalCount nodes {
  company { name company { name } }
  employees(first: $n) { totalCount nodes { clioId company { clioId } } }
  matters(first: $n, filter: {status: {ne: "x"}}) { nodes { client { name } responsibleAttorney {
    name responsibleMatters(first: $n) { totalCount nodes { client { name } } } } } }
} } }"""


@pytest.mark.parametrize("size", [2, 10])
async def test_statements_follow_the_query_and_not_the_rows(api: Api, size: int) -> None:
    with api.count_sql() as statements:
        await api.query(NESTED, {"n": size})
    assert len(statements) == 12


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ("{ contacts { nodes { id } } }", 1),
        ("{ contacts { totalCount } }", 1),
        ("{ contacts { nodes { id } edges { cursor } pageInfo { endCursor } } }", 1),
        ("{ contacts { totalCount nodes { id } } }", 2),
        ("{ matters { nodes { client { name } responsibleAttorney { name } } } }", 3),
        ("{ contacts { nodes { matters { totalCount } } } }", 2),
        ("{ contacts { nodes { matters { totalCount nodes { id } } employees { totalCount } } } }", 4),
        ('{ nodes(ids: ["Q29udGFjdDoxOjE", "Q29udGFjdDoxOjI", "Q29udGFjdDoyOjE"]) { id } }', 1),
        ('{ a: contact(clioId: "1") { id } b: contact(clioId: "2") { id } }', 1),
        ("{ me { subject } }", 0),
    ],
)
async def test_statement_counts(api: Api, document: str, count: int) -> None:
    with api.count_sql() as statements:
        answer = await api.query(document)
    assert "errors" not in answer.body
    assert len(statements) == count


async def test_every_statement_on_a_firms_table_holds_the_firm(api: Api) -> None:
    with api.count_sql() as statements:
        await api.query(NESTED, {"n": 3})
        await api.query(
            '{ node(id: "Q29udGFjdDoxOjE") { id } syncRuns { totalCount } webhookMetrics { model } firms { id } }'
        )
    assert statements
    assert all("t.firm = $" in text or "t.id = $" in text for text in statements)
