"""The API process: Litestar with every plugin's routes, and the webhook receiver in front of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp

from core.coverage import intake
from core.health import live, ready_handler
from core.loading import route_handlers
from core.logging import get_logger
from core.pages import dashboard_files, oauth_callback, openapi
from core.routes import DirectRoute, in_front_of
from core.services import Services
from core.webhooks.inbox import Inbox
from core.webhooks.receiver import WebhookReceiver

log = get_logger(__name__)


def create_app(services: Services) -> ASGIApp:
    """Build the ASGI application; its lifespan opens and closes the services.

    `/webhooks/clio/` and what plugins return as a `DirectRoute` is answered before Litestar sees the request: routing
    would cost more than the whole delivery, and as much as a small query.
    """
    inbox = Inbox(services)
    receiver = WebhookReceiver(services, inbox)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        async with (
            services.open(),
            inbox.running(),
            receiver.running(),
            intake.beating(services.database),
        ):
            yield

    routes = route_handlers(services)
    litestar = Litestar(
        route_handlers=[
            live,
            openapi,
            ready_handler(services),
            oauth_callback(services),
            *filter(None, [dashboard_files()]),
            *(route for route in routes if not isinstance(route, DirectRoute)),
        ],
        lifespan=[lifespan],
        exception_handlers={HTTPException: _plain_error, 500: _hidden_error},
        openapi_config=OpenAPIConfig(
            title="Clio Integration Service",
            version="0.1.0",
            path="/openapi",
            render_plugins=[JsonRenderPlugin()],
        ),
        logging_config=None,
        debug=False,
    )
    app = in_front_of(litestar, [route for route in routes if isinstance(route, DirectRoute)])
    return receiver.wrap(app)


def _plain_error(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, object]]:
    body: dict[str, object] = {"error": {"code": str(error.status_code), "message": error.detail}}
    return Response(body, status_code=error.status_code, media_type=MediaType.JSON, headers=error.headers)


def _hidden_error(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, object]]:
    log.error("request_broke", path=request.url.path, error=type(error).__name__, exc_info=error)
    body: dict[str, object] = {"error": {"code": "INTERNAL", "message": "an unexpected error was logged"}}
    return Response(body, status_code=500, media_type=MediaType.JSON)
