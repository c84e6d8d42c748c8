"""Which pages may call: those of our own origins, and those of the origins that a setting names. Source: Fetch, CORS.

A request counts only with a bearer token in a header, which no browser adds by itself, so a foreign page cannot act for
its visitor in any case. It is refused all the same, and before anything is read: what is not wanted costs nothing.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from strawberry.http.websocket_origin import is_same_origin

from core.settings import Settings

OWN_SITES = frozenset({b"same-origin", b"none"})
"""`Sec-Fetch-Site` of our own pages, and of what a person typed; pages cannot write that header."""

PREFLIGHT_AGE_S = 7200
"""How long a browser may remember a preflight; none takes more."""

EXPOSED = b"ETag, WWW-Authenticate, X-Request-Id"

HeaderList = tuple[tuple[bytes, bytes], ...]


class Origins:
    """The origins whose pages may call one application."""

    def __init__(self, settings: Settings) -> None:
        public = urlsplit(settings.public_base)
        self._own = f"{public.scheme}://{public.netloc}"
        self._allowed = frozenset(settings.graphql_allowed_origins)

    @property
    def is_shared(self) -> bool:
        """Whether answers depend on the origin that asks."""
        return bool(self._allowed)

    def admits(self, headers: Mapping[bytes, bytes]) -> bool:
        """Tell whether a request is of no page, of a page of our own, or of one that is allowed."""
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        if origin is None:
            return site is None or site in OWN_SITES
        if site == b"same-origin":
            return True
        text = origin.decode("latin-1").lower()
        host = headers.get(b"host", b"").decode("latin-1")
        return text in self._allowed or text == self._own or is_same_origin(text, host)

    def headers(self, headers: Mapping[bytes, bytes]) -> HeaderList:
        """Return what lets a page of an allowed origin read the answer; nothing for any other."""
        origin = headers.get(b"origin")
        if origin is None or origin.decode("latin-1").lower() not in self._allowed:
            return ()
        return ((b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED))

    def preflight(self, headers: Mapping[bytes, bytes], methods: bytes) -> HeaderList:
        """Return what a preflight hears beyond `headers`: an allowed origin may use `methods`, and what it asks for."""
        if b"access-control-request-method" not in headers or not self.headers(headers):
            return ()
        return (
            (b"access-control-allow-methods", methods),
            (b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"authorization")),
            (b"access-control-max-age", str(PREFLIGHT_AGE_S).encode()),
        )
