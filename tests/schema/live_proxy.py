"""A server that goes away and comes back: a proxy on loopback in front of the real one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from core.process import listen


class Proxy:
    """Passes bytes both ways while it is up; cuts every connection, and takes no other, while it is down."""

    def __init__(self, url: str) -> None:
        self._behind = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """The address that leads through here."""
        login = self._behind.netloc.rpartition("@")[0]
        return self._behind._replace(netloc=f"{login}@127.0.0.1:{self._port}").geturl()

    async def up(self) -> None:
        """Take connections, at the same port as before."""
        listener = listen("127.0.0.1", self._port, setting="PORT")
        self._port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._pass, sock=listener)

    async def down(self) -> None:
        """Go away."""
        if self._server is None:
            return
        self._server.close()
        await self._server.wait_closed()
        self._server = None
        passing = list(self._passing)
        for task in passing:
            task.cancel()
        if passing:
            await asyncio.wait(passing)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        back, there = await asyncio.open_connection(self._behind.hostname, self._behind.port)
        try:
            ways = [asyncio.create_task(_copy(reader, there)), asyncio.create_task(_copy(back, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.wait(ways)
        except asyncio.CancelledError:
            pass  # asyncio's streams log a handler that was cancelled
        finally:
            self._passing.discard(task)
            for each in (there, writer):
                each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(url)
    await proxy.up()
    try:
        yield proxy
    finally:
        await proxy.down()
