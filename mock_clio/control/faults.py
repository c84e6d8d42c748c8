"""Misbehaviour on demand: requests that fail or dawdle, deliveries that vanish, repeat, wait or swap places."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from mock_clio.wire.http import HTML, Request, Response, error_response


class RequestFault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault for the next `count` requests that match, after letting `skip` of them pass."""

    count: int = 1
    skip: int = 0
    status: int | None = None
    """Status to answer; null only delays."""
    prefix: str = "/"
    """Paths it applies to."""
    method: str | None = None
    delay: float = 0.0
    """Seconds, real time, before anything else happens."""
    when: Literal["before", "after"] = "before"
    """`after` carries the request out and loses its answer."""
    retry_after: int | None = None
    patch: dict[str, Any] | None = None
    """Merged into the JSON that is answered, where null removes (RFC 7396)."""

    def matches(self, request: Request) -> bool:
        """Whether it concerns this request."""
        return request.path.startswith(self.prefix) and self.method in {None, request.method}


class DeliveryFault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault for the next `count` webhook deliveries."""

    action: Literal["drop", "repeat", "delay", "reorder"]
    count: int = 1
    seconds: float = 0.0
    """For `delay`: seconds on the mock's clock. For `reorder`: the longest that deliveries are held back; 0 is 2."""
    times: int = 2
    """For `repeat`: how often each goes out."""
    model: str | None = None


class Faults:
    """The faults lying in wait."""

    def __init__(self) -> None:
        self.requests: list[RequestFault] = []
        self.deliveries: list[DeliveryFault] = []

    def request(self, request: Request) -> RequestFault | None:
        """The fault of one request, used up by asking."""
        for fault in self.requests:
            if not fault.matches(request):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.count -= 1
            self.requests = [other for other in self.requests if other.count > 0]
            return fault
        return None

    def delivery(self, model: str) -> DeliveryFault | None:
        """The fault of one delivery, used up by asking."""
        for fault in self.deliveries:
            if fault.model in {None, model}:
                fault.count -= 1
                self.deliveries = [other for other in self.deliveries if other.count > 0]
                return fault
        return None

    def clear(self) -> None:
        """Behave."""
        self.requests.clear()
        self.deliveries.clear()


def patched(response: Response, patch: dict[str, Any]) -> Response:
    """An answer with its JSON changed."""
    body = _merged(msgspec.json.decode(response.body), patch)
    return Response(response.status, msgspec.json.encode(body), response.headers)


def _merged(document: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    kept = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = _merged(kept.get(name), value)
    return kept


SERVER_ERRORS = 500
_KINDS: dict[int, str] = {404: "NotFoundError", 403: "ForbiddenError", 422: "ArgumentError", 429: "RateLimited"}


def failure(status: int, retry_after: int | None, extra: Sequence[tuple[str, str]] = ()) -> Response:
    """An injected failure: an HTML page from 500 on, Clio's error object below."""
    headers = [*extra, ("Retry-After", str(retry_after))] if retry_after is not None else list(extra)
    if status >= SERVER_ERRORS:
        return Response(status, b"<html><body>Something went wrong</body></html>", [("Content-Type", HTML), *headers])
    response = error_response(status, _KINDS.get(status, "ArgumentError"), "injected by the mock")
    response.headers.extend(headers)
    return response
