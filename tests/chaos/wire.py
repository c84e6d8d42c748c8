"""The wire between Clio and the API: a TCP proxy whose connections can be torn where it hurts."""

import asyncio
import contextlib
from collections import Counter
from types import TracebackType
from typing import Literal, Self

Tear = Literal["request", "answer", "delay"]
"""Half of the request gets through; the request gets through and its answer does not; it takes its time."""

CHUNK_BYTES = 65_536


class Wire:
    """Forwards connections to a port of loopback, in the current event loop; used as an async context manager."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.ordered: Counter[Tear] = Counter()
        """What is to happen to the next chunks that pass."""
        self.delay_s = 0.5
        self.torn = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass chunks on both ways until one end closes."""
        api_reader, api_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        ways = [
            asyncio.create_task(self._pass_on(reader, api_writer, "request")),
            asyncio.create_task(self._pass_on(api_reader, writer, "answer")),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            api_writer.transport.abort()
            with contextlib.suppress(OSError):
                await api_writer.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Tear) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if self._take("delay"):
                await asyncio.sleep(self.delay_s)
            if self._take(way):
                self.torn += 1
                if way == "request":
                    writer.write(chunk[: len(chunk) // 2])
                    await writer.drain()
                return
            writer.write(chunk)
            await writer.drain()

    def _take(self, tear: Tear) -> bool:
        if not self.ordered[tear]:
            return False
        self.ordered[tear] -= 1
        return True
