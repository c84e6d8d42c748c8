"""Subscriptions over graphql-transport-ws, with a client of its own against the real server."""

import asyncio
from typing import Any

import pytest
import redis.asyncio.client
import redis.exceptions
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from core.sync.progress import publish_progress
from core.testing.api import Api, serving
from tests.schema.live_clients import (
    PROGRESS,
    close_of,
    hear,
    hub_of,
    listeners,
    move,
    run_of,
    say,
    settled,
    shown,
    subscribed,
    until_nobody_listens,
)
from tests.schema.schema_data import ONE, TWO


async def test_active_runs_come_at_once_and_every_move_after_them(fresh_api: Api) -> None:
    run = await run_of(fresh_api, ONE, records_seen=2)
    async with subscribed(fresh_api) as socket:
        first = shown(await hear(socket))
        assert first == {"firm": "1", "resource": "user", "state": "running", "progress": 0.2, "recordsSeen": 2}
        await move(fresh_api, run, records_seen=5)
        assert shown(await hear(socket, 1.5))["progress"] == 0.5
        await move(fresh_api, run, records_seen=10, state="succeeded")
        assert shown(await hear(socket, 1.5))["state"] == "succeeded"


async def test_a_hint_that_is_lost_is_made_up_for(fresh_api: Api) -> None:
    async with subscribed(fresh_api) as socket:
        await asyncio.sleep(0.2)
        await run_of(fresh_api, ONE, resource="matter", state="failed")
        assert shown(await hear(socket))["state"] == "failed"


async def test_runs_are_told_of_while_redis_is_away(fresh_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any) -> None:
        raise redis.exceptions.ConnectionError

    monkeypatch.setattr(redis.asyncio.client.PubSub, "subscribe", refuse)
    run = await run_of(fresh_api, ONE, records_seen=1)
    async with subscribed(fresh_api) as socket:
        assert shown(await hear(socket))["recordsSeen"] == 1
        await move(fresh_api, run, records_seen=2)
        assert shown(await hear(socket))["recordsSeen"] == 2


async def test_a_heartbeat_alone_is_no_progress(fresh_api: Api) -> None:
    run = await run_of(fresh_api, ONE)
    async with subscribed(fresh_api) as socket:
        await hear(socket)
        await fresh_api.services.database.pool.execute("UPDATE sync_run SET heartbeat_at = now() WHERE id = $1", run)
        await publish_progress(fresh_api.services.redis, firm=ONE, run=run)
        with pytest.raises(TimeoutError):
            await hear(socket, 0.5)


async def test_a_subscriber_sees_its_own_firm_alone(fresh_api: Api) -> None:
    own = await run_of(fresh_api, ONE)
    await run_of(fresh_api, TWO)
    async with subscribed(fresh_api) as socket, subscribed(fresh_api, firms=[ONE, TWO]) as both:
        assert shown(await hear(socket))["firm"] == "1"
        assert {shown(await hear(both))["firm"] for _ in range(2)} == {"1", "2"}
        await run_of(fresh_api, TWO, resource="matter")
        await publish_progress(fresh_api.services.redis, firm=TWO, run=own)
        assert shown(await hear(both, 1.5))["resource"] == "matter"
        with pytest.raises(TimeoutError):
            await hear(socket, 0.3)


async def test_another_firm_is_forbidden(fresh_api: Api) -> None:
    async with subscribed(fresh_api, "subscription { syncProgress(firm: 2) { id } }") as socket:
        message = await hear(socket)
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


async def test_queries_run_over_the_socket_each_with_readers_of_its_own(fresh_api: Api) -> None:
    async with subscribed(fresh_api, "{ contacts(first: 1) { nodes { clioId } } }") as socket:
        await say(socket, "subscribe", id="2", payload={"query": "{ contacts(first: 2) { nodes { clioId } } }"})
        answers = [await hear(socket) for _ in range(4)]
    sizes = {
        each["id"]: len(each["payload"]["data"]["contacts"]["nodes"]) for each in answers if each["type"] == "next"
    }
    assert sizes == {"1": 1, "2": 2}


