"""What an operation may read is counted from its page sizes before anything is read."""

import json
from typing import Any

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse

from core.registry import Registry
from core.testing.api import Api
from schema.build import ServiceSchema, build_schema
from schema.cost import cost_of
from schema.execution import GraphQLRequest, Operations
from tests.schema.callers import caller


@pytest.fixture(scope="module")
def built(registry: Registry) -> ServiceSchema:
    return build_schema(registry)


def cost(built: ServiceSchema, text: str, variables: dict[str, Any] | None = None) -> int:
    document = parse(text)
    [operation] = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    return cost_of(built._schema, operation, fragments).of(variables or {})


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ("{ __typename }", 0),
        ('{ contact(clioId: "1") { name company { name } } }', 2),
        ("{ contacts { totalCount } }", 2),
        ("{ contacts { nodes { name } } }", 1 + 50),
        ("{ contacts(first: 10) { nodes { name } } }", 1 + 10),
        ("{ contacts(last: 10) { edges { cursor node { name } } } }", 1 + 10 * 2),
        ("{ contacts(first: 10, last: 3) { nodes { name } } }", 1 + 3),
        ("{ contacts(first: 10) { pageInfo { endCursor } nodes { company { name } } } }", 1 + 10 * 2),
        ("{ contacts(first: 9) { nodes { matters(first: 5) { totalCount nodes { id } } } } }", 1 + 9 * (1 + 1 + 1 + 5)),
        ("{ contacts(first: 2) { nodes { customFieldValues { text } } } }", 1 + 2 * (1 + 10)),
        ("{ contacts(first: 2) { nodes { emailAddresses { address } } } }", 1 + 2 * 2),
        ('{ nodes(ids: ["a", "b"]) { id ... on Contact { company { id } } } }', 2 * 2),
        ("{ contacts(first: 3) { ...C ...C } } fragment C on ContactConnection { nodes { id } }", 1 + 3),
    ],
)
def test_the_cost_of_a_document(built: ServiceSchema, document: str, wanted: int) -> None:
    assert cost(built, document) == wanted


def test_page_sizes_in_variables_count_as_what_they_are(built: ServiceSchema) -> None:
    document = "query ($n: Int, $m: Int) { contacts(first: $n) { nodes { matters(first: $m) { nodes { id } } } } }"
    assert cost(built, document, {"n": 4, "m": 6}) == 1 + 4 * (1 + 1 + 6)
    assert cost(built, document, {"n": 4}) == 1 + 4 * (1 + 1 + 50)
    assert cost(built, document, {"n": -1, "m": None}) == 1


def test_fragments_that_double_each_other_are_counted_in_no_time(built: ServiceSchema) -> None:
    spread = "".join(f" fragment f{n} on Contact {{ company {{ ...f{n + 1} ...f{n + 1} }} }}" for n in range(60))
    assert cost(built, f"{{ contact {{ ...f0 }} }}{spread} fragment f60 on Contact {{ id }}") >= 2**60


async def test_what_costs_too_much_is_refused_and_what_does_not_says_what_is_left(api: Api) -> None:
    settings = api.services.settings
    operations = Operations(build_schema(api.services.registry), api.services)
    fits = await operations.answer(GraphQLRequest(query="{ contacts(first: 3) { nodes { id } } }"), caller())
    limit = settings.graphql_max_cost
    assert json.loads(fits.body)["extensions"] == {"cost": {"requested": 4, "limit": limit, "remaining": limit - 4}}
    page = "(first: 40) { nodes {"
    deep = f"{{ contacts{page} matters{page} client {{ matters{page} id " + "}" * 8
    for generic in (False, True):
        refused = await operations.answer(GraphQLRequest(query=deep), caller(), generic=generic)
        [error] = json.loads(refused.body)["errors"]
        assert (refused.status, error["extensions"]["code"]) == (400, "QUERY_TOO_COSTLY")
        assert "ask for smaller pages" in error["message"]
