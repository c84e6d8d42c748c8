"""Where GraphQL is served: HTTP and WebSockets alike, in front of the routing."""

from strawberry.schema.base import BaseSchema

from core.routes import DirectRoute
from core.services import Services
from schema.execution import Operations
from schema.http import GraphQLHttp
from schema.live.hub import Hub
from schema.sockets import GraphQLSockets
from schema.sse import EventStreams

PATH = "/graphql"


def graphql_routes(schema: BaseSchema, services: Services) -> list[DirectRoute]:
    """Return the routes of `/graphql`: every HTTP request, and the WebSocket of subscriptions."""
    hub = Hub(schema, services)
    services.stopping.tell(hub.close)
    operations = Operations(schema, services)
    http = GraphQLHttp(operations, EventStreams(operations, hub), services)
    return [DirectRoute(PATH, http, GraphQLSockets(operations, hub))]
