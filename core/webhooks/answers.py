"""The answers of the webhook receiver: small JSON, one message each that says what and what next."""

from dataclasses import dataclass, field

import msgspec
from litestar.types import Send

RETRY_AFTER_S = 120
"""When Clio tries again of its own accord."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers beside the content type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    async def send(self, send: Send) -> None:
        """Send it as an ASGI response."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(self.body)).encode()),
                    *self.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def _refusal(status: int, code: str, message: str, *headers: tuple[bytes, bytes]) -> Answer:
    body = msgspec.json.encode({"error": {"code": code, "message": message}})
    return Answer(status, body, headers)


RECEIVED = Answer(200, b'{"received":true}')

NOT_FOUND = _refusal(404, "NOT_FOUND", "there is nothing at this address: check the URL of the subscription")
METHOD_NOT_ALLOWED = _refusal(
    405, "METHOD_NOT_ALLOWED", "webhooks are delivered by POST: send a POST request", (b"allow", b"POST")
)
RETIRED = _refusal(410, "ENDPOINT_RETIRED", "this subscription has ended: delete it, its deliveries are not wanted")
TOO_LARGE = _refusal(
    413,
    "DELIVERY_TOO_LARGE",
    "the delivery is larger than WEBHOOK_MAX_BYTES: ask for fewer fields, or raise the limit",
    (b"connection", b"close"),
)
TOO_SLOW = _refusal(
    408, "DELIVERY_TOO_SLOW", "the body did not arrive in time: send it again", (b"connection", b"close")
)
NOT_JSON = _refusal(415, "CONTENT_TYPE_UNSUPPORTED", "a delivery is JSON: send it with content-type application/json")
BAD_HANDSHAKE = _refusal(400, "HANDSHAKE_INVALID", "X-Hook-Secret must be 1 to 256 printable characters: send it again")
HANDSHAKE_NOT_AWAITED = _refusal(
    401, "HANDSHAKE_NOT_AWAITED", "this subscription awaits no handshake: register the webhook anew"
)
UNSIGNED = _refusal(
    401, "SIGNATURE_MISSING", "X-Hook-Signature is missing: sign the raw body with the subscription's secret"
)
FORGED = _refusal(
    401, "SIGNATURE_INVALID", "X-Hook-Signature does not fit the body: sign the raw body with the current secret"
)
NOT_STORED = _refusal(500, "DELIVERY_REFUSED", "the delivery could not be stored: it may be sent again")
UNAVAILABLE = _refusal(
    503,
    "UNAVAILABLE",
    "deliveries cannot be stored now: send it again later",
    (b"retry-after", str(RETRY_AFTER_S).encode()),
)


def handshake_accepted(secret: bytes) -> Answer:
    """Return the answer that confirms a handshake: it echoes the secret."""
    return Answer(200, b'{"accepted":true}', ((b"x-hook-secret", secret),))
