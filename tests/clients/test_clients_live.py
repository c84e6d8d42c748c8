"""Live updates through the clients that others use: graphql-ws and graphql-sse, as they come from npm."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from core.registry import Registry
from core.services import Services
from core.testing.api import Api, open_api, serving
from core.testing.stack import free_port, settings_for
from tests.clients.node import Clients
from tests.clients.talking import talking
from tests.schema.live_clients import PROGRESS, hub_of, move, run_of, settled, until_nobody_listens
from tests.schema.schema_data import ONE, seed

PROGRAMS = ("live_ws.mjs", "live_sse.mjs")
CONTACTS = "{ contacts(first: 1) { nodes { clioId } } }"


@pytest.fixture
async def live_api(database_url: str, redis_url: str, registry: Registry) -> AsyncIterator[Api]:
    """The API over a database of the test's own, in which runs can move."""
    connection = await asyncpg.connect(database_url)
    await seed(connection)
    await connection.close()
    async with open_api(settings_for(database_url, redis_url), registry) as made:
        yield made


def given(
    program: str, api: Api, query: str = PROGRESS, *, results: int = 1, token: str | None = None
) -> dict[str, Any]:
    url = api.url.replace("http:", "ws:") if program == "live_ws.mjs" else api.url
    return {"url": url, "token": api.token([ONE]) if token is None else token, "query": query, "results": results}


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_subscription_is_heard_until_the_client_leaves(program: str, live_api: Api, clients: Clients) -> None:
    run = await run_of(live_api, ONE, records_seen=2)
    async with talking(clients, program, **given(program, live_api, results=3)) as client:
        for seen in (2, 5, 7):
            if seen != 2:
                await move(live_api, run, records_seen=seen)
            assert (await client.hear())["result"]["data"]["syncProgress"]["recordsSeen"] == seen
        assert await client.hear() == {"complete": True}
        await until_nobody_listens(live_api)
        await settled(lambda: (len(hub_of(live_api)), hub_of(live_api).connections) == (0, 0))


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_query_is_one_result(program: str, live_api: Api, clients: Clients) -> None:
    async with talking(clients, program, **given(program, live_api, CONTACTS, results=2)) as client:
        assert len((await client.hear())["result"]["data"]["contacts"]["nodes"]) == 1
        assert await client.hear() == {"complete": True}


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_document_that_does_not_fit_is_told_with_its_code(
    program: str, live_api: Api, clients: Clients
) -> None:
    query = "subscription { nothing }"
    async with talking(clients, program, **given(program, live_api, query, results=2)) as client:
        said = await client.hear()
        errors = said["error"] if program == "live_ws.mjs" else said["result"]["errors"]
        assert [error["extensions"]["code"] for error in errors] == ["GRAPHQL_VALIDATION_FAILED"]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_bad_token_is_final(program: str, live_api: Api, clients: Clients) -> None:
    async with talking(clients, program, **given(program, live_api, token="nonsense")) as client:
        said = await client.hear()
        if program == "live_ws.mjs":
            assert said["closed"] == 4401
            assert (await client.hear())["error"]["code"] == 4401
        else:
            assert said["error"]["status"] == 401


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_client_comes_back_by_itself_after_a_restart(program: str, live_api: Api, clients: Clients) -> None:
    run, port = await run_of(live_api, ONE, records_seen=2), free_port()
    restarted = Api(live_api.services, f"http://127.0.0.1:{port}/graphql", live_api.http)
    async with AsyncExitStack() as stack:
        async with serving(_again(live_api), port=port):
            client = await stack.enter_async_context(talking(clients, program, **given(program, restarted, results=2)))
            assert (await client.hear())["result"]["data"]["syncProgress"]["recordsSeen"] == 2
        await move(live_api, run, records_seen=9)
        async with serving(_again(live_api), port=port):
            said = await client.hear()
            while "closed" in said:
                assert said["closed"] in {1006, 1012}
                said = await client.hear()
            assert "result" in said, said
            assert said["result"]["data"]["syncProgress"]["recordsSeen"] == 9


def _again(api: Api) -> Services:
    """The same services in what would be another process."""
    return Services(api.services.settings, api.services.registry)
