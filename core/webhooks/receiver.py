"""The way in for Clio's webhooks: a bare ASGI callable, for a framework's routing would cost half of this path.

Nothing is answered 200 before it is committed, nothing unsigned is stored, and 410 is for retired endpoints alone:
Clio switches a subscription off when it hears it.
"""

import asyncio
import datetime
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from core.db.engine import CONNECT_ERRORS
from core.errors import DatabaseUnavailable, DecryptionFailed
from core.logging import get_logger
from core.webhooks import answers
from core.webhooks.answers import Answer
from core.webhooks.bodies import Bodies, Body, BodyTooLarge, BodyTooSlow, SenderGone, TooManyBodies
from core.webhooks.delivery import Delivery
from core.webhooks.endpoints import REFRESH_S, Endpoint, EndpointDirectory, store_offered_secret
from core.webhooks.envelope import read_envelope
from core.webhooks.forgeries import Forgeries
from core.webhooks.inbox import DeliveryRefused, Inbox, InboxFull
from core.webhooks.spill import SpillUnavailable
from core.webhooks.states import AWAITING_HANDSHAKE

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

PREFIX = "/webhooks/clio/"
SECRET_LENGTH_MAX = 256
REMEMBER_S = 30.0
"""How often all endpoints are read, for the time when PostgreSQL is away."""

UNAVAILABLE_ERRORS = (
    *CONNECT_ERRORS,
    asyncpg.PostgresError,
    DatabaseUnavailable,
    InboxFull,
    SpillUnavailable,
    TimeoutError,
)


KEPT_HEADERS = (b"user-agent", b"content-type", b"content-length", b"x-request-id", b"x-correlation-id")
"""What is kept of a request's headers. No other is: signatures, secrets, cookies and whatever a proxy adds."""

HEADER_LENGTH_MAX = 256


class WebhookReceiver:
    """Answers `POST /webhooks/clio/{endpoint_key}`; put before the application with `wrap`."""

    def __init__(self, services: "Services", inbox: Inbox, *, bodies: Bodies | None = None) -> None:
        """Take the services, which need not be open yet, and the inbox, which must run while requests come.

        `bodies` bounds what is held at once.
        """
        self._services = services
        self._inbox = inbox
        self._directory = EndpointDirectory(services.database, services.cipher)
        self._bodies = bodies or Bodies()
        self._forgeries = Forgeries(services.webhook_recorder)

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
                with self._bodies.one() as body:
                    answer = await self._answer(scope, receive, body)
            except SenderGone:
                return
            except TooManyBodies:
                answer = answers.UNAVAILABLE
            except BodyTooLarge:
                answer = answers.TOO_LARGE
            except BodyTooSlow:
                answer = answers.TOO_SLOW
            except UNAVAILABLE_ERRORS as error:
                log.warning("webhook_delivery_put_off", error=type(error).__name__)
                answer = answers.UNAVAILABLE
            except DecryptionFailed:
                log.exception("webhook_secret_unreadable")
                answer = answers.UNAVAILABLE
            except DeliveryRefused:
                answer = answers.NOT_STORED
        await answer.send(send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Know every endpoint for the length of the block, also those that are made meanwhile by other processes."""
        await self._remember()
        remembering = asyncio.create_task(self._keep_remembering())
        try:
            yield
        finally:
            remembering.cancel()
            await asyncio.wait([remembering])

    async def _keep_remembering(self) -> None:
        while True:
            await asyncio.sleep(REMEMBER_S)
            await self._remember()

    async def _remember(self) -> None:
        try:
            await self._directory.remember_all()
        except UNAVAILABLE_ERRORS as error:
            log.debug("webhook_endpoints_unread", error=type(error).__name__)
        except DecryptionFailed:
            log.exception("webhook_secret_unreadable")

    async def _answer(self, scope: Scope, receive: Receive, held: Body) -> Answer:
        received_at = datetime.datetime.now(datetime.UTC)
        key = scope["path"][len(PREFIX) :]
        endpoint = await self._directory.find(key)
        if endpoint is None:
            return answers.NOT_FOUND
        if endpoint.state == "retired":
            return answers.RETIRED
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body = await held.read(headers, receive, self._services.settings.webhook_max_bytes)
        if not _is_json(headers.get(b"content-type", b"")):
            return answers.NOT_JSON
        signature, offered = headers.get(b"x-hook-signature"), headers.get(b"x-hook-secret")
        if signature is None:
            if offered is not None:
                return await self._shake_hands(key, offered)
            self._forgeries.add(endpoint)
            return answers.UNSIGNED
        if not _signed_by(endpoint, signature, body):
            fresh_s = 0.0 if endpoint.state in AWAITING_HANDSHAKE else REFRESH_S
            endpoint = await self._directory.find(key, younger_than_s=fresh_s) or endpoint
            if not _signed_by(endpoint, signature, body):
                self._forgeries.add(endpoint)
                return answers.FORGED
        return await self._take(endpoint, headers, body, received_at)

    async def _take(
        self, endpoint: Endpoint, headers: dict[bytes, bytes], body: bytes, received_at: datetime.datetime
    ) -> Answer:
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
                headers=_kept(tuple(map(headers.get, KEPT_HEADERS))),
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
            if endpoint is not None:
                self._forgeries.add(endpoint)
            return answers.HANDSHAKE_NOT_AWAITED
        stored = await store_offered_secret(
            self._services.database, self._services.cipher, endpoint.id, offered.decode()
        )
        self._directory.forget(key)
        return answers.handshake_accepted(offered) if stored else answers.HANDSHAKE_NOT_AWAITED


@lru_cache(maxsize=1024)
def _kept(values: tuple[bytes | None, ...]) -> str:
    """Return the headers that are kept as JSON; `values` are in the order of `KEPT_HEADERS`."""
    found = zip(KEPT_HEADERS, values, strict=True)
    kept = {name.decode(): _printable(value) for name, value in found if value is not None}
    return msgspec.json.encode(kept).decode()


def _printable(value: bytes) -> str:
    text = value[:HEADER_LENGTH_MAX].decode("latin-1")
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def _is_json(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


def _signed_by(endpoint: Endpoint, signature: bytes, body: bytes) -> bool:
    """Whether the body was signed with a secret of the endpoint; compares in constant time."""
    fits = False
    for secret in endpoint.secrets:
        expected = hmac.digest(secret, body, "sha256").hex().encode()
        fits |= hmac.compare_digest(expected, signature)
    return fits
