"""The statement and the resolvers give one answer, whatever is asked of the mirror and by whom."""

import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.auth.principal import Principal
from core.services import Services
from core.testing.api import Api, gid
from schema.build import build_schema
from schema.execution import GraphQLRequest, Operations, ReadPath
from tests.plugins.query_strategy import QueryMaker
from tests.plugins.storied import Moment

CASES = int(os.environ.get("GRAPHQL_CASES", "150"))
"""Queries to draw; thousands for the long form."""


@dataclass
class Mirror:
    """Two firms with the same Clio ids, all six resources in each, and what queries may ask for."""

    services: Services
    operations: Operations
    roots: list[str]
    ids: dict[str, list[str]]
    numbers: dict[str, list[str]]
    definitions: list[str]
    instants: list[str]


@pytest.fixture(scope="module")
async def mirror(filled: Api) -> Mirror:
    """The whole mirror, below the transport."""
    return await mirror_of(filled.services)


@pytest.fixture(scope="module")
async def past(storied: tuple[Api, list[Moment]]) -> Mirror:
    """A mirror with a past, below the transport."""
    return await mirror_of(storied[0].services, [each.at for each in storied[1]])


async def mirror_of(services: Services, instants: Sequence[datetime.datetime] = ()) -> Mirror:
    """Return the mirror with the ids that are in it, and with instants of which it can be read."""
    roots, ids, numbers = ["node", "nodes"], {"Nothing": [gid("Nothing", 1, 1)]}, {}
    for resource in services.registry.resources:
        name = resource.type_name
        roots += [_camel(resource.name), *[_camel(resource.plural)] * 3]
        rows = await services.database.pool.fetch(f"SELECT firm, clio_id FROM {resource.table_name} LIMIT 7")
        ids[name] = [gid(name, 3, 1), *(gid(name, row["firm"], row["clio_id"]) for row in rows)]
        numbers[name] = ["77", *(str(row["clio_id"]) for row in rows)]
    definitions = await services.database.pool.fetch("SELECT DISTINCT clio_id FROM custom_fields_custom_field")
    operations = Operations(build_schema(services.registry), services)
    numbered = [str(row["clio_id"]) for row in definitions]
    return Mirror(services, operations, roots, ids, numbers, numbered, [each.isoformat() for each in instants])


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def caller(firms: set[int] | None) -> Principal:
    return Principal(
        subject="test",
        firms=None if firms is None else frozenset(firms),
        scopes=frozenset({"read"}),
        expires_at=datetime.datetime.max.replace(tzinfo=datetime.UTC),
    )


def maker_of(mirror: Mirror, seed: int) -> QueryMaker:
    return QueryMaker(
        mirror.operations.schema._schema,
        mirror.roots,
        Random(seed),  # noqa: S311 - no secret
        ids=mirror.ids,
        numbers=mirror.numbers,
        definitions=mirror.definitions,
        instants=mirror.instants,
    )


def canonical(body: bytes) -> str:
    """Return an answer with the spaces and escapes of one writer; the order of keys stays."""
    return json.dumps(json.loads(body), ensure_ascii=False)


@given(seed=st.integers(0, 2**48), firms=st.sampled_from([{1}, {1, 2}, {2}, None, {1}, set()]))
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
async def test_generated_queries_have_one_answer(mirror: Mirror, seed: int, firms: set[int] | None) -> None:
    await compare(mirror, seed, firms)


@given(seed=st.integers(0, 2**48), firms=st.sampled_from([{1}, {1, 2}, {2}, None, {1}, set()]))
@settings(max_examples=CASES // 3, deadline=None, suppress_health_check=list(HealthCheck))
async def test_generated_queries_of_the_past_have_one_answer(past: Mirror, seed: int, firms: set[int] | None) -> None:
    await compare(past, seed, firms)


async def compare(mirror: Mirror, seed: int, firms: set[int] | None) -> None:
    """Ask a query that is drawn by the seed both ways."""
    document = maker_of(mirror, seed).document()
    request, principal = GraphQLRequest(query=document, variables={}), caller(firms)
    planned = await mirror.operations.answer(request, principal)
    generic = await mirror.operations.answer(request, principal, generic=True)
    assert canonical(planned.body) == canonical(generic.body), document
    assert planned.path is ReadPath.PLANNED or "errors" in json.loads(generic.body), document


@pytest.mark.parametrize("which", ["mirror", "past"])
async def test_the_queries_that_are_drawn_find_something(which: str, request: pytest.FixtureRequest) -> None:
    mirror: Mirror = request.getfixturevalue(which)
    found = []
    for seed in range(40):
        asked = GraphQLRequest(query=maker_of(mirror, seed).document(), variables={})
        found.append(await mirror.operations.answer(asked, caller({1, 2})))
    planned = [answer for answer in found if answer.path is ReadPath.PLANNED]
    assert len(planned) >= 25
    assert sum(len(answer.body) > 1000 for answer in planned) >= 10
