"""Subscriptions over graphql-transport-ws, with a client of its own against the real server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio.client
import redis.exceptions
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from core.sync.progress import publish_progress
from core.testing.api import Api, serving
from tests.schema.schema_data import ONE, TWO

PROGRESS = "subscription { syncProgress { firm resource state progress recordsSeen } }"


@contextlib.asynccontextmanager
async def socket_to(api: Api, **options: Any) -> AsyncIterator[ClientConnection]:
    url = api.url.replace("http://", "ws://")
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], **options) as socket:
        yield socket


async def say(socket: ClientConnection, kind: str, **parts: Any) -> None:
    await socket.send(json.dumps({"type": kind, **parts}))


async def hear(socket: ClientConnection, timeout_s: float = 5) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), timeout_s))
    return message


@contextlib.asynccontextmanager
async def subscribed(
    api: Api, document: str = PROGRESS, *, firms: list[int] | None = None, ttl_s: float = 60
) -> AsyncIterator[ClientConnection]:
    token = api.token([ONE] if firms is None else firms, ttl_s=ttl_s)
    async with socket_to(api) as socket:
        await say(socket, "connection_init", payload={"authorization": f"Bearer {token}"})
        assert (await hear(socket))["type"] == "connection_ack"
        await say(socket, "subscribe", id="1", payload={"query": document})
        yield socket


async def run_of(api: Api, firm: int, **columns: Any) -> int:
    row = {"firm": firm, "resource": "user", "kind": "backfill", "state": "running", "records_total": 10, **columns}
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    text = f"INSERT INTO sync_run ({', '.join(row)}) VALUES ({places}) RETURNING id"
    return int(await api.services.database.pool.fetchval(text, *row.values()))


async def move(api: Api, run: int, **columns: Any) -> None:
    changes = ", ".join(f"{name} = ${place}" for place, name in enumerate(columns, 2))
    await api.services.database.pool.execute(f"UPDATE sync_run SET {changes} WHERE id = $1", run, *columns.values())


def shown(message: dict[str, Any]) -> dict[str, Any]:
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    run: dict[str, Any] = message["payload"]["data"]["syncProgress"]
    return run


async def test_active_runs_come_at_once_and_every_move_after_them(fresh_api: Api) -> None:
    run = await run_of(fresh_api, ONE, records_seen=2)
    async with subscribed(fresh_api) as socket:
        first = shown(await hear(socket))
        assert first == {"firm": "1", "resource": "user", "state": "running", "progress": 0.2, "recordsSeen": 2}
        await move(fresh_api, run, records_seen=5)
        await publish_progress(fresh_api.services.redis, firm=ONE, run=run)
        assert shown(await hear(socket, 1.5))["progress"] == 0.5
        await move(fresh_api, run, records_seen=10, state="succeeded")
        await publish_progress(fresh_api.services.redis, firm=ONE, run=run)
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


@pytest.mark.parametrize(
    ("authorization", "code", "reason"),
    [
        (None, 4401, "UNAUTHENTICATED: send an Authorization header"),
        ("Bearer nonsense", 4401, "UNAUTHENTICATED: the bearer token cannot be read"),
        ("expired", 4401, "TOKEN_EXPIRED: the bearer token has expired"),
        ("write", 4403, "FORBIDDEN: the token needs the scope 'read'"),
    ],
)
async def test_a_connection_without_a_good_token_is_closed_with_the_reason(
    api: Api, authorization: str | None, code: int, reason: str
) -> None:
    if authorization == "expired":
        authorization = f"Bearer {api.token([ONE], ttl_s=-5)}"
    if authorization == "write":
        authorization = f"Bearer {api.token([ONE], ('write',))}"
    async with socket_to(api) as socket:
        await say(socket, "connection_init", payload={"authorization": authorization} if authorization else {})
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
    assert closed.value.rcvd.reason.startswith(reason)


async def test_the_token_may_come_in_the_header_of_the_handshake(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token([ONE])}"}
    async with socket_to(api, additional_headers=headers) as socket:
        await say(socket, "connection_init")
        assert (await hear(socket))["type"] == "connection_ack"


async def test_subscribing_before_the_connection_is_let_in_closes_it(api: Api) -> None:
    async with socket_to(api) as socket:
        await say(socket, "subscribe", id="1", payload={"query": PROGRESS})
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_token_that_expires_ends_the_subscription(fresh_api: Api) -> None:
    async with subscribed(fresh_api, ttl_s=1) as socket:
        message = await hear(socket)
        assert message["payload"]["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"
        assert (await hear(socket))["type"] == "complete"


async def listeners(api: Api) -> int:
    ((_, count),) = await api.services.redis.pubsub_numsub("sync:progress")
    return int(count)


async def test_a_client_that_leaves_leaves_nothing_behind(fresh_api: Api) -> None:
    async with subscribed(fresh_api) as socket:
        await run_of(fresh_api, ONE)
        await hear(socket)
        assert await listeners(fresh_api) == 1
        await say(socket, "complete", id="1")
        await _until_nobody_listens(fresh_api)
    async with subscribed(fresh_api) as socket:
        await hear(socket)
        assert await listeners(fresh_api) == 1
    await _until_nobody_listens(fresh_api)


async def _until_nobody_listens(api: Api) -> None:
    async with asyncio.timeout(5):
        while await listeners(api):  # noqa: ASYNC110 - the server's side has no event to wait for
            await asyncio.sleep(0.02)


async def test_the_server_stops_with_a_subscriber_connected(fresh_api: Api) -> None:
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
        with pytest.raises(ConnectionClosed):
            await hear(socket)
    await socket.close()
