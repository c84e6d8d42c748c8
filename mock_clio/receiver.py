"""An endpoint that takes webhooks and keeps them: the other side of the mock, for tests and for trying things out."""

import asyncio
import hashlib
import hmac
from collections import deque
from dataclasses import dataclass
from typing import Any

import msgspec

from mock_clio.server import Embedded
from mock_clio.wire.http import Receive, Response, Scope, Send, read_request, send_response


@dataclass(frozen=True, slots=True)
class Received:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def event(self) -> str:
        """The event of a delivery."""
        return str(self.json["meta"]["event"])

    def signed_with(self, secret: str) -> bool:
        """Whether the signature over the raw body is right."""
        expected = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, self.headers.get("x-hook-signature", ""))


class Receiver(Embedded):
    """Listens on a loopback port, shakes hands, and answers deliveries as it is told."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self._arrived = asyncio.Condition()
        self.forget()

    def forget(self) -> None:
        """Be as new."""
        self.echo = True
        """Whether handshakes are answered with their secret."""
        self.status = 200
        """Status answered to deliveries."""
        self.statuses: deque[int] = deque()
        """Statuses of the next deliveries, before `status` applies."""
        self.delay = 0.0
        """Seconds to wait before answering."""
        self.handshakes: list[Received] = []
        self.deliveries: list[Received] = []

    @property
    def events(self) -> list[str]:
        """The events of the deliveries, in order of arrival."""
        return [delivery.event for delivery in self.deliveries]

    async def wait(self, count: int, seconds: float = 5.0) -> list[Received]:
        """The deliveries, once there are at least so many.

        Raises:
            TimeoutError: there were fewer in that time.
        """
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.deliveries) >= count)
        return list(self.deliveries)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = await read_request(scope, receive, None)
        received = Received(request.path, request.headers, request.body)
        secret = request.headers.get("x-hook-secret")
        if secret is not None:
            self.handshakes.append(received)
            headers = [("X-Hook-Secret", secret)] if self.echo else []
            await send_response(send, Response(200, b"", headers))
            return
        async with self._arrived:
            self.deliveries.append(received)
            self._arrived.notify_all()
        await asyncio.sleep(self.delay)
        await send_response(send, Response(self.statuses.popleft() if self.statuses else self.status))


async def _lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
