"""The plain routes: the end of the way through OAuth, the dashboard's files, the description of the HTTP API."""

from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, Router, get
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import NotFoundException
from litestar.static_files import create_static_files_router

from core.connect import connect_firm
from core.errors import ServiceError
from core.logging import get_logger
from core.services import Services

log = get_logger(__name__)

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem;color:#1d2733}}</style>
<h1>{title}</h1><p>{text}</p></html>"""


def page(title: str, text: str, *, status: int = 200) -> Response[str]:
    """Return a small HTML page; both texts are escaped."""
    return Response(_PAGE.format(title=escape(title), text=escape(text)), status_code=status, media_type=MediaType.HTML)


def oauth_callback(services: Services) -> Any:
    """Return the route Clio sends the browser back to."""

    @get("/oauth/clio/callback", include_in_schema=False)
    async def callback(request: Request[Any, Any, Any]) -> Response[str]:
        query = request.query_params
        if query.get("error"):
            return page("Not connected", "Access was declined at Clio. Start again with connectFirm.", status=400)
        state, code = query.get("state"), query.get("code")
        if not state or not code:
            raise NotFoundException
        try:
            firm = await connect_firm(services, state=state, code=code)
        except ServiceError as error:
            log.warning("firm_not_connected", error=error.code)
            return page("Not connected", f"{error} ({error.code})", status=400)
        return page(
            "Connected", f"Firm {firm} is connected, and its records are being mirrored. You may close this page."
        )

    return callback


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def openapi(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return the description of the plain HTTP routes; GraphQL describes itself at `/schema.graphql`."""
    return request.app.openapi_schema.to_schema()


def dashboard_files() -> Router | None:
    """Return the routes of the web page under `/dashboard`; None where the `dashboard` package is not installed."""
    found = find_spec("dashboard")
    if found is None or not found.submodule_search_locations:
        return None
    return create_static_files_router(
        path="/dashboard",
        directories=[Path(found.submodule_search_locations[0]) / "page"],
        html_mode=True,
        cache_control=CacheControlHeader(no_cache=True),
        include_in_schema=False,
    )
