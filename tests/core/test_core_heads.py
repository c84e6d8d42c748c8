"""Heads of requests that trickle in, never end, or are too large; over plain sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.heads import HEAD_MAX_BYTES, BoundedHeads
from core.process import listen, serve_app

WITHIN_S = 1.0
REQUEST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body; at /late after longer than a head may take, at /early before the body is read."""
    while scope["type"] == "lifespan":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.sleep(2 * WITHIN_S)
        await send({"type": "websocket.send", "text": "still here"})
        return
    body = b"" if scope["path"] == "/early" else (await receive())["body"]
    if scope["path"] == "/late":
        await asyncio.sleep(2 * WITHIN_S)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(BoundedHeads, "within_s", WITHIN_S)
    listener, stop = listen("127.0.0.1", 0, setting="PORT"), asyncio.Event()
    found: int = listener.getsockname()[1]
    serving = asyncio.create_task(serve_app(echo, listener, stop))
    yield found
    stop.set()
    await serving


class Connection:
    """One connection, on which bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answered(self, *parts: bytes, pause_s: float = WITHIN_S / 5) -> bytes:
        """Send the parts with pauses between; return what comes until the server closes."""
        telling = asyncio.create_task(self._told())
        for part in parts:
            if telling.done():
                break
            await self.send(part)
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(telling, 10)

    async def _told(self) -> bytes:
        told = b""
        with contextlib.suppress(ConnectionError):  # it is closed while something is still sent
            while part := await self._reader.read(1000):
                told += part
        return told

    async def answer(self) -> bytes:
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 4" in head
        return head + await self._reader.readexactly(4)


@pytest.fixture
async def connection(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Connection(reader, writer)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_connection_that_says_nothing_is_closed(connection: Connection) -> None:
    assert await connection.answered() == b""


async def test_a_head_that_trickles_in_is_cut_off(connection: Connection) -> None:
    told = await connection.answered(*(bytes([each]) for each in REQUEST))
    assert told.startswith(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n")


async def test_so_is_the_second_head_of_a_connection(connection: Connection) -> None:
    for _ in range(2):
        await connection.send(REQUEST + b"body")
        assert (await connection.answer()).startswith(b"HTTP/1.1 200 ")
    assert (await connection.answered(*(bytes([each]) for each in REQUEST))).startswith(b"HTTP/1.1 408 ")


async def test_empty_lines_keep_no_connection_open(connection: Connection) -> None:
    assert (await connection.answered(*[b"\r\n"] * 20)).startswith(b"HTTP/1.1 408 ")


async def test_a_head_that_never_ends_is_cut_off(connection: Connection) -> None:
    lines = b"x: " + b"y" * 9_000 + b"\r\n"
    told = await connection.answered(REQUEST[:-2], *[lines] * (HEAD_MAX_BYTES // 9_000 + 1), pause_s=0.005)
    assert told.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n")


async def test_a_head_in_pieces_is_a_request(connection: Connection) -> None:
    await connection.send(REQUEST[:20])
    await asyncio.sleep(0.02)
    await connection.send(REQUEST[20:] + b"body")
    assert (await connection.answer()).endswith(b"body")


async def test_what_follows_the_head_has_its_own_limits(connection: Connection) -> None:
    """A body that takes its time, and an answer that does."""
    await connection.send(REQUEST.replace(b"POST / ", b"POST /late "))
    await asyncio.sleep(2 * WITHIN_S)
    await connection.send(b"body")
    assert (await connection.answer()).endswith(b"body")


async def test_a_body_nobody_reads_keeps_no_connection_open(connection: Connection) -> None:
    head = REQUEST.replace(b"POST / ", b"POST /early ").replace(b"Length: 4", b"Length: 400000")
    told = await connection.answered(head, *[b"x" * 10_000] * 20)
    assert told.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 4" not in told


async def test_a_websocket_lives_on(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    await reader.readuntil(b"\r\n\r\n")
    assert (await reader.readexactly(12))[2:] == b"still here"
    writer.close()
    await writer.wait_closed()
