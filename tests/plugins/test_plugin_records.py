"""Whatever Clio sends within its own document is mirrored and can be read: of every resource, nothing is lost."""

import datetime
import itertools
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.utils.str_converters import to_camel_case

from core.loading import load_plugins
from core.mirror.writer import validate_records, write_records
from core.registry import Registry
from core.resource import Resource
from core.testing.api import Api
from mock_clio.tables.catalog import SCHEMAS
from plugins.activities.clio import QUANTITIES, TOTALS
from schema.printing import print_registry_schema
from tests.plugins.records_reading import Reading, forms, lost, reading_of, scalars_in
from tests.plugins.records_strategy import records

SEEN = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)

TESTED_ELSEWHERE = {"custom_field_values{": "kept by type, and tested so in test_plugin_custom_fields.py"}
"""Beginnings of fields that are kept in another way than they are sent, and where that is tested."""

RESOURCES = [each for each in load_plugins().resources if each.type_name in SCHEMAS]

FIRMS = itertools.count(1000)
"""A firm of its own for each page: what is in the mirror already would be kept where it is newer."""


@pytest.fixture(scope="session")
def printed(registry: Registry) -> GraphQLSchema:
    """The schema of what is installed, as a client sees it."""
    return build_schema(print_registry_schema(registry))


@pytest.mark.parametrize("resource", RESOURCES, ids=[each.name for each in RESOURCES])
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_page_of_any_records_is_kept_whole(
    graph: Api, printed: GraphQLSchema, resource: Resource, data: st.DataObject
) -> None:
    page, firm = data.draw(records(resource)), next(FIRMS)
    database = graph.services.database.pool
    payloads = validate_records(resource, page)
    await write_records(database, resource, firm=firm, payloads=payloads, seen_at=SEEN, source="backfill")
    reading = reading_of(printed, resource.type_name)
    nodes = await nodes_of(graph, resource, reading, firm)
    kept = await kept_of(graph, resource, firm)
    assert nodes.keys() == {str(record["id"]) for record in page}
    wrong = {
        field
        for record in page
        for field in lost(resource, reading, record, nodes[str(record["id"])], kept[str(record["id"])])
        if not field.startswith(tuple(TESTED_ELSEWHERE)) and not hidden(resource, record, field)
    }
    assert wrong == set()


def hidden(resource: Resource, record: dict[str, Any], field: str) -> bool:
    """Tell whether Clio says that it redacted a field, which is then null whatever the record holds."""
    redacted = resource.redacted is not None and record.get(resource.redacted) is True
    return redacted and field in {*QUANTITIES, *TOTALS}


async def nodes_of(graph: Api, resource: Resource, reading: Reading, firm: int) -> dict[str, Any]:
    """Return every record of a firm by Clio's id, as GraphQL answers it; an error fails the test."""
    plural = to_camel_case(resource.plural)
    answer = await graph.query(f"{{ {plural}(first: 40) {{ nodes {{ {reading.selection} }} }} }}", firms=[firm])
    return {node["clioId"]: node for node in answer.data[plural]["nodes"]}


async def kept_of(graph: Api, resource: Resource, firm: int) -> dict[str, set[Any]]:
    """Return every value in a record's row, and in the rows of what came inside any, by Clio's id."""
    text = "SELECT clio_id::text AS number, to_jsonb(stored) AS image FROM {} AS stored WHERE firm = $1"
    pool = graph.services.database.pool
    inside = {
        form
        for each in resource.embeds
        for row in await pool.fetch(text.format(each.resource.table_name), firm)
        for value in scalars_in(row["image"])
        for form in forms(value)
    }
    return {
        row["number"]: {form for value in scalars_in(row["image"]) for form in forms(value)} | inside
        for row in await pool.fetch(text.format(resource.table_name), firm)
    }
