"""The clients of the fan-out measurement: thousands of graphql-transport-ws sockets of one process, read cheaply.

`python -m bench.fanout_clients <port> <sockets>`, the bearer token and the document as lines on stdin. Prints `ready`
once every socket is subscribed, and one line of JSON with what was heard once stdin is closed.
"""

import asyncio
import base64
import json
import os
import re
import struct
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

HOST = "127.0.0.1"
CONNECTING_AT_ONCE = 50

_SENT = re.compile(rb'"recordsSeen": ?(\d+)')
_NUMBER = re.compile(rb'"pages": ?(\d+)')


@dataclass
class Heard:
    """What all sockets heard: how many times each update, after how many milliseconds, and what went wrong."""

    times: dict[int, int] = field(default_factory=dict)
    delays_ms: dict[int, int] = field(default_factory=dict)
    repeated: int = 0
    disordered: int = 0
    closed: int = 0


class Socket(asyncio.Protocol):
    """One graphql-transport-ws client: handshake, connection_init, subscribe; what follows is `take`'s."""

    def __init__(self, token: str, document: str, variables: Mapping[str, object] | None = None) -> None:
        self._token, self._asked = token, {"query": document, "variables": variables or {}}
        self._buffer = b""
        self._is_open = False
        self.transport: asyncio.Transport

    def take(self, frame: bytes) -> None:
        """Read a `next`, `error` or `complete`."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection makes
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Read the answer to the handshake, then frames."""
        self._buffer += data
        if not self._is_open:
            head, found, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            self._is_open = True
            self._say({"type": "connection_init", "payload": {"authorization": f"Bearer {self._token}"}})
        while (frame := self._next_frame()) is not None:
            if b'"connection_ack"' in frame:
                self._say({"id": str(uuid.uuid4()), "type": "subscribe", "payload": self._asked})
            elif b'"ping"' in frame:
                self._say({"type": "pong"})
            else:
                self.take(frame)

    def _next_frame(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1], 2
        if length == 126:
            if len(buffer) < 4:
                return None
            length, start = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < start + length:
            return None
        self._buffer = buffer[start + length :]
        return buffer[start : start + length]

    def _say(self, message: dict[str, object]) -> None:
        text = json.dumps(message).encode()
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
        length = bytes([0x80 | len(text)]) if len(text) < 126 else struct.pack("!BH", 0xFE, len(text))
        self.transport.write(b"\x81" + length + mask + masked)


class Listener(Socket):
    """Keeps the numbers in each frame."""

    def __init__(self, token: str, document: str, heard: Heard) -> None:
        super().__init__(token, document)
        self._heard = heard
        self._last = -1
        self.subscribed = asyncio.get_running_loop().create_future()

    def connection_lost(self, _error: Exception | None) -> None:
        """Count it."""
        self._heard.closed += 1

    def take(self, frame: bytes) -> None:
        """Count an update, unless it is the first, which says where things stand."""
        sent = _SENT.search(frame)
        if sent is None:
            return
        heard, number = self._heard, int(_NUMBER.search(frame)[1])  # type: ignore[index]  # asked for together
        if not self.subscribed.done():
            self.subscribed.set_result(None)
            self._last = number
            return
        if number == self._last:
            heard.repeated += 1
            return
        delay_ms = (time.monotonic_ns() // 1_000_000 - int(sent[1])) % 2**31
        heard.times[number] = heard.times.get(number, 0) + 1
        heard.delays_ms[delay_ms] = heard.delays_ms.get(delay_ms, 0) + 1
        heard.disordered += number < self._last
        self._last = number


async def main(port: int, sockets: int) -> None:
    """Connect, say `ready`, listen until stdin is closed, and print what was heard."""
    token, document = (sys.stdin.readline().strip() for _ in range(2))
    loop, heard = asyncio.get_running_loop(), Heard()
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def connect() -> asyncio.BaseTransport:
        async with gate:
            transport, made = await loop.create_connection(lambda: Listener(token, document, heard), HOST, port)
            await asyncio.wait_for(made.subscribed, 60)
            return transport

    transports = await asyncio.gather(*(connect() for _ in range(sockets)))
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    closed = heard.closed
    for transport in transports:
        transport.close()
    print(
        json.dumps(
            {
                "times": heard.times,
                "delays_ms": heard.delays_ms,
                "repeated": heard.repeated,
                "disordered": heard.disordered,
                "closed": closed,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
