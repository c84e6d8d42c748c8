"""The bearer token of a request, and the answers when it is missing or does not hold."""

import re

from mock_clio.wire.errors import unauthorized
from mock_clio.wire.http import Request, Response, json_response

_BEARER = re.compile(r"Bearer\s+([A-Za-z0-9._~+/-]+=*)\s*", re.IGNORECASE)


def bearer_text(request: Request) -> str:
    """The token's text.

    Raises:
        ApiError: 401 in the API's own shape, when the header is missing or malformed.
    """
    found = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        raise unauthorized()
    return found[1]


def challenge() -> Response:
    """The other 401: a well-formed token that does not hold."""
    description = "The access token provided is expired, revoked, malformed or invalid for other reasons."
    header = f'Bearer realm="Protected by OAuth 2.0", error="invalid_token", error_description="{description}"'
    body = {"error": "invalid_token", "error_description": description}
    return json_response(401, body, (("WWW-Authenticate", header),))
