"""The rate limit: so many requests per access token in windows of 60 seconds."""

import base64
import math
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from mock_clio.clock import Clock
from mock_clio.settings import Region
from mock_clio.switches import Switches
from mock_clio.wire.http import Response, json_response

WINDOW = 60
SATURDAY = 5
PEAK: dict[Region, tuple[tzinfo, int, int]] = {
    "us": (ZoneInfo("America/Los_Angeles"), 4, 19),
    "ca": (ZoneInfo("America/Los_Angeles"), 4, 19),
    "eu": (UTC, 7, 22),
    "au": (ZoneInfo("Australia/Sydney"), 6, 21),
}
"""Peak hours by region, Monday to Friday: zone, first hour, hour after the last."""


class RateLimiter:
    """Counts requests by token. A window begins with a token's first request after the last one ended."""

    def __init__(self, clock: Clock, switches: Switches, region: Region, limit: int) -> None:
        self._clock = clock
        self._switches = switches
        self._region = region
        self.limit = limit
        self._windows: dict[int, tuple[float, int]] = {}

    def current_limit(self) -> int:
        """Requests per window right now."""
        if self._switches.off_peak_limit is None:
            return self.limit
        zone, first, end = PEAK[self._region]
        local = datetime.fromtimestamp(self._clock.now(), zone)
        peak = local.weekday() < SATURDAY and first <= local.hour < end
        return self.limit if peak else self._switches.off_peak_limit

    def count(self, token_id: int) -> tuple[list[tuple[str, str]], int | None]:
        """Count one request.

        Returns:
            The headers of the answer, and for a request over the limit the seconds until it may be repeated.
        """
        now, limit = self._clock.now(), self.current_limit()
        start, used = self._windows.get(token_id, (now, 0))
        if not start <= now < start + WINDOW:
            start, used = now, 0
        over = used >= limit
        used += 0 if over else 1
        self._windows[token_id] = (start, used)
        reset = math.ceil(start + WINDOW)
        headers = [
            ("X-RateLimit-Limit", str(limit)),
            ("X-RateLimit-Remaining", str(max(0, limit - used))),
            ("X-RateLimit-Reset", str(reset)),
        ]
        return headers, max(1, math.ceil(reset - now)) if over else None

    def forget(self) -> None:
        """Start every window anew."""
        self._windows.clear()


def too_many(switches: Switches, retry_after: int) -> Response:
    """The 429, or what stands in its place."""
    body: object = {"error": {"type": "RateLimited", "message": "Rate limit exceeded"}}
    if switches.rate_limited_body != "error":
        text = base64.b64encode(msgspec.json.encode(body)).decode()
        body = {"data": text, "metadata": {"encodingDecoded": "text/plain"}}
    status = 200 if switches.rate_limited_body == "wrapped_200" else 429
    return json_response(status, body, (("Retry-After", str(retry_after)),))
