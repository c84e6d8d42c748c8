"""Serving the mock: on its own port until stopped, or inside a test's event loop."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import uvicorn

from mock_clio.app import create_app
from mock_clio.settings import MockSettings
from mock_clio.state import MockState
from mock_clio.wire.http import Asgi


class PortTakenError(RuntimeError):
    """Another process listens where the mock should."""


class _EmbeddedServer(uvicorn.Server):
    """A server that leaves the process's signals alone and ends as soon as it is told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield

    async def main_loop(self) -> None:
        """Keep the Date header current until told to stop, without waiting for the next tick to notice."""
        while not self.stop.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.stop.wait()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        PortTakenError: the address is in use; the message names it and the way out.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is: 40 ms a request otherwise.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise PortTakenError(f"cannot listen on {host}:{port} ({error.strerror}): choose another --port") from error
        raise
    listener.setblocking(False)
    return listener


def _config(app: Asgi) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        access_log=False,
        date_header=False,
        lifespan="on",
        log_config=None,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=5,
    )


async def serve(settings: MockSettings, listener: socket.socket | None = None) -> None:
    """Serve until SIGINT or SIGTERM, on a socket already bound or on the settings' host and port.

    Raises:
        PortTakenError: before anything is started.
    """
    if listener is None:
        listener = bind(settings.host, settings.port)
    try:
        await uvicorn.Server(_config(create_app(settings))).serve(sockets=[listener])
    finally:
        listener.close()


class Embedded:
    """Any ASGI application inside the current event loop, on a loopback port; used as an async context manager."""

    def __init__(self, app: Asgi, *, port: int = 0) -> None:
        self._app = app
        self._port = port
        self._server: _EmbeddedServer | None = None
        self._task: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None
        self.url = ""
        """Base URL once entered, as in http://127.0.0.1:41234."""

    async def __aenter__(self) -> Self:
        self._listener = bind("127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = _EmbeddedServer(_config(self._app))
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise RuntimeError("the server ended before it had started")
            await asyncio.sleep(0.002)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._task is not None:
            self._server.stop.set()
            await self._task
        if self._listener is not None:
            self._listener.close()


class MockClioServer(Embedded):
    """A mock inside the current event loop, on a free loopback port.

    async with MockClioServer(MockSettings(contacts=20)) as clio:
        await client.get(f"{clio.url}/api/v4/users/who_am_i")
    """

    def __init__(self, settings: MockSettings | None = None, *, port: int = 0) -> None:
        self._mock = create_app(settings)
        super().__init__(self._mock, port=port)

    @property
    def state(self) -> MockState:
        """The mock's whole memory, open to tests in the same process."""
        return self._mock.state

    async def restart(self, settings: MockSettings) -> None:
        """Become another mock behind the same port, which is quicker than a new server for every test."""
        await self._mock.restart(settings)
