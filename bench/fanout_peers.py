"""What the hub is measured against: served like the service, and fed by one reading of the row for each update.

`limit` is a bare ASGI application that only sends, one text for all; `stock` is Strawberry on Litestar as its
documentation has it, a generator for each subscriber. Neither asks for a token. `python -m bench.fanout_peers stock`.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import strawberry
from litestar import Litestar, get, websocket
from litestar.connection import WebSocket
from litestar.types import ASGIApp
from strawberry.litestar import make_graphql_controller

from core.loading import load_plugins
from core.logging import configure_logging
from core.process import listen, serve_app, stop_on_signals
from core.services import Services
from core.settings import Settings, load_settings
from core.sync.progress import PROGRESS_CHANNEL

ROW = "SELECT id, resource, state, records_seen, pages FROM sync_run WHERE state = 'running' ORDER BY id DESC LIMIT 1"


@strawberry.type
class Run:
    """The fields that are asked for."""

    id: strawberry.ID
    resource: str
    state: str
    progress: float | None
    records_seen: int
    pages: int


class Updates:
    """The one upstream. Whoever listens has a queue."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.queues: dict[asyncio.Queue[Run], None] = {}
        self.latest = Run(id=strawberry.ID("0"), resource="", state="", progress=None, records_seen=0, pages=0)

    @asynccontextmanager
    async def running(self, _app: Litestar) -> AsyncIterator[None]:
        """Read the row at every hint."""
        async with self._services.open():
            task = asyncio.create_task(self._run())
            yield
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        async with self._services.redis.pubsub(ignore_subscribe_messages=True) as hints:
            await hints.subscribe(PROGRESS_CHANNEL)
            while True:
                if await hints.get_message(timeout=None) is None:
                    continue
                row = await self._services.database.pool.fetchrow(ROW)
                if row is not None:
                    self.latest = Run(**{**row, "id": strawberry.ID(str(row["id"])), "progress": 0.5})
                    for queue in list(self.queues):
                        queue.put_nowait(self.latest)

    async def listen(self) -> AsyncGenerator[Run, None]:
        """Yield the latest, and every one from now on."""
        queue: asyncio.Queue[Run] = asyncio.Queue()
        self.queues[queue] = None
        try:
            yield self.latest
            while True:
                yield await queue.get()
        finally:
            del self.queues[queue]


def limit(updates: Updates) -> Any:
    """Return a route that sends each update to every socket, one after another, and nothing more."""
    sockets: dict[WebSocket[Any, Any, Any], None] = {}

    async def pump() -> None:
        async for run in updates.listen():
            fields = {"id": run.id, "resource": run.resource, "state": run.state, "progress": run.progress}
            fields |= {"recordsSeen": run.records_seen, "pages": run.pages}
            text = json.dumps({"id": "1", "type": "next", "payload": {"data": {"syncProgress": fields}}})
            for socket in list(sockets):
                await socket.send({"type": "websocket.send", "text": text, "bytes": None})

    pumping: list[asyncio.Task[None]] = []

    @websocket("/graphql")
    async def serve(socket: WebSocket[Any, Any, Any]) -> None:
        pumping.extend([] if pumping else [asyncio.create_task(pump())])
        await socket.accept(subprotocols="graphql-transport-ws")
        for answer in ({"type": "connection_ack"}, {"recordsSeen": 0, "pages": 0}):
            await socket.receive()
            await socket.send_text(json.dumps(answer, separators=(",", ":")))
        sockets[socket] = None
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
        del sockets[socket]

    return serve


def stock(updates: Updates) -> Any:
    """Return Strawberry's own controller."""

    @strawberry.type
    class Query:
        pages: int = 0

    @strawberry.type
    class Subscription:
        sync_progress: AsyncGenerator[Run, None] = strawberry.subscription(resolver=updates.listen)

    return make_graphql_controller(strawberry.Schema(Query, subscription=Subscription), path="/graphql")


@get("/health/live", sync_to_thread=False)
def live() -> str:
    """Say that the process answers."""
    return "live"


async def main(peer: str, settings: Settings) -> None:
    """Serve one of them until told to stop."""
    services = Services(settings, load_plugins())
    updates = Updates(services)
    route = {"limit": limit, "stock": stock}[peer](updates)
    app: ASGIApp = Litestar([live, route], lifespan=[updates.running], openapi_config=None, logging_config=None)
    stop = stop_on_signals()
    with listen(settings.host, settings.port, setting="PORT") as listener:
        await serve_app(app, listener, stop)


if __name__ == "__main__":
    configure_logging("error")
    asyncio.run(main(sys.argv[1], load_settings()))
