"""Which media type an answer gets, by `Accept`. Source: RFC 9110, section 12.5.1, and GraphQL over HTTP."""

GRAPHQL_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"

OFFERED = (GRAPHQL_JSON, PLAIN_JSON)
"""What can be sent, best first."""


def negotiate(accept: str | None) -> str | None:
    """Return the media type the client likes best; None where it takes neither.

    No `Accept`, and wildcards that leave both open, mean `application/json`: clients older than the specification.
    """
    if not accept or not accept.strip():
        return PLAIN_JSON
    ranges = _ranges(accept)
    liked = {media: _quality(ranges, media) for media in OFFERED}
    best = max(liked.values())
    if best <= 0:
        return None
    named = {media_range for media_range, _ in ranges}
    if liked[PLAIN_JSON] == best and GRAPHQL_JSON not in named:
        return PLAIN_JSON
    return next(media for media in OFFERED if liked[media] == best)


def _ranges(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media_range:
            found.append((media_range, _weight(parameters)))
    return found


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
