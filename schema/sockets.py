"""graphql-transport-ws: one connection, from its handshake to its close. Source: GraphQL over WebSocket Protocol.

A bare ASGI application: what is sent costs a frame and nothing else, and waits where the reader does not keep up.
"""

import asyncio
import datetime
import json
from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Any

from graphql import GraphQLError
from litestar.types import Receive, Scope, Send

from core.auth.principal import Principal
from core.auth.tokens import read_authorization
from core.errors import BadInput, Forbidden, TokenExpired, Unauthenticated
from core.logging import get_logger, log_ids
from schema.execution import GraphQLRequest, Operations
from schema.live.expiry import Expiry
from schema.live.hub import Hub, retry_s
from schema.live.outbox import Outbox
from schema.live.selection import Refused
from schema.live.subscribers import Envelope, Subscriber
from schema.origins import Origins
from schema.request_ids import request_id_of
from schema.socket_messages import Complete, ConnectionInit, Message, Ping, Pong, Subscribe, message, read_message

log = get_logger(__name__)

PROTOCOL = "graphql-transport-ws"

INVALID = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
NOT_ACCEPTABLE = 4406
TIMED_OUT = 4408
EXISTS = 4409
TOO_MANY_INITS = 4429
RESTART = 1012
TOO_LARGE = 1009
FOREIGN_ORIGIN = 1008
BROKEN = 1011

MOST_REASON_BYTES = 120
"""A close frame holds 123 bytes of reason."""

MOST_OPERATIONS = 50
"""How many operations one connection may have under way."""

MOST_MESSAGE_CHARS = 1_000_000

INIT_S = 10.0
"""How long a client may take to say `connection_init`."""

PING_S = 40.0
"""How long nothing may go either way before a client is asked whether it is there."""

BUSY_PING_S = 240.0
"""How long a client may be silent that is being sent something: proxies see that, and asking thousands has a cost."""

PONG_S = 20.0
"""How long it may take to answer."""

CLOSE_S = 2.0
"""How long a close frame may wait for a reader that does not read."""


