"""Server-sent events: one operation of any kind as a stream. Source: GraphQL over SSE, distinct connections mode.

A document that is not executed is told of inside the stream, as the protocol wants: a browser's EventSource shows the
page nothing of any other answer. A missing scope or firm is refused before the stream begins, like a missing token.
"""

import asyncio
from http import HTTPStatus

from litestar.types import Receive, Send
from strawberry.types.graphql import OperationType

from core.auth.principal import Principal
from core.errors import Forbidden
from schema.execution import ANSWERED_ONCE, Answer, GraphQLRequest, Operations, encode
from schema.live.expiry import Expiry
from schema.live.hub import GOODBYE_S, Hub, retry_s
from schema.live.outbox import Outbox
from schema.live.selection import Refused
from schema.live.subscribers import Envelope, Subscriber

ENVELOPE = Envelope(before="event: next\ndata: ", after="\n\n", complete="event: complete\ndata:\n\n")
"""`complete` has a line of data, though empty: without one EventSource tells the page nothing."""

ALIVE_S = 15.0
"""How often a comment goes out, so that neither proxies nor clients give the connection up."""

ALIVE = ":\n\n"

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStreams:
    """Answers every request of one application that wants `text/event-stream`."""

    def __init__(self, operations: Operations, hub: Hub) -> None:
        self._operations = operations
        self._hub = hub

    async def stream(
        self,
        request: GraphQLRequest,
        principal: Principal,
        receive: Receive,
        send: Send,
        *,
        allowed: frozenset[OperationType] = ANSWERED_ONCE,
    ) -> Answer | None:
        """Stream an operation until it ends or the client leaves; the body of the request has been read already.

        `allowed` is what a request of this method may execute beside subscriptions. Returns an answer where nothing was
        sent because the operation is forbidden; whoever calls sends that.
        """
        stream = _Stream(self._operations, self._hub, receive, send)
        refused = await stream.begin(request, principal, allowed)
        if refused is None:
            await stream.serve()
        return refused


class _Stream:
    """One stream. The task that serves it writes; another waits for the client to leave."""

    def __init__(self, operations: Operations, hub: Hub, receive: Receive, send: Send) -> None:
        self._operations = operations
        self._hub = hub
        self._receive = receive
        self._send = send
        self._outbox = Outbox(self._send_text)
        self._subscriber: Subscriber | None = None
        self._expiry: Expiry | None = None
        self._deadline: asyncio.Timeout | None = None
        self._alarm: asyncio.TimerHandle
        self._sent_then = -1
        self._is_restarting = False

    async def begin(
        self, request: GraphQLRequest, principal: Principal, allowed: frozenset[OperationType]
    ) -> Answer | None:
        """Execute, or subscribe; return the answer of what is forbidden."""
        try:
            if self._hub.is_subscription(request):
                subscriber = Subscriber(self._outbox, ENVELOPE, self._end)
                await self._hub.subscribe(request, principal, subscriber)
                self._subscriber = subscriber
                self._expiry = Expiry(principal, subscriber.end)
                return None
            answer = await self._operations.answer(request, principal, allowed=allowed)
        except Refused as refused:
            body = encode({"errors": refused.errors})
            codes = {error.get("extensions", {}).get("code") for error in refused.errors}
            answer = Answer(body, HTTPStatus.FORBIDDEN if Forbidden.code in codes else HTTPStatus.BAD_REQUEST)
        if answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}:
            return answer
        self._outbox.put(ENVELOPE.before + answer.body.decode() + ENVELOPE.after, granted=True)
        self._outbox.put(ENVELOPE.complete, granted=True)
        self._outbox.close(at_once=False)
        return None

    async def serve(self) -> None:
        """Send what there is until the operation ends, the client leaves or the process stops."""
        leaving = asyncio.create_task(self._wait_for_leave())
        self._alarm = asyncio.get_running_loop().call_later(ALIVE_S, self._show_life)
        try:
            with self._hub.connected(self._restart):
                if self._hub.is_stopping:
                    self._restart()
                async with asyncio.timeout(None) as self._deadline:
                    await self._send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": HEADERS})
                    await self._outbox.drain()
                    if self._is_restarting:
                        await self._send_text(f"retry: {retry_s() * 1000}\n\n")
                    await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):
            pass  # the reader is gone, or never reads
        finally:
            self._alarm.cancel()
            self._end()
            leaving.cancel()
            await asyncio.wait([leaving])

    async def _send_text(self, text: str) -> None:
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _wait_for_leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._outbox.close(at_once=True)

    def _end(self, _subscriber: Subscriber | None = None) -> None:
        """Forget the operation; what waits is still sent."""
        if self._expiry is not None:
            self._expiry.cancel()
        if self._subscriber is not None:
            self._subscriber.gone = True
            self._hub.leave(self._subscriber)
        self._outbox.close(at_once=False)

    def _restart(self) -> None:
        """End the stream because the process stops; without `complete`, so that clients know to come back."""
        self._is_restarting = True
        self._outbox.close(at_once=True)
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time() + GOODBYE_S)

    def _show_life(self) -> None:
        """Send a comment where nothing else is sent; give up a client that has read nothing since the last time."""
        now = asyncio.get_running_loop().time()
        if len(self._outbox) and self._outbox.sent == self._sent_then:
            if self._deadline is not None and not self._deadline.expired():
                self._deadline.reschedule(now)
            return
        self._sent_then = self._outbox.sent
        if not len(self._outbox):
            self._outbox.put(ALIVE, granted=True)
        self._alarm = asyncio.get_running_loop().call_later(ALIVE_S, self._show_life)