async def test_a_document_that_cannot_be_validated_has_a_code(fresh_api: Api) -> None:
    async with subscribed(fresh_api, "subscription { nothing }") as socket:
        message = await hear(socket)
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


async def test_a_token_that_expires_ends_the_subscription(fresh_api: Api) -> None:
    async with subscribed(fresh_api, ttl_s=2) as socket:
        message = await hear(socket)
        assert message["payload"]["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"
        assert (await hear(socket))["type"] == "complete"


async def test_a_client_that_leaves_leaves_nothing_behind(fresh_api: Api) -> None:
    hub, tasks = hub_of(fresh_api), asyncio.all_tasks()
    async with subscribed(fresh_api) as socket:
        await run_of(fresh_api, ONE)
        await hear(socket)
        assert await listeners(fresh_api) == 1
        await say(socket, "complete", id="1")
        await until_nobody_listens(fresh_api)
        assert (len(hub), hub.feeds, hub.connections) == (0, {}, 1)
    async with subscribed(fresh_api) as socket:
        await hear(socket)
        assert (await listeners(fresh_api), len(hub)) == (1, 1)
    await until_nobody_listens(fresh_api)
    await settled(lambda: (len(hub), hub.feeds, hub.connections) == (0, {}, 0))
    await settled(lambda: not _named(asyncio.all_tasks() - tasks))


def _named(tasks: set[asyncio.Task[object]]) -> list[str]:
    """The coroutines of the service's own that run."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in tasks]
    return [name for name in names if name.startswith(("Feed.", "Group.", "listen", "_Connection.", "WebSockets"))]


async def test_many_subscribers_share_one_listener_one_statement_and_one_execution(fresh_api: Api) -> None:
    run = await run_of(fresh_api, ONE)
    async with subscribed(fresh_api) as one, subscribed(fresh_api) as two, subscribed(fresh_api) as three:
        for socket in (one, two, three):
            await hear(socket)
        assert await listeners(fresh_api) == 1
        assert hub_of(fresh_api).feeds["syncProgress"].groups == 1
        with fresh_api.count_sql() as statements:
            await move(fresh_api, run, records_seen=7)
            for socket in (one, two, three):
                assert shown(await hear(socket))["recordsSeen"] == 7
        assert len([text for text in statements if text.startswith("SELECT")]) == 1


async def test_the_variables_of_the_root_field_part_nobody_who_sees_the_same(fresh_api: Api) -> None:
    document = (
        "subscription ($firm: ID, $with: Boolean = true)"
        " { syncProgress(firm: $firm) { firm state @include(if: $with) } }"
    )
    await run_of(fresh_api, ONE)
    for variables, groups in (([{}, {"firm": None}], 1), ([{}, {"with": False}], 2), ([{"firm": "1"}, {}], 2)):
        async with (
            subscribed(fresh_api, document, variables=variables[0], firms=[ONE, TWO]) as one,
            subscribed(fresh_api, document, variables=variables[1], firms=[ONE, TWO]) as two,
        ):
            assert shown(await hear(one))["firm"] == shown(await hear(two))["firm"] == "1"
            assert hub_of(fresh_api).feeds["syncProgress"].groups == groups


async def test_the_server_stops_with_subscribers_connected_and_tells_them_to_come_back(fresh_api: Api) -> None:
    services = type(fresh_api.services)(fresh_api.services.settings, fresh_api.services.registry)
    async with asyncio.timeout(6):
        async with serving(services) as url:
            other = Api(services, f"{url}/graphql", fresh_api.http)
            socket = await connect(
                other.url.replace("http://", "ws://"), subprotocols=[Subprotocol("graphql-transport-ws")]
            )
            await say(socket, "connection_init", payload={"authorization": f"Bearer {other.token([ONE])}"})
            await hear(socket)
            await say(socket, "subscribe", id="1", payload={"query": PROGRESS})
            await run_of(fresh_api, ONE)
            shown(await hear(socket))
        code, reason = await close_of(socket)
    assert code == 1012
    assert reason.startswith("service restart: retry in ")
    await socket.close()
