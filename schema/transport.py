"""Where GraphQL is served: HTTP in front of the routing, and the WebSocket of subscriptions behind it."""

from typing import Any

from litestar import WebSocket, websocket
from litestar.types import ControllerRouterHandler

from core.routes import DirectRoute
from core.services import Services
from schema.build import ServiceSchema
from schema.execution import Operations
from schema.http import GraphQLHttp
from schema.live.hub import Hub
from schema.request_ids import request_id_middleware
from schema.sockets import GraphQLSockets
from schema.sse import EventStreams

PATH = "/graphql"


def graphql_handlers(schema: ServiceSchema, services: Services) -> "list[ControllerRouterHandler | DirectRoute]":
    """Return the routes of `/graphql`: every HTTP request, and the WebSocket of subscriptions."""
    hub = Hub(schema, services)
    services.stopping.tell(hub.close)
    operations = Operations(schema, services)
    sockets = GraphQLSockets(operations, hub)

    @websocket(PATH, middleware=[request_id_middleware])
    async def graphql_socket(socket: WebSocket[Any, Any, Any]) -> None:
        await sockets(socket.scope, socket.receive, socket.send)

    return [DirectRoute(PATH, GraphQLHttp(operations, EventStreams(operations, hub), services)), graphql_socket]
