"""GraphQL over HTTP: one bare ASGI application for every request to `/graphql`. Source: GraphQL over HTTP, RFC 9110.

What an operation says is never looked into here: bytes come out of `schema.execution`, and go out as they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from litestar.types import Message, Receive, Scope, Send

from core.auth.principal import Principal
from core.auth.tokens import read_authorization
from core.errors import BadInput, Forbidden, ServiceError, Unauthenticated
from core.logging import get_logger, log_ids
from core.services import Services
from schema.compression import LEAST_BYTES, compress
from schema.errors import HIDDEN
from schema.etags import etag_of, is_known
from schema.execution import ANSWERED_ONCE, QUERIES, Answer, GraphQLRequest, Operations, encode
from schema.negotiation import EVENT_STREAM, GRAPHQL_JSON, GZIP, IDENTITY, PLAIN_JSON, negotiate, negotiate_encoding
from schema.origins import HeaderList, Origins
from schema.parameters import ClientGone, RequestRefused, read_posted, read_query_string
from schema.request_ids import request_id_of
from schema.sse import EventStreams
from schema.trusted import PERSISTED

log = get_logger(__name__)

SAFE = frozenset({"GET", "HEAD"})
METHODS = b"GET, HEAD, POST"
ALLOW = METHODS + b", OPTIONS"

READ_PATH = b"x-read-path"
GENERIC = b"generic"
"""The value of the header `X-Read-Path` with which a request keeps to the resolvers."""

VARY = b"Accept, Accept-Encoding, Authorization"

_CONTENT_TYPES = {media: f"{media}; charset=utf-8".encode() for media in (GRAPHQL_JSON, PLAIN_JSON)}

Headers = Mapping[bytes, bytes]


class _Outline(msgspec.Struct):
    """The one member of an answer that is of interest here; the rest is skipped unread."""

    errors: msgspec.Raw = msgspec.Raw()


_outline = msgspec.json.Decoder(_Outline)


@dataclass(slots=True)
class _Response:
    """An answer on its way out."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


class _Stream:
    """The `send` of whoever sends a response piece by piece: adds our headers, and knows whether it has begun."""

    def __init__(self, added: Iterable[tuple[bytes, bytes]], send: Send) -> None:
        self._added = added
        self._send = send
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            message = {**message, "headers": [*message["headers"], *self._added]}
        await self._send(message)


