"""A socket that reads only when it is told to: the slow reader of the tests."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from core.testing.api import Api
from tests.schema.schema_data import ONE

SMALL_BUFFER_BYTES = 4096


class SlowReader:
    """One graphql-transport-ws connection on a plain socket with a small buffer."""

    def __init__(self, plain: socket.socket) -> None:
        self._plain = plain
        self._loop = asyncio.get_running_loop()
        self._buffer = b""

    async def say(self, kind: str, **parts: Any) -> None:
        text = json.dumps({"type": kind, **parts}).encode()
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
        length = bytes([0x80 | len(text)]) if len(text) < 126 else struct.pack("!BH", 0xFE, len(text))
        await self._loop.sock_sendall(self._plain, b"\x81" + length + mask + masked)

    async def hear(self) -> dict[str, Any]:
        """Read one message."""
        head = await self._take(2)
        length = head[1]
        if length == 126:
            length = int.from_bytes(await self._take(2), "big")
        elif length == 127:
            length = int.from_bytes(await self._take(8), "big")
        body = await self._take(length)
        if head[0] == 0x88:
            return {"type": "close", "code": int.from_bytes(body[:2], "big")}
        message: dict[str, Any] = json.loads(body)
        return message

    async def _take(self, size: int) -> bytes:
        async with asyncio.timeout(5):
            while len(self._buffer) < size:
                data = await self._loop.sock_recv(self._plain, 65536)
                if not data:
                    raise ConnectionResetError
                self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    async def shake_hands(self, host: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /graphql HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Protocol: graphql-transport-ws", "", ""]
        await self._loop.sock_sendall(self._plain, "\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += await self._loop.sock_recv(self._plain, 4096)
        self._buffer = self._buffer.partition(b"\r\n\r\n")[2]


@contextlib.asynccontextmanager
async def slow_reader(api: Api, document: str) -> AsyncIterator[SlowReader]:
    """Yield a connection that has subscribed, and reads nothing by itself."""
    address = urlsplit(api.url)
    with socket.socket() as plain:
        plain.setblocking(False)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        await asyncio.get_running_loop().sock_connect(plain, (address.hostname, address.port))
        reader = SlowReader(plain)
        await reader.shake_hands(address.netloc)
        await reader.say("connection_init", payload={"authorization": f"Bearer {api.token([ONE])}"})
        assert (await reader.hear())["type"] == "connection_ack"
        await reader.say("subscribe", id="slow", payload={"query": document})
        yield reader
