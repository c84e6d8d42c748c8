"""GraphQL over HTTP and WebSocket, on Litestar. Source: the GraphQL over HTTP specification.

Strawberry's own controller for Litestar keeps the response of a request on an object all requests share, and declares
its dependencies in a way that Litestar is about to drop; the view below is of the same base, without either.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from cross_web import HTTPException, LitestarRequestAdapter
from litestar import Request, Response, WebSocket, get, post, websocket
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ASGIApp, ControllerRouterHandler, Middleware, Receive, Scope, Send
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.async_base_view import AsyncBaseHTTPView
from strawberry.http.base import BaseRequestProtocol
from strawberry.schema.base import BaseSchema
from strawberry.schema.exceptions import InvalidOperationTypeError

from core.auth.tokens import read_authorization
from core.errors import BadInput, Forbidden, Unauthenticated
from core.services import Services
from schema.build import ServiceSchema
from schema.context import RequestContext
from schema.execution import ANSWERED_ONCE, QUERIES, GraphQLRequest, Operations
from schema.live.hub import Hub
from schema.negotiation import GRAPHQL_JSON, PLAIN_JSON, negotiate
from schema.request_ids import request_id_middleware
from schema.sockets import GraphQLSockets
from schema.sse import MEDIA_TYPE, EventStreams

PATH = "/graphql"
MOST_BODY_BYTES = 1_000_000

HttpRequest = Request[Any, Any, Any]
HttpResponse = Response[bytes]
Socket = WebSocket[Any, Any, Any]


class GraphQLView(AsyncBaseHTTPView[HttpRequest, HttpResponse, HttpResponse, Socket, Socket, RequestContext, None]):
    """Answers requests; holds nothing of any of them."""

    schema: BaseSchema
    graphql_ide = None
    allow_queries_via_get = True
    protocols = ()
    request_adapter_class = LitestarRequestAdapter

    def __init__(self, schema: BaseSchema, services: Services) -> None:
        self.schema = schema
        self._services = services

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; every answer is JSON."""
        media_type = negotiate(request.headers.get("accept"))
        if media_type is None:
            return refusal(406, BadInput.code, f"answers are {GRAPHQL_JSON} or {PLAIN_JSON}", PLAIN_JSON)
        try:
            principal = read_authorization(self._services.settings, request.headers.get("authorization"))
            response = await self.run(request, context=RequestContext(self._services, principal), root_value=None)
        except Unauthenticated as error:
            refused = refusal(401, error.code, str(error), media_type)
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        except HTTPException as error:
            return _refuse_request(error, media_type)
        except RequestEntityTooLarge:
            return refusal(413, BadInput.code, f"a request holds at most {MOST_BODY_BYTES} bytes", media_type)
        if media_type == PLAIN_JSON:
            response.status_code = 200
        response.media_type = media_type
        return response

    async def stream(self, request: HttpRequest, streams: EventStreams, send: Send) -> HttpResponse | None:
        """Answer one request with a stream of events; or return what it was refused with."""
        try:
            principal = read_authorization(self._services.settings, request.headers.get("authorization"))
            asked = await self.parse_http_body(LitestarRequestAdapter(request))
        except Unauthenticated as error:
            refused = refusal(401, error.code, str(error), PLAIN_JSON)
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        except json.JSONDecodeError:
            return refusal(400, BadInput.code, "Unable to parse request body as JSON", PLAIN_JSON)
        except HTTPException as error:
            return _refuse_request(error, PLAIN_JSON)
        except RequestEntityTooLarge:
            return refusal(413, BadInput.code, f"a request holds at most {MOST_BODY_BYTES} bytes", PLAIN_JSON)
        if not isinstance(asked, GraphQLRequestData):
            return refusal(400, BadInput.code, "a stream has one operation", PLAIN_JSON)
        wanted = GraphQLRequest(
            query=asked.query,
            variables=asked.variables,
            operation_name=asked.operation_name,
            extensions=asked.extensions,
        )
        allowed = QUERIES if request.method == "GET" else ANSWERED_ONCE
        answer = await streams.stream(wanted, principal, request.receive, send, allowed=allowed)
        return None if answer is None else Response(answer.body, status_code=answer.status, media_type=PLAIN_JSON)

    def decode_json(self, data: str | bytes) -> object:
        """Read JSON; bytes that are no text, and nesting beyond reason, are malformed like any other."""
        try:
            return json.loads(data)
        except (UnicodeDecodeError, RecursionError) as error:
            raise json.JSONDecodeError("not JSON that can be read", "", 0) from error

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:  # noqa: ARG002 - strawberry's signature
        """Never: a GET without a query is a malformed request."""
        return False

    def create_response(
        self,
        response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse],
        sub_response: HttpResponse,  # noqa: ARG002 - strawberry's signature
    ) -> HttpResponse:
        """Return the answer; a document that was not executed has no `data`, and a status that says so."""
        if not isinstance(response_data, dict) or not _was_refused(response_data):
            return Response(json.dumps(response_data, separators=(",", ":")).encode(), status_code=200)
        errors: list[Any] = list(response_data["errors"] or ())
        codes = {error["extensions"]["code"] for error in errors}
        body = {name: value for name, value in response_data.items() if name != "data"}
        return Response(json.dumps(body).encode(), status_code=403 if Forbidden.code in codes else 400)

    def is_websocket_request(self, request: HttpRequest | Socket) -> TypeGuard[Socket]:
        """Tell the two apart."""
        return isinstance(request, WebSocket)

    async def pick_websocket_subprotocol(self, request: Socket) -> str | None:
        """Return graphql-transport-ws where the client offers it."""
        offered = request.scope["subprotocols"]
        return next((protocol for protocol in offered if protocol in self.websocket_subprotocols), None)

    async def create_websocket_response(self, request: Socket, subprotocol: str | None) -> Socket:
        """Accept the handshake."""
        await request.accept(subprotocols=subprotocol)
        return request

    def get_websocket_headers(self, request: Socket) -> Mapping[str, str]:
        """Return the headers of the handshake."""
        return request.headers

    async def reject_websocket(self, request: Socket) -> Socket:
        """Refuse a handshake from a page of another origin."""
        await request.close(code=1008)
        return request

    async def get_sub_response(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - strawberry's signature
        """Return a response of this request alone; resolvers set nothing on it."""
        return Response(b"")

    async def get_context(self, request: HttpRequest | Socket, response: HttpResponse | Socket) -> RequestContext:
        """Fail: `run` is always given a context."""
        raise NotImplementedError

    async def get_root_value(self, request: HttpRequest | Socket) -> None:
        """Fail: `run` is always given a root value."""
        raise NotImplementedError

    async def render_graphql_ide(self, request: HttpRequest) -> HttpResponse:
        """Fail: there is no page to show."""
        raise NotImplementedError


def _was_refused(answer: GraphQLHTTPResponse) -> bool:
    """Tell whether execution never began: no data, and no error that belongs to a field."""
    errors: list[Any] = list(answer.get("errors") or ())
    return bool(errors) and answer.get("data") is None and all("path" not in error for error in errors)


def _refuse_request(error: HTTPException, media_type: str) -> HttpResponse:
    if isinstance(error.__cause__, InvalidOperationTypeError):
        refused = refusal(405, BadInput.code, str(error.reason), media_type)
        refused.headers["Allow"] = "POST"
        return refused
    return refusal(error.status_code, BadInput.code, str(error.reason), media_type)


def refusal(status: int, code: str, message: str, media_type: str) -> HttpResponse:
    """Return an answer to a request that never became an operation."""
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return Response(json.dumps(body).encode(), status_code=status, media_type=media_type)


def _stream_middleware(view: GraphQLView, streams: EventStreams) -> Callable[[ASGIApp], ASGIApp]:
    """Take the requests that want a stream of events; leave the others alone."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            request: HttpRequest = Request(scope, receive)
            if MEDIA_TYPE not in request.headers.get("accept", ""):
                await app(scope, receive, send)
            elif (refused := await view.stream(request, streams, send)) is not None:
                await refused.to_asgi_response(None, request)(scope, receive, send)

        return handle

    return wrap


def graphql_handlers(schema: ServiceSchema, services: Services) -> list[ControllerRouterHandler]:
    """Return the routes of `/graphql`: GET and POST, and the WebSocket of subscriptions."""
    view = GraphQLView(schema, services)
    hub = Hub(schema, services)
    services.stopping.tell(hub.close)
    operations = Operations(schema, services)
    sockets = GraphQLSockets(operations, hub)
    middleware: list[Middleware] = [request_id_middleware, _stream_middleware(view, EventStreams(operations, hub))]

    @post(PATH, status_code=200, include_in_schema=False, middleware=middleware, request_max_body_size=MOST_BODY_BYTES)
    async def graphql_post(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await view.answer(request)

    @get(PATH, include_in_schema=False, middleware=middleware)
    async def graphql_get(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await view.answer(request)

    @websocket(PATH, middleware=[request_id_middleware])
    async def graphql_socket(socket: WebSocket[Any, Any, Any]) -> None:
        await sockets(socket.scope, socket.receive, socket.send)

    return [graphql_post, graphql_get, graphql_socket]
