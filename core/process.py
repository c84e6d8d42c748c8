"""What every long-running command does alike: settings, servers, plugins, signals, ports."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from litestar.types import ASGIApp
from pydantic import SecretStr

from core.db.migrations import migrate
from core.embedded.servers import EmbeddedServers
from core.errors import PortOccupied
from core.heads import BoundedHeads
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.stopping import Stopping

MOST_UNSENT_BYTES = 131_072
"""How much the kernel takes of what a connection has not begun to send."""


@asynccontextmanager
async def with_servers(settings: Settings) -> AsyncIterator[Settings]:
    """Start the embedded servers that the settings ask for by naming no URL; yield settings with both URLs."""
    async with contextlib.AsyncExitStack() as stack:
        if settings.database_url is None or settings.redis_url is None:
            servers = EmbeddedServers(
                settings.data_dir, postgres=settings.database_url is None, redis=settings.redis_url is None
            )
            await stack.enter_async_context(servers)
            settings = settings.model_copy(
                update={
                    "database_url": settings.database_url or SecretStr(servers.database_url),
                    "redis_url": settings.redis_url or SecretStr(servers.redis_url),
                }
            )
        yield settings


async def migrate_all(services: Services) -> list[str]:
    """Apply the pending migrations of core and of every plugin; return them as `owner/name`. Opens the pool itself."""
    folders: list[tuple[str, Path]] = [
        (plugin.name, plugin.migrations) for plugin in services.registry.plugins if plugin.migrations
    ]
    applied = await migrate(services.database, folders)
    return [f"{step.owner}/{step.name}" for step in applied]


@asynccontextmanager
async def running_services(settings: Settings, registry: Registry) -> AsyncIterator[Services]:
    """Yield open services on a migrated database, embedded servers included where wanted."""
    async with with_servers(settings) as complete:
        services = Services(complete, registry)
        async with services.open():
            await migrate_all(services)
            yield services


def run_process(work: Coroutine[Any, Any, None]) -> None:
    """Run a long-running command's coroutine to its end, on uvloop.

    With it an answer is one write to its socket instead of two, and what PostgreSQL sends in pieces costs less to read.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def keep_what_is_loaded() -> None:
    """Take what was made so far out of the garbage collector's work: it lives as long as the process.

    Reading a page makes thousands of objects, and every collection that this sets off would look at all modules, models
    and plugins again: two thirds of the time that checking a page of contacts took.
    """
    gc.collect()
    gc.freeze()


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set; call it inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def listen(host: str, port: int, *, setting: str) -> socket.socket:
    """Bind a listening socket before anything else is started.

    Raises:
        PortOccupied: names the port and the setting that moves it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Naming the protocol matters: asyncio turns Nagle's algorithm off only on sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        # Connections inherit it: else the kernel buffers megabytes for a reader that lags, and we hear of it too late.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT_BYTES)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortOccupied(host=host, port=port, setting=setting) from error
    return listener


class QuietServer(uvicorn.Server):
    """uvicorn without its signal handlers: the command decides when it ends, and who lives long is told before."""

    def __init__(self, config: uvicorn.Config, stopping: Stopping | None = None) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell live connections that the process stops, while they can still say so; then close everything."""
        if self._stopping is not None:
            await self._stopping.announce()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def server_config(app: ASGIApp, *, graceful_s: int) -> uvicorn.Config:
    """Return how an application is served; open requests get some seconds to end.

    WebSocket frames are not compressed: every connection would need its own context and its own compression of what is
    otherwise made once for all. Live connections are kept alive by the messages of their own protocol. What a proxy
    says of the client's address is not read, for nothing asks for it.
    """
    return uvicorn.Config(
        app,
        http=BoundedHeads,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=graceful_s,
        server_header=False,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
    )


async def serve_app(
    app: ASGIApp, listener: socket.socket, stop: asyncio.Event, *, stopping: Stopping | None = None
) -> None:
    """Serve an application on a bound socket until `stop` is set; open requests get five seconds to end."""
    server = QuietServer(server_config(app, graceful_s=5), stopping)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stop.set()
    await serving
    await stopped
