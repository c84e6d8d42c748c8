"""One id per request: taken from `X-Request-Id` or made, bound to every log line, and sent back."""

import re
import secrets

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from core.logging import log_ids

HEADER = "X-Request-Id"

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")


def request_id_of(sent: str) -> str:
    """Return the id of a request whose header says `sent`: that, when it is short and plain, else one that is made."""
    return sent if _ACCEPTED.match(sent) else secrets.token_hex(16)


def request_id_middleware(app: ASGIApp) -> ASGIApp:
    """Wrap an application; what a client sends as an id is taken when it is short and plain."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        request_id = request_id_of(Headers.from_scope(scope).get(HEADER.lower(), ""))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableScopeHeaders.from_message(message)[HEADER] = request_id
            await send(message)

        with log_ids(request_id=request_id):
            await app(scope, receive, send_with_id)

    return handle
