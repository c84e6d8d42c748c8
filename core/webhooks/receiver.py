"""The way in for Clio's webhooks: a bare ASGI callable, for a framework's routing would cost half of this path.

Nothing is answered 200 before it is committed, nothing unsigned is stored, and 410 is for retired endpoints alone:
Clio switches a subscription off when it hears it.
"""

import datetime
import hashlib
import hmac
import time
from typing import TYPE_CHECKING

import asyncpg
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, ReceiveMessage, Scope, Send

from core.db.engine import CONNECT_ERRORS
from core.errors import DatabaseUnavailable, DecryptionFailed
from core.logging import get_logger
from core.webhooks import answers
from core.webhooks.answers import Answer
from core.webhooks.endpoints import REFRESH_S, Endpoint, EndpointDirectory, store_offered_secret
from core.webhooks.envelope import read_envelope
from core.webhooks.inbox import Delivery, DeliveryRefused, Inbox, InboxFull
from core.webhooks.states import AWAITING_HANDSHAKE

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

PREFIX = "/webhooks/clio/"
SECRET_LENGTH_MAX = 256
FORGERY_LOG_S = 60.0

UNAVAILABLE_ERRORS = (*CONNECT_ERRORS, asyncpg.PostgresError, DatabaseUnavailable, InboxFull, TimeoutError)


class _SenderGone(Exception):
    """The connection closed before the body was complete."""


class WebhookReceiver:
    """Answers `POST /webhooks/clio/{endpoint_key}`; put before the application with `wrap`."""

    def __init__(self, services: "Services", inbox: Inbox) -> None:
        """Take the services, which need not be open yet, and the inbox, which must run while requests come."""
        self._services = services
        self._inbox = inbox
        self._directory = EndpointDirectory(services.database, services.cipher)
        self._forgery_logged: dict[int, float] = {}

    def handles(self, scope: Scope) -> bool:
        """Whether a request is for this receiver."""
        return scope["type"] == ScopeType.HTTP and scope["path"].startswith(PREFIX)

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return an application that takes deliveries itself and leaves everything else, lifespan too, to `app`."""

        async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
            await (self if self.handles(scope) else app)(scope, receive, send)

        return dispatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if not self.handles(scope):
            answer = answers.NOT_FOUND
        elif scope["type"] == ScopeType.HTTP and scope["method"] != "POST":
            answer = answers.METHOD_NOT_ALLOWED
        else:
            try:
                answer = await self._answer(scope, receive)
            except _SenderGone:
                return
            except UNAVAILABLE_ERRORS as error:
                log.warning("webhook_delivery_put_off", error=type(error).__name__)
                answer = answers.UNAVAILABLE
            except DecryptionFailed:
                log.exception("webhook_secret_unreadable")
                answer = answers.UNAVAILABLE
            except DeliveryRefused:
                answer = answers.NOT_STORED
        await answer.send(send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        received_at = datetime.datetime.now(datetime.UTC)
        key = scope["path"][len(PREFIX) :]
        endpoint = await self._directory.find(key)
        if endpoint is None:
            return answers.NOT_FOUND
        if endpoint.state == "retired":
            return answers.RETIRED
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body = await _read_body(headers, receive, self._services.settings.webhook_max_bytes)
        if body is None:
            return answers.TOO_LARGE
        if not _is_json(headers.get(b"content-type", b"")):
            return answers.NOT_JSON
        signature, offered = headers.get(b"x-hook-signature"), headers.get(b"x-hook-secret")
        if signature is None:
            return answers.UNSIGNED if offered is None else await self._shake_hands(key, offered)
        if not _signed_by(endpoint, signature, body):
            fresh_s = 0.0 if endpoint.state in AWAITING_HANDSHAKE else REFRESH_S
            endpoint = await self._directory.find(key, younger_than_s=fresh_s) or endpoint
            if not _signed_by(endpoint, signature, body):
                return self._forged(endpoint)
        return await self._take(endpoint, body, received_at)

    async def _take(self, endpoint: Endpoint, body: bytes, received_at: datetime.datetime) -> Answer:
        event, record = read_envelope(body)
        await self._inbox.put(
            Delivery(
                endpoint=endpoint.id,
                firm=endpoint.firm,
                resource=endpoint.resource,
                model=endpoint.model,
                event=event,
                record_clio_id=record,
                digest=hashlib.sha256(body).digest(),
                body=body,
                received_at=received_at,
            )
        )
        return answers.RECEIVED

    async def _shake_hands(self, key: str, offered: bytes) -> Answer:
        """Accept the secret that Clio offers, if the endpoint awaits one; its state is read anew for that."""
        if not 0 < len(offered) <= SECRET_LENGTH_MAX or not offered.isascii() or not offered.decode().isprintable():
            return answers.BAD_HANDSHAKE
        endpoint = await self._directory.find(key, younger_than_s=0)
        if endpoint is None or endpoint.state not in AWAITING_HANDSHAKE:
            log.warning("webhook_handshake_refused", endpoint=endpoint.id if endpoint else None)
            return answers.HANDSHAKE_NOT_AWAITED
        stored = await store_offered_secret(
            self._services.database, self._services.cipher, endpoint.id, offered.decode()
        )
        self._directory.forget(key)
        return answers.handshake_accepted(offered) if stored else answers.HANDSHAKE_NOT_AWAITED

    def _forged(self, endpoint: Endpoint) -> Answer:
        self._services.webhook_recorder.forged(endpoint.firm, endpoint.model)
        now = time.monotonic()
        if now - self._forgery_logged.get(endpoint.id, -FORGERY_LOG_S) >= FORGERY_LOG_S:
            self._forgery_logged[endpoint.id] = now
            log.warning("webhook_signature_invalid", firm=endpoint.firm, endpoint=endpoint.id)
        return answers.FORGED


async def _read_body(headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes | None:
    """Return the body, or None as soon as it is known to be over the limit."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        return None
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part, more = _content(message)
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        if not more:
            return b"".join(parts)


def _content(message: ReceiveMessage) -> tuple[bytes, bool]:
    if message["type"] != "http.request":
        raise _SenderGone
    return message.get("body", b""), message.get("more_body", False)


def _is_json(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


def _signed_by(endpoint: Endpoint, signature: bytes, body: bytes) -> bool:
    """Whether the body was signed with a secret of the endpoint; compares in constant time."""
    fits = False
    for secret in endpoint.secrets:
        expected = hmac.digest(secret, body, "sha256").hex().encode()
        fits |= hmac.compare_digest(expected, signature)
    return fits