class GraphQLHttp:
    """Answers every HTTP request for one schema."""

    def __init__(self, operations: Operations, streams: EventStreams, services: Services) -> None:
        self._operations = operations
        self._streams = streams
        self._settings = services.settings
        self._origins = Origins(services.settings)
        self._vary = (b"vary", VARY + (b", Origin" if self._origins.is_shared else b""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever becomes of it; its id is in every line logged meanwhile."""
        headers = _read_headers(scope["headers"])
        request_id = request_id_of(headers.get(b"x-request-id", b"").decode("latin-1"))
        added = ((b"x-request-id", request_id.encode()), self._vary, *self._origins.headers(headers))
        stream = _Stream(added, send)
        with log_ids(request_id=request_id):
            try:
                response = await self._respond(scope, headers, receive, stream)
            except ClientGone:
                return
            except RequestRefused as refused:
                response = self._refusal(headers, refused)
            except Exception as error:
                log.exception("graphql_request_broke", error=type(error).__name__)
                broken = RequestRefused(HTTPStatus.INTERNAL_SERVER_ERROR, HIDDEN, code=ServiceError.code)
                response = None if stream.has_begun else self._refusal(headers, broken)
        if response is None:
            return
        response.headers.extend(added)
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        body = b"" if scope["method"] == "HEAD" else response.body  # type: ignore[typeddict-item]  # it is HTTP's
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _respond(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> _Response | None:
        """Return the answer; None where it was streamed.

        Raises:
            RequestRefused: the request became no operation.
            ClientGone: nobody waits for an answer.
        """
        method: str = scope["method"]  # type: ignore[typeddict-item]  # it is HTTP's
        if method == "OPTIONS":
            return self._options(headers)
        media_type, principal = self._admit(method, headers)
        is_safe = method in SAFE
        request = read_query_string(scope["query_string"]) if is_safe else await read_posted(headers, receive)
        allowed = QUERIES if is_safe else ANSWERED_ONCE
        if media_type == EVENT_STREAM:
            answer = await self._streams.stream(request, principal, receive, send, allowed=allowed)
        else:
            generic = headers.get(READ_PATH) == GENERIC
            answer = await self._operations.answer(request, principal, allowed=allowed, generic=generic)
        if answer is None:
            return None
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            return self._misplaced(answer, media_type, is_safe=is_safe)
        status = _status(answer.status, request, media_type)
        if not is_safe or status != HTTPStatus.OK:
            response = await self._sized(status, answer.body, media_type, headers, cache_control=b"no-store")
        else:
            response = await self._cacheable(answer.body, media_type, headers)
        response.headers.append((READ_PATH, answer.path.value.encode()))
        return response

    def _admit(self, method: str, headers: Headers) -> tuple[str, Principal]:
        """Return what the answer is sent as, and who asks.

        Raises:
            RequestRefused: 403, a page of a foreign origin asks; 405, 406; 401, there is no good token.
        """
        if not self._origins.admits(headers):
            raise RequestRefused(
                HTTPStatus.FORBIDDEN,
                "pages of this origin may not call: GRAPHQL_ALLOWED_ORIGINS names those that may",
                code=Forbidden.code,
            )
        if method not in SAFE and method != "POST":
            raise RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, "send GET or POST", headers=((b"allow", ALLOW),))
        media_type = negotiate(_text(headers, b"accept"))
        if media_type is None or (media_type == EVENT_STREAM and method == "HEAD"):
            raise RequestRefused(
                HTTPStatus.NOT_ACCEPTABLE, f"answers are {GRAPHQL_JSON}, {PLAIN_JSON} or {EVENT_STREAM}"
            )
        try:
            return media_type, read_authorization(self._settings, _text(headers, b"authorization"))
        except Unauthenticated as error:
            raise RequestRefused(
                HTTPStatus.UNAUTHORIZED, str(error), code=error.code, headers=((b"www-authenticate", b"Bearer"),)
            ) from error

    def _misplaced(self, answer: Answer, media_type: str, *, is_safe: bool) -> _Response:
        """Return the answer to an operation that this request may not carry."""
        if is_safe:
            return self._whole(HTTPStatus.METHOD_NOT_ALLOWED, answer.body, media_type, ((b"allow", b"POST"),))
        message = f"a subscription is answered as {EVENT_STREAM}, or over a WebSocket"
        return self._whole(HTTPStatus.BAD_REQUEST, _error(BadInput.code, message), media_type)

    async def _cacheable(self, body: bytes, media_type: str, headers: Headers) -> _Response:
        """Return the answer to a query that a client may keep, and ask again whether it still holds."""
        if bytes(_outline.decode(body).errors):
            return await self._sized(HTTPStatus.OK, body, media_type, headers, cache_control=b"no-store")
        etag = etag_of(body, media_type, _encoding(body, headers))
        if is_known(headers.get(b"if-none-match"), etag):
            return _Response(HTTPStatus.NOT_MODIFIED, [(b"etag", etag), (b"cache-control", b"private, no-cache")])
        response = await self._sized(HTTPStatus.OK, body, media_type, headers, cache_control=b"private, no-cache")
        response.headers.append((b"etag", etag))
        return response

    async def _sized(
        self, status: int, body: bytes, media_type: str, headers: Headers, *, cache_control: bytes
    ) -> _Response:
        """Return an answer as small as its client takes it."""
        if _encoding(body, headers) == IDENTITY:
            return self._whole(status, body, media_type, cache_control=cache_control)
        small = await compress(body)
        return self._whole(
            status, small, media_type, ((b"content-encoding", GZIP.encode()),), cache_control=cache_control
        )

    def _whole(
        self,
        status: int,
        body: bytes,
        media_type: str,
        more: HeaderList = (),
        *,
        cache_control: bytes = b"no-store",
    ) -> _Response:
        return _Response(
            status,
            [
                (b"content-type", _CONTENT_TYPES.get(media_type, _CONTENT_TYPES[PLAIN_JSON])),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", cache_control),
                *more,
            ],
            body,
        )

    def _refusal(self, headers: Headers, refused: RequestRefused) -> _Response:
        media_type = negotiate(_text(headers, b"accept")) or PLAIN_JSON
        return self._whole(refused.status, _error(refused.code, str(refused)), media_type, refused.headers)

    def _options(self, headers: Headers) -> _Response:
        found = self._origins.preflight(headers, METHODS)
        return _Response(HTTPStatus.NO_CONTENT, [(b"allow", ALLOW), *found])


def _read_headers(sent: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers by name; one that was sent several times is a list."""
    found: dict[bytes, bytes] = {}
    for name, value in sent:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def _text(headers: Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _encoding(body: bytes, headers: Headers) -> str:
    return IDENTITY if len(body) < LEAST_BYTES else negotiate_encoding(_text(headers, b"accept-encoding"))


def _status(status: int, request: GraphQLRequest, media_type: str) -> int:
    """Return the status of an answer: as `application/json` 200 for every request that is well-formed."""
    has_document = request.query or PERSISTED in (request.extensions or {})
    return HTTPStatus.OK if media_type == PLAIN_JSON and has_document else status


def _error(code: str, message: str) -> bytes:
    return encode({"errors": [{"message": message, "extensions": {"code": code}}]})
