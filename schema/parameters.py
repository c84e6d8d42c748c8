"""Reading a GraphQL request off the wire: a query string, or a body of JSON. Source: GraphQL over HTTP, Request."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar.types import Receive

from core.errors import BadInput
from schema.execution import GraphQLRequest
from schema.negotiation import IDENTITY, is_json

MOST_BODY_BYTES = 1_000_000
MOST_DISCARDED_BYTES = 16_000_000
"""How much of a body that is too large is read all the same: a client that is still sending hears no answer."""

MOST_PARAMETERS = 100


class RequestRefused(Exception):
    """A request that never became an operation: the status, code, message and headers of its answer."""

    def __init__(
        self, status: int, message: str, *, code: str = BadInput.code, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


class ClientGone(Exception):
    """The connection closed before the body was complete: nobody is left to be answered."""


class _Parameters(msgspec.Struct, rename="camel"):
    """The body of a request; other members are ignored, as the specification wants."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


_body = msgspec.json.Decoder(_Parameters)
_map = msgspec.json.Decoder(dict[str, Any] | None)


def read_query_string(query_string: bytes) -> GraphQLRequest:
    """Return what a GET asks.

    Raises:
        RequestRefused: 400, it is no form of UTF-8, gives a parameter twice, or a map is no JSON object.
    """
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as error:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "the query string cannot be read: is it URL-encoded?") from error
    given = dict(pairs)
    for name in ("query", "variables", "operationName", "extensions"):
        if sum(each == name for each, _ in pairs) > 1:
            raise RequestRefused(HTTPStatus.BAD_REQUEST, f"the parameter {name} is given more than once")
    return GraphQLRequest(
        query=given.get("query"),
        variables=_read_map(given, "variables"),
        operation_name=given.get("operationName") or None,
        extensions=_read_map(given, "extensions"),
    )


def _read_map(given: Mapping[str, str], name: str) -> dict[str, Any] | None:
    try:
        return _map.decode(given[name]) if name in given else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, f"the parameter {name} must be a JSON object") from error


async def read_posted(headers: Mapping[bytes, bytes], receive: Receive) -> GraphQLRequest:
    """Return what a POST asks.

    Raises:
        RequestRefused: 415, the body is not sent as JSON; 413, it is too large; 400, it is not JSON, or a parameter is
            of another type than the specification says.
        ClientGone: nobody waits for an answer.
    """
    if not is_json(headers.get(b"content-type", b"").decode("latin-1")):
        raise RequestRefused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a request is JSON in UTF-8: send it with Content-Type application/json"
        )
    if headers.get(b"content-encoding", b"identity").decode("latin-1").lower() != IDENTITY:
        raise RequestRefused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "a request is taken uncompressed: send it without Content-Encoding",
            headers=((b"accept-encoding", b"identity"),),
        )
    return _decode(await _read_body(headers, receive))


def _decode(body: bytes) -> GraphQLRequest:
    try:
        given = _body.decode(body)
    except msgspec.ValidationError as error:
        if body.lstrip()[:1] == b"[":
            raise RequestRefused(HTTPStatus.BAD_REQUEST, "a request holds one operation: send several apart") from error
        raise RequestRefused(HTTPStatus.BAD_REQUEST, f"the request is malformed: {error}") from error
    except msgspec.DecodeError as error:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "the body is not JSON that can be read") from error
    except RecursionError as error:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "the body nests too deep to be read") from error
    return GraphQLRequest(
        query=given.query,
        variables=given.variables,
        operation_name=given.operation_name or None,
        extensions=given.extensions,
    )


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    announced = headers.get(b"content-length", b"")
    size = int(announced) if announced.isdigit() else 0
    if size > MOST_DISCARDED_BYTES or (size > MOST_BODY_BYTES and b"expect" in headers):
        raise _too_large(is_read=False)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size <= MOST_BODY_BYTES:
            parts.append(part)
        elif size > MOST_DISCARDED_BYTES:
            raise _too_large(is_read=False)
        if not message.get("more_body", False):
            break
    if size > MOST_BODY_BYTES:
        raise _too_large(is_read=True)
    return b"".join(parts)


def _too_large(*, is_read: bool) -> RequestRefused:
    return RequestRefused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"a request holds at most {MOST_BODY_BYTES} bytes",
        headers=() if is_read else ((b"connection", b"close"),),
    )
