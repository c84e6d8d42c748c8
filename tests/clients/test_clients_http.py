"""What front ends use: Apollo Client, urql, and types by graphql-codegen."""

from core.testing.api import Api, gid
from schema.negotiation import GRAPHQL_JSON
from schema.printing import COMMITTED
from tests.clients.node import Clients
from tests.schema.schema_data import ONE

PARTIAL = {"me": {"__typename": "Me", "subject": "test"}, "node": None}

OPERATIONS = """
query Matters($first: Int, $filter: MatterFilter, $orderBy: [MatterOrder!]) {
  matters(first: $first, filter: $filter, orderBy: $orderBy) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id
      displayNumber
      openDate
      client { name }
      customFieldValues { fieldName text ... on CustomFieldCurrencyValue { number } }
    }
  }
}

mutation Sync($resource: String) {
  syncNow(resource: $resource) { runs { id state } errors { code message } }
}

subscription Progress { syncProgress { resource state progress } }
"""

GOOD = """
import type { MattersQuery, MattersQueryVariables, ProgressSubscription, SyncMutation } from './types';

export const variables: MattersQueryVariables = {
  first: 20,
  filter: { status: { in: ['Open'] }, and: [{ client: { name: { contains: 'Silva' } } }] },
  orderBy: [{ field: 'OPEN_DATE', direction: 'DESC' }],
};

export function title(found: MattersQuery): string[] {
  return found.matters.nodes.map((matter) => `${matter.displayNumber ?? ''} ${matter.client?.name ?? ''}`);
}

export function sums(found: MattersQuery): (string | null | undefined)[] {
  return found.matters.nodes.flatMap((matter) =>
    matter.customFieldValues.map((value) =>
      value.__typename === 'CustomFieldCurrencyValue' ? value.number : value.text,
    ),
  );
}

export const codes = (done: SyncMutation): string[] => done.syncNow.errors.map((error) => error.code);
export const state = (told: ProgressSubscription): string => told.syncProgress.state;
"""

BAD = """
import type { MattersQuery, MattersQueryVariables } from './types';

export const variables: MattersQueryVariables = { filter: { status: { contains: 1 } } };
export const name = (found: MattersQuery): string => found.matters.nodes[0]!.client.name;
export const nothing = (found: MattersQuery): unknown => found.matters.nothing;
"""


async def test_apollo_client_asks_caches_by_our_ids_and_sees_errors_as_they_are(api: Api, clients: Clients) -> None:
    first = gid("Contact", ONE, 1)
    said = await clients.run("apollo.mjs", url=api.url, token=api.token([ONE]), id=first)
    assert [node["clioId"] for node in said["list"]["contacts"]["nodes"]] == ["1", "2", "3"]
    assert said["asked"] == 1
    assert said["node"]["title"] == "firm 1"
    assert said["fragment"] == {"__typename": "Contact", "id": first, "clioId": "1", "title": "firm 1"}
    assert set(said["cached"]) == {f"Contact:{gid('Contact', ONE, number)}" for number in (1, 2, 3)}
    refused = {"kind": "graphql", "codes": ["BAD_USER_INPUT"]}
    assert said["all"] == {"data": PARTIAL, "error": refused}
    assert said["ignored"] == PARTIAL
    assert said["thrown"] == refused
    assert said["invalid"] == {"kind": "graphql", "codes": ["GRAPHQL_VALIDATION_FAILED"]}
    assert said["forbidden"] == {"kind": "graphql", "codes": ["FORBIDDEN"]}
    assert said["stranger"] == {"kind": "graphql", "codes": ["UNAUTHENTICATED"]}
    assert said["byGet"] == {"first": "1", "sent": [{"method": "GET", "status": 200, "type": GRAPHQL_JSON}]}
    assert said["types"] == [GRAPHQL_JSON]


async def test_urql_asks_by_post_and_by_get(api: Api, clients: Clients) -> None:
    said = await clients.run("urql.mjs", url=api.url, token=api.token([ONE]))
    for way, method in (("posted", "POST"), ("got", "GET")):
        told = said[way]
        assert [node["clioId"] for node in told["list"]["contacts"]["nodes"]] == ["1", "2"]
        assert told["isSame"]
        assert told["partial"] == {"data": PARTIAL, "error": {"codes": ["BAD_USER_INPUT"], "network": False}}
        assert told["invalid"] == {"codes": ["GRAPHQL_VALIDATION_FAILED"], "network": False}
        assert told["forbidden"] == {"codes": ["FORBIDDEN"], "network": False}
        assert [(each["method"], each["status"]) for each in told["requests"]] == [
            (method, 200),
            (method, 200),
            (method, 400),
            ("POST", 403),
        ]
        assert told["offered"]
        assert {each["type"] for each in told["requests"]} == {GRAPHQL_JSON}


async def test_generated_types_compile_and_find_mistakes(clients: Clients) -> None:
    said = await clients.run(
        "codegen.mjs",
        schema=COMMITTED.read_text(encoding="utf-8"),
        operations=OPERATIONS,
        programs={"good": GOOD, "bad": BAD},
    )
    assert said["problems"] == []
    assert said["lines"] > 1000
    assert said["found"]["good"] == []
    text, missing, nullable, unknown = said["found"]["bad"]
    assert text == "Type 'number' is not assignable to type 'string'."
    assert "possibly 'null' or 'undefined'" in missing
    assert "'undefined' is not assignable to type 'string'" in nullable
    assert "'nothing' does not exist" in unknown
