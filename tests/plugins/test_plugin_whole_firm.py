"""One query over all six resources of a seeded firm, three levels deep; its statements do not follow the rows."""

import datetime
from typing import Any

import httpx
import pytest

from core.mirror.writer import validate_records, write_records
from core.testing.api import GENERIC, Api
from mock_clio.server import MockClioServer
from mock_clio.settings import MockSettings

CLOCK = datetime.datetime(2026, 11, 2, 17, tzinfo=datetime.UTC)

DOCUMENT = """
query ($first: Int!) {
  matters(first: $first) {
    totalCount
    nodes {
      displayNumber status openDate practiceAreaName
      client { name type primaryEmailAddress customFieldValues { fieldName text } }
      responsibleAttorney { name rate roles }
      customFieldValues { __typename fieldName text customField { name fieldType } }
      activities(first: $first) {
        totalCount
        nodes { type date quantityInHours price total billed user { name } vendor { name } }
      }
      documents(first: $first) {
        nodes {
          name size path
          creator { name }
          parent { name path }
          versions { nodes { versionNumber size isCurrent creator { name } } }
        }
      }
    }
  }
}
"""


FIELDS_THAT_READ = 21
"""Lists, counts, edges and computed fields of the document: to the resolvers, each is one statement."""


@pytest.fixture
def mock_settings() -> MockSettings:
    """A firm that is the same on every day."""
    return MockSettings(users=3, contacts=12, matters=8, activities=90, documents=40, clock_start=CLOCK)


@pytest.fixture
async def seeded(graph: Api, mock_clio: MockClioServer) -> Api:
    """Firm 1 as the mock's, written record by record as Clio would answer them."""
    async with httpx.AsyncClient(base_url=f"{mock_clio.url}/__mock__/") as control:
        for resource in graph.services.registry.resources:
            if resource.endpoint.parents is not None:
                continue
            path, params = f"records/{resource.endpoint.path}", {"fields": resource.endpoint.fields}
            answer = (await control.get(path, params=params)).json()["data"]
            await write_records(
                graph.services.database.pool,
                resource,
                firm=1,
                payloads=validate_records(resource, answer),
                seen_at=CLOCK,
                source="backfill",
            )
    return graph


async def test_three_levels_over_all_six_resources(seeded: Api, snapshot: Any) -> None:
    assert (await seeded.query(DOCUMENT, {"first": 2})).data == snapshot


async def test_it_is_one_statement_whatever_the_rows(seeded: Api) -> None:
    for first in (1, 6, 20):
        with seeded.count_sql() as statements:
            answer = await seeded.query(DOCUMENT, {"first": first})
        assert (len(statements), answer.headers["X-Read-Path"]) == (1, "planned")


async def test_the_statements_of_the_resolvers_do_not_follow_the_rows(seeded: Api) -> None:
    counts, rows = [], []
    for first in (1, 6, 8, 20):
        with seeded.count_sql() as statements:
            answer = (await seeded.query(DOCUMENT, {"first": first}, headers=GENERIC)).data
        counts.append(len(statements))
        rows.append(sum(len(matter["activities"]["nodes"]) for matter in answer["matters"]["nodes"]))
    assert counts[1:] == [FIELDS_THAT_READ] * 3
    assert counts[0] <= FIELDS_THAT_READ  # a single matter has no documents, and so no versions
    assert rows == sorted(set(rows))
