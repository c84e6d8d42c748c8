"""Heads of requests within bounds: a connection that trickles one in, or never ends it, is closed.

uvicorn bounds the time between two requests, and nothing of the head itself. What follows the head is bounded by who
reads it. Source: RFC 9110 section 15.5.9 (408), RFC 6585 section 5 (431).
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_WITHIN_S = 10.0
"""From the opening of a connection, or the first byte after the last request, to the end of the head."""

HEAD_MAX_BYTES = 65_536
"""Of a head that comes in pieces; one that comes at once may be as large as one read of the socket."""


def _answer(status: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status


TOO_SLOW = _answer(b"408 Request Timeout")
TOO_LARGE = _answer(b"431 Request Header Fields Too Large")


class BoundedHeads(HttpToolsProtocol):
    """One HTTP connection."""

    within_s = HEAD_WITHIN_S
    _deadline: asyncio.TimerHandle | None = None
    _is_in_message = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.within_s, self._overdue)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; where nobody answers it, see that it ends, and that a head is not too much."""
        HttpToolsProtocol.data_received(self, data)
        if self.cycle is not None and not self.cycle.response_complete:
            return
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.within_s, self._overdue)
        if not self._is_in_message:
            self._head_bytes += len(data)
        if self._head_bytes > HEAD_MAX_BYTES:
            self._refuse(TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Go on with the request."""
        self._is_in_message = True
        if self._deadline is not None:
            self._stop_waiting()
        HttpToolsProtocol.on_headers_complete(self)

    def on_message_complete(self) -> None:
        """Know that what comes next is a head."""
        self._is_in_message = False
        HttpToolsProtocol.on_message_complete(self)

    def _overdue(self) -> None:
        self._deadline = None
        self._refuse(TOO_SLOW if self._head_bytes else b"")

    def _refuse(self, answer: bytes) -> None:
        self._stop_waiting()
        self.transport.write(answer)
        self.transport.close()

    def _stop_waiting(self) -> None:
        self._head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
