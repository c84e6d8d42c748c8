"""Routes that are answered in front of Litestar, for addresses where routing would cost as much as the answer."""

from collections.abc import Iterable
from dataclasses import dataclass

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """A bare ASGI application that answers every HTTP request, whatever its method, to exactly one path.

    Nothing of Litestar's is around it: it answers errors itself, and logs them. WebSockets of the path are Litestar's.
    """

    path: str
    app: ASGIApp


def in_front_of(app: ASGIApp, routes: Iterable[DirectRoute]) -> ASGIApp:
    """Return an application that gives requests for the routes' paths to them, and everything else to `app`."""
    direct = {path: route.app for route in routes for path in (route.path, f"{route.path}/")}

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = direct.get(scope["path"], app) if scope["type"] == ScopeType.HTTP else app
        await chosen(scope, receive, send)

    return dispatch
