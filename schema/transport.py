"""Where GraphQL is served: HTTP and WebSockets alike, in front of the routing."""

from core.routes import DirectRoute
from core.services import Services
from schema.build import ServiceSchema
from schema.execution import Operations
from schema.http import GraphQLHttp
from schema.live.hub import Hub
from schema.sockets import GraphQLSockets
from schema.sse import EventStreams

PATH = "/graphql"


def graphql_routes(schema: ServiceSchema, services: Services) -> list[DirectRoute]:
    """Return the routes of `/graphql`: every HTTP request, and the WebSocket of subscriptions."""
    operations = Operations(schema, services)
    hub = Hub(operations)
    services.stopping.tell(hub.close)
    http = GraphQLHttp(operations, EventStreams(operations, hub), services)
    return [DirectRoute(PATH, http, GraphQLSockets(operations, hub))]
