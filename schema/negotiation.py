"""What an answer is sent as, by `Accept` and `Accept-Encoding`, and what a body may be sent as.

Source: RFC 9110, sections 8.3, 12.5.1 and 12.5.3, GraphQL over HTTP, and GraphQL over SSE.
"""

from functools import lru_cache

GRAPHQL_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"
EVENT_STREAM = "text/event-stream"

OFFERED = (GRAPHQL_JSON, PLAIN_JSON)
"""What any client may be sent, best first."""

GZIP = "gzip"
IDENTITY = "identity"

UTF_8 = frozenset({"utf-8", "utf8"})

REMEMBERED = 256
"""How many headers are remembered with what they led to: clients send few different ones."""


@lru_cache(REMEMBERED)
def negotiate(accept: str | None) -> str | None:
    """Return the media type the client likes best; None where it takes none that can be sent.

    No `Accept`, and wildcards that leave both open, mean `application/json`: clients older than the specification.
    A stream of events is sent only to who names it and does not like JSON as much.
    """
    if not accept or not accept.strip():
        return PLAIN_JSON
    ranges = _ranges(accept)
    liked = {media: _quality(ranges, media) for media in OFFERED}
    best = max(liked.values())
    named = {media_range for media_range, _ in ranges}
    streamed = dict(ranges).get(EVENT_STREAM, 0.0)
    if streamed > best or (streamed == best > 0 and named.isdisjoint(OFFERED)):
        return EVENT_STREAM
    if best <= 0:
        return None
    if liked[PLAIN_JSON] == best and GRAPHQL_JSON not in named:
        return PLAIN_JSON
    return next(media for media in OFFERED if liked[media] == best)


@lru_cache(REMEMBERED)
def negotiate_encoding(accept_encoding: str | None) -> str:
    """Return `gzip` where the client names or covers it and does not like `identity` better, else `identity`."""
    if not accept_encoding:
        return IDENTITY
    weights = dict(_ranges(accept_encoding))
    gzip = weights.get(GZIP, weights.get("x-gzip", weights.get("*", 0.0)))
    return GZIP if gzip > 0 and gzip >= weights.get(IDENTITY, 0.0) else IDENTITY


@lru_cache(REMEMBERED)
def is_json(content_type: str | None) -> bool:
    """Tell whether a body is sent as JSON, in the one encoding JSON has. Without a header nothing is known of it."""
    media_type, *parameters = _pieces(content_type or "")
    return media_type == PLAIN_JSON and _charset(parameters) in UTF_8


def _ranges(header: str) -> list[tuple[str, float]]:
    """Return what a header lists, with its weights; JSON of another charset than UTF-8 is not what can be sent."""
    found = []
    for part in header.split(","):
        listed, *parameters = _pieces(part)
        if listed and _charset(parameters) in UTF_8:
            found.append((listed, _weight(parameters)))
    return found


def _pieces(text: str) -> list[str]:
    return [piece.strip().lower() for piece in text.split(";")]


def _charset(parameters: list[str]) -> str:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return value.strip().strip('"')
    return "utf-8"


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def _quality(ranges: list[tuple[str, float]], media: str) -> float:
    """Return the weight of the most specific range that covers a media type; 0 where none does."""
    weights = dict(ranges)
    for media_range in (media, f"{media.partition('/')[0]}/*", "*/*"):
        if media_range in weights:
            return weights[media_range]
    return 0.0