class GraphQLSockets:
    """Serves every connection of one application."""

    def __init__(self, operations: Operations, hub: Hub) -> None:
        self.operations = operations
        self.hub = hub
        self._origins = Origins(operations.services.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until either side closes it; its id is in every line logged meanwhile."""
        await receive()
        headers = dict(scope["headers"])
        with log_ids(request_id=request_id_of(headers.get(b"x-request-id", b"").decode("latin-1"))):
            if not self._origins.admits(headers):
                log.warning("socket_of_foreign_origin")
                await send({"type": "websocket.close", "code": FOREIGN_ORIGIN, "reason": ""})
                return
            offered: Sequence[str] = scope.get("subprotocols", ())  # type: ignore[assignment]  # the key of a WebSocket
            spoken = PROTOCOL if PROTOCOL in offered else None
            await send({"type": "websocket.accept", "subprotocol": spoken, "headers": []})
            connection = _Connection(self, headers.get(b"authorization", b"").decode("latin-1"), receive, send)
            if spoken is None:
                connection.close(NOT_ACCEPTABLE, f"this server speaks {PROTOCOL}")
            await connection.serve()


class _Connection:
    """One client. The task that serves it writes; another reads."""

    def __init__(self, sockets: GraphQLSockets, authorization: str, receive: Receive, send: Send) -> None:
        self._sockets = sockets
        self._hub = sockets.hub
        self._authorization = authorization
        self._receive = receive
        self._send = send
        self._send_frame: Callable[[Any], Coroutine[Any, Any, None]] = send  # type: ignore[assignment]  # it is a coroutine
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._send_text)
        self._deadline: asyncio.Timeout | None = None
        self._principal: Principal | None = None
        self._initialised = False
        self._closing: tuple[int, str] | None = None
        self._operations: dict[str, Subscriber | asyncio.Task[None]] = {}
        self._heard_at = self._loop.time()
        self._sent_then = 0
        self._alarm = self._loop.call_later(INIT_S, self._time_out_init)
        self._expiry: Expiry | None = None

    async def serve(self) -> None:
        """Serve until either side closes."""
        reading = asyncio.create_task(self._read())
        try:
            with self._hub.connected(self.restart):
                if self._hub.is_stopping:
                    self.restart()
                async with asyncio.timeout(None if self._closing is None else CLOSE_S) as self._deadline:
                    await self._outbox.drain()
                    if self._closing is not None:
                        code, reason = self._closing
                        await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except (TimeoutError, OSError):
            pass  # the reader is gone, or will never read the close frame
        finally:
            await self._clear(reading)

    def close(self, code: int, reason: str) -> None:
        """Close with a code and a reason, whatever still waits to be sent."""
        if self._outbox.is_closed:
            return
        self._closing = (code, reason.encode()[:MOST_REASON_BYTES].decode(errors="ignore"))
        self._outbox.close(at_once=True)
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(self._loop.time() + CLOSE_S)

    def restart(self) -> None:
        """Close because the process stops; subscriptions are not completed, so that clients know to come back."""
        self.close(RESTART, f"service restart: retry in {retry_s()} s")

    def _send_text(self, text: str) -> Coroutine[Any, Any, None]:
        # Not awaited here: each step on the way costs each message.
        return self._send_frame({"type": "websocket.send", "text": text, "bytes": None})

    async def _clear(self, reading: asyncio.Task[None]) -> None:
        """Leave no timer, task or subscriber behind."""
        self._outbox.close(at_once=True)
        self._alarm.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
        tasks = [reading]
        for operation in list(self._operations.values()):
            if isinstance(operation, Subscriber):
                operation.gone = True
                self._hub.leave(operation)
            else:
                tasks.append(operation)
        self._operations.clear()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _read(self) -> None:
        try:
            while not self._outbox.is_closed:
                received = await self._receive()
                if received["type"] != "websocket.receive":
                    self._outbox.close(at_once=True)
                    return
                self._heard_at = self._loop.time()
                text = received.get("text")
                if not isinstance(text, str):
                    self.close(INVALID, "invalid message: text is expected")
                elif len(text) > MOST_MESSAGE_CHARS:
                    self.close(TOO_LARGE, f"a message holds at most {MOST_MESSAGE_CHARS} characters")
                else:
                    self._take(read_message(text))
                await self._outbox.room()
        except BadInput as error:
            self.close(INVALID, str(error))
        except Exception as error:
            log.exception("socket_broke", error=type(error).__name__)
            self.close(BROKEN, "an unexpected error was logged")

    def _take(self, taken: Message) -> None:
        match taken:
            case ConnectionInit():
                self._let_in(taken)
            case Ping():
                pong = {} if taken.payload is None else {"payload": taken.payload}
                self._outbox.put(message("pong", **pong), granted=True)
            case Pong():
                pass  # that something was heard is noted already
            case Subscribe():
                self._begin(taken)
            case Complete():
                self._end(taken.id)

    def _let_in(self, taken: ConnectionInit) -> None:
        if self._initialised:
            self.close(TOO_MANY_INITS, "too many initialisation requests")
            return
        self._initialised = True
        given = {name.lower(): value for name, value in (taken.payload or {}).items()}.get("authorization")
        try:
            principal = read_authorization(
                self._sockets.operations.services.settings, given if isinstance(given, str) else self._authorization
            )
            principal.require_scope("read")
        except Unauthenticated as error:
            self.close(UNAUTHORIZED, f"{error.code}: {error}")
        except Forbidden as error:
            self.close(FORBIDDEN, f"{error.code}: {error}")
        else:
            self._principal = principal
            self._alarm.cancel()
            self._alarm = self._loop.call_later(PING_S, self._ask_for_life)
            self._expiry = Expiry(principal, self._expire)
            self._outbox.put(message("connection_ack"), granted=True)

    def _begin(self, taken: Subscribe) -> None:
        if self._principal is None:
            self.close(UNAUTHORIZED, "unauthorized: say connection_init first, and wait for connection_ack")
        elif taken.id in self._operations:
            self.close(EXISTS, f"subscriber for {taken.id} already exists")
        elif len(self._operations) >= MOST_OPERATIONS:
            self._refuse(taken.id, BadInput(f"a connection has at most {MOST_OPERATIONS} operations under way"))
        elif self._principal.has_expired(datetime.datetime.now(datetime.UTC)):
            self._refuse(taken.id, TokenExpired("the bearer token has expired: connect again with another"))
        else:
            self._operations[taken.id] = asyncio.create_task(self._execute(taken, self._principal))

    def _end(self, operation_id: str) -> None:
        operation = self._operations.pop(operation_id, None)
        if isinstance(operation, Subscriber):
            operation.leave()
            self._hub.leave(operation)
        elif operation is not None:
            operation.cancel()

    async def _execute(self, taken: Subscribe, principal: Principal) -> None:
        """Run an operation: a subscription until it is let in, anything else to its end."""
        asked = taken.payload
        request = GraphQLRequest(
            query=asked.query,
            variables=asked.variables,
            operation_name=asked.operation_name,
            extensions=asked.extensions,
        )
        envelope = _envelope(taken.id)
        try:
            if self._hub.is_subscription(request):
                subscriber = Subscriber(self._outbox, envelope, lambda ended: self._forget(taken.id, ended))
                await self._hub.subscribe(request, principal, subscriber)
                self._operations[taken.id] = subscriber
                return
            answer = await self._sockets.operations.answer(request, principal)
            del self._operations[taken.id]
            if answer.status == HTTPStatus.OK:
                self._outbox.put(envelope.before + answer.body.decode() + envelope.after, granted=True)
                self._outbox.put(envelope.complete, granted=True)
            else:
                self._outbox.put(message("error", id=taken.id, payload=json.loads(answer.body)["errors"]), granted=True)
        except Refused as refused:
            del self._operations[taken.id]
            self._outbox.put(message("error", id=taken.id, payload=refused.errors), granted=True)
        except Exception as error:  # noqa: BLE001 - the client must hear of the end, and the log of the cause
            del self._operations[taken.id]
            self._refuse(taken.id, error)

    def _refuse(self, operation_id: str, error: Exception) -> None:
        refused = Refused([GraphQLError(str(error), original_error=error)])
        self._outbox.put(message("error", id=operation_id, payload=refused.errors), granted=True)

    def _forget(self, operation_id: str, subscriber: Subscriber) -> None:
        self._hub.leave(subscriber)
        if self._operations.get(operation_id) is subscriber:
            del self._operations[operation_id]

    def _time_out_init(self) -> None:
        self.close(TIMED_OUT, "connection initialisation timeout")

    def _ask_for_life(self) -> None:
        """Ask a client that has been silent whether it is there."""
        silent_s = self._loop.time() - self._heard_at
        is_busy, self._sent_then = self._outbox.sent > self._sent_then, self._outbox.sent
        if silent_s < (BUSY_PING_S if is_busy else PING_S):
            self._alarm = self._loop.call_later(max(PING_S - silent_s, PING_S / 2), self._ask_for_life)
            return
        self._outbox.put(message("ping"), granted=True)
        self._alarm = self._loop.call_later(PONG_S, self._expect_life, self._heard_at)

    def _expect_life(self, heard_at: float) -> None:
        if self._heard_at == heard_at:
            self.close(TIMED_OUT, "no pong in time")
        else:
            self._ask_for_life()

    def _expire(self, text: str) -> None:
        """End the subscriptions with the token; whoever connects again brings another."""
        for operation in list(self._operations.values()):
            if isinstance(operation, Subscriber):
                operation.end(text)


def _envelope(operation_id: str) -> Envelope:
    quoted = json.dumps(operation_id)
    return Envelope(
        before=f'{{"id":{quoted},"type":"next","payload":', after="}", complete=message("complete", id=operation_id)
    )
