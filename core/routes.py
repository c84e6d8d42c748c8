"""Routes that are answered in front of Litestar, for addresses where routing would cost as much as the answer."""

from collections.abc import Iterable
from dataclasses import dataclass

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """A bare ASGI application that answers every HTTP request, whatever its method, to exactly one path.

    Nothing of Litestar's is around it: it answers errors itself, and logs them. `sockets` does the same for WebSockets
    of the path, which are Litestar's without it.
    """

    path: str
    app: ASGIApp
    sockets: ASGIApp | None = None


def in_front_of(app: ASGIApp, routes: Iterable[DirectRoute]) -> ASGIApp:
    """Return an application that gives requests for the routes' paths to them, and everything else to `app`."""
    both = [(path, route) for route in routes for path in (route.path, f"{route.path}/")]
    direct = {
        ScopeType.HTTP: {path: route.app for path, route in both},
        ScopeType.WEBSOCKET: {path: route.sockets for path, route in both if route.sockets is not None},
    }

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        answered = direct.get(scope["type"])
        chosen = app if answered is None else answered.get(scope["path"], app)
        await chosen(scope, receive, send)

    return dispatch
