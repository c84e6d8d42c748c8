"""Clients for the tests of live updates: graphql-transport-ws by hand, server-sent events, and runs that move."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from core.sync.progress import publish_progress
from core.testing.api import Api
from schema.live.hub import Hub
from tests.schema.schema_data import ONE

PROGRESS = "subscription { syncProgress { firm resource state progress recordsSeen } }"
PROTOCOL = "graphql-transport-ws"


@contextlib.asynccontextmanager
async def socket_to(api: Api, **options: Any) -> AsyncIterator[ClientConnection]:
    url = api.url.replace("http://", "ws://")
    # Without a bound on its own queue the client reads on, and so hears of the close at once.
    async with connect(url, **{"subprotocols": [Subprotocol(PROTOCOL)], "max_queue": None, **options}) as socket:
        yield socket


async def say(socket: ClientConnection, kind: str, **parts: Any) -> None:
    await socket.send(json.dumps({"type": kind, **parts}))


async def hear(socket: ClientConnection, timeout_s: float = 5) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), timeout_s))
    return message


async def close_of(socket: ClientConnection) -> tuple[int, str]:
    """Read until the server closes; return the code and the reason."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await hear(socket)
    assert socket.close_code is not None
    assert socket.close_reason is not None
    return socket.close_code, socket.close_reason


@contextlib.asynccontextmanager
async def let_in(
    api: Api, *, firms: Sequence[int] | None = (ONE,), ttl_s: float = 60, **options: Any
) -> AsyncIterator[ClientConnection]:
    token = api.token(firms, ttl_s=ttl_s)
    async with socket_to(api, **options) as socket:
        await say(socket, "connection_init", payload={"authorization": f"Bearer {token}"})
        assert (await hear(socket))["type"] == "connection_ack"
        yield socket


@contextlib.asynccontextmanager
async def subscribed(
    api: Api,
    document: str = PROGRESS,
    *,
    variables: dict[str, Any] | None = None,
    firms: Sequence[int] | None = (ONE,),
    ttl_s: float = 60,
    **options: Any,
) -> AsyncIterator[ClientConnection]:
    async with let_in(api, firms=firms, ttl_s=ttl_s, **options) as socket:
        await say(socket, "subscribe", id="1", payload={"query": document, "variables": variables})
        yield socket


async def run_of(api: Api, firm: int, **columns: Any) -> int:
    row = {"firm": firm, "resource": "user", "kind": "backfill", "state": "running", "records_total": 10, **columns}
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    text = f"INSERT INTO sync_run ({', '.join(row)}) VALUES ({places}) RETURNING id"
    return int(await api.services.database.pool.fetchval(text, *row.values()))


async def move(api: Api, run: int, **columns: Any) -> None:
    """Move a run on, and hint at it."""
    changes = ", ".join(f"{name} = ${place}" for place, name in enumerate(columns, 2))
    await api.services.database.pool.execute(f"UPDATE sync_run SET {changes} WHERE id = $1", run, *columns.values())
    await publish_progress(api.services.redis, firm=ONE, run=run)


def shown(message: dict[str, Any]) -> dict[str, Any]:
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    run: dict[str, Any] = message["payload"]["data"]["syncProgress"]
    return run


@contextlib.asynccontextmanager
async def event_stream(
    api: Api, document: str = PROGRESS, *, firms: Sequence[int] = (ONE,), ttl_s: float = 60, method: str = "POST"
) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
    """Open a stream; yield its events as they come, each its name and its data, comments and fields by their text."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {api.token(firms, ttl_s=ttl_s)}"}
    asked: dict[str, Any] = {"json" if method == "POST" else "params": {"query": document}}
    async with api.http.stream(method, api.url, headers=headers, **asked) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield _events(answer.aiter_lines())


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Any]]:
    name, data = "", None
    async for line in lines:
        match line.partition(":"):
            case ("event", _, value):
                name = value.strip()
            case ("data", _, value):
                data = json.loads(value) if value.strip() else ""
            case ("", ":", _) | ("retry", _, _):
                yield line, None
            case ("", "", "") if name:
                yield name, data
                name, data = "", None


def hub_of(api: Api) -> Hub:
    """The hub of the application behind a client."""
    [hub] = (each.__self__ for each in api.services.stopping._callbacks if isinstance(each.__self__, Hub))  # type: ignore[attr-defined]
    return hub


async def settled(condition: Any, within_s: float = 5) -> None:
    """Wait until a condition of the server's side holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the server's side has no event to wait for
            await asyncio.sleep(0.01)


async def listeners(api: Api) -> int:
    ((_, count),) = await api.services.redis.pubsub_numsub("sync:progress")
    return int(count)


async def until_nobody_listens(api: Api) -> None:
    async with asyncio.timeout(5):
        while await listeners(api):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
