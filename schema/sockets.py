"""graphql-transport-ws: a connection is let in with its first message, by the bearer token it carries."""

from typing import Any

from litestar import WebSocket
from strawberry.http.async_base_view import AsyncWebSocketAdapter
from strawberry.litestar.controller import LitestarWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, Message

from core.auth.tokens import read_authorization
from core.errors import BadInput, Forbidden, Unauthenticated
from schema.context import RequestContext

UNAUTHORIZED = 4401
FORBIDDEN = 4403
MOST_REASON_BYTES = 120
"""A close frame holds 123 bytes of reason."""

Socket = WebSocket[Any, Any, Any]


class SocketAdapter(LitestarWebSocketAdapter):
    """Keeps the socket at hand, for the headers of its handshake."""

    ws: Socket


class SocketHandler(BaseGraphQLTransportWSHandler[RequestContext, None]):
    """One connection. Its token comes in the payload of `connection_init`, or in the header of the handshake."""

    websocket: AsyncWebSocketAdapter

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Let the connection in, or close it: 4401 for no token, a bad or an expired one, 4403 for a missing scope."""
        try:
            principal = read_authorization(self.context.services.settings, self._authorization(message))
            principal.require_scope("read")
        except Unauthenticated as error:
            await self.websocket.close(UNAUTHORIZED, _reason(error.code, error))
        except Forbidden as error:
            await self.websocket.close(FORBIDDEN, _reason(error.code, error))
        else:
            self.context.principal = principal
            await super().handle_connection_init(message)

    async def send_message(self, message: Message) -> None:
        """Send a message; an error that strawberry made by itself gets a code."""
        if message["type"] == "error":
            for error in message["payload"]:
                error.setdefault("extensions", {}).setdefault("code", BadInput.code)
        await super().send_message(message)

    def _authorization(self, message: ConnectionInitMessage) -> str | None:
        payload = message.get("payload")
        found = {str(name).lower(): value for name, value in payload.items()} if isinstance(payload, dict) else {}
        given = found.get("authorization")
        if isinstance(given, str):
            return given
        socket: Socket = self.websocket.ws  # type: ignore[attr-defined]  # the adapter is Litestar's
        return socket.headers.get("authorization")


def _reason(code: str, error: Exception) -> str:
    return f"{code}: {error}".encode()[:MOST_REASON_BYTES].decode(errors="ignore")
