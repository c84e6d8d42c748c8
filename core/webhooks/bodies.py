"""Reading the bodies of requests within bounds: of size, of time, and of memory for all of them together."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from litestar.types import Receive, ReceiveMessage

READ_WITHIN_S = 10.0
"""From the head of a request to the end of its body, however small the pieces it comes in."""

REQUESTS_MAX = 2_000
BYTES_MAX = 67_108_864
"""Of requests in hand, from the first piece of a body to the answer. More are told to come again."""


class SenderGone(Exception):
    """The connection closed before the body was complete."""


class BodyTooLarge(Exception):
    """The body is over the limit, announced or read."""


class BodyTooSlow(Exception):
    """The body was not there in time."""


class TooManyBodies(Exception):
    """As many requests, or bytes, are in hand as may be."""


class Bodies:
    """The bodies that one process holds."""

    def __init__(
        self, *, requests_max: int = REQUESTS_MAX, bytes_max: int = BYTES_MAX, within_s: float = READ_WITHIN_S
    ) -> None:
        self._requests_max, self._bytes_max, self._within_s = requests_max, bytes_max, within_s
        self.requests = 0
        self.bytes = 0

    @contextmanager
    def one(self) -> Iterator["Body"]:
        """Hold a body for as long as the block takes.

        Raises:
            TooManyBodies: there is no room for a request more.
        """
        if self.requests >= self._requests_max:
            raise TooManyBodies
        body = Body(self)
        self.requests += 1
        try:
            yield body
        finally:
            self.requests -= 1
            self.bytes -= body.size

    def take(self, size: int) -> None:
        """Make room for so many bytes.

        Raises:
            TooManyBodies: there is none.
        """
        if self.bytes + size > self._bytes_max:
            raise TooManyBodies
        self.bytes += size

    @property
    def within_s(self) -> float:
        """How long a body may take."""
        return self._within_s


class Body:
    """One body. `size` is what is held of it, in bytes."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.size = 0

    async def read(self, headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes:
        """Return it whole.

        Raises:
            BodyTooLarge, BodyTooSlow, TooManyBodies, SenderGone: as they say.
        """
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > limit:
            raise BodyTooLarge
        try:
            async with asyncio.timeout(self._bodies.within_s):
                part, more = _content(await receive())
                self._take(part, limit)
                if not more:
                    return part
                parts = [part]
                while more:
                    part, more = _content(await receive())
                    self._take(part, limit)
                    parts.append(part)
        except TimeoutError:
            raise BodyTooSlow from None
        return b"".join(parts)

    def _take(self, part: bytes, limit: int) -> None:
        if self.size + len(part) > limit:
            raise BodyTooLarge
        self._bodies.take(len(part))
        self.size += len(part)


def _content(message: ReceiveMessage) -> tuple[bytes, bool]:
    if message["type"] != "http.request":
        raise SenderGone
    return message.get("body", b""), message.get("more_body", False)
