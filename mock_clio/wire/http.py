"""Requests and answers, as thin as ASGI allows."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Request:
    """One HTTP request, body read."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    base_url: str

    def param(self, name: str) -> str | None:
        """The last value of a query parameter."""
        for key, value in reversed(self.query):
            if key == name:
                return value
        return None

    def params(self, name: str) -> list[str]:
        """Every value of a repeated query parameter."""
        return [value for key, value in self.query if key == name]


@dataclass(slots=True)
class Response:
    """One HTTP answer; headers keep their order and may repeat."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


def json_response(status: int, content: object, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """An answer with a JSON body."""
    return Response(status, _encode(content), [("Content-Type", JSON), *headers])


def html_response(status: int, page: str) -> Response:
    """An answer with a page."""
    return Response(status, page.encode(), [("Content-Type", HTML)])


def error_response(status: int, kind: str, message: str) -> Response:
    """An answer with Clio's error object."""
    return json_response(status, {"error": {"type": kind, "message": message}})


async def read_request(scope: Scope, receive: Receive, public_url: str | None) -> Request:
    """Read a whole request off the connection."""
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    base = public_url or f"{scope['scheme']}://{headers.get('host', 'localhost')}"
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
        headers=headers,
        body=b"".join(chunks),
        base_url=base.rstrip("/"),
    )


async def send_response(send: Send, response: Response) -> None:
    """Write an answer to the connection."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
    if response.status not in {204, 304}:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
