"""Sending: handshakes, signed deliveries, retries, suspension."""

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus

import httpx

from mock_clio.clock import Clock, Timers
from mock_clio.control.faults import Faults
from mock_clio.control.journal import Journal
from mock_clio.hooks.background import Background
from mock_clio.hooks.subscription import Subscription
from mock_clio.switches import Switches

RETRY_MINUTES = (2, 4, 8, 16, 32)
"""Wait before each further attempt; after the last the event is lost."""
_HELD_FOR = 2.0
_AT_ONCE = 32
"""Requests under way at a time; the rest wait here, where waiting does not count against the delivery time-out."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a subscriber, its body fixed when it happened."""

    webhook_id: int
    event: str
    body: bytes
    attempt: int = 1


def signature(secret: str, body: bytes) -> str:
    """X-Hook-Signature: HMAC-SHA256 of the raw body, lower case hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@cache
def _trust() -> ssl.SSLContext:
    """The certificate authorities, read once in a process: reading them takes longer than starting a mock."""
    return ssl.create_default_context()


class Courier:
    """Sends what subscribers are due."""

    def __init__(
        self,
        *,
        clock: Clock,
        timers: Timers,
        switches: Switches,
        faults: Faults,
        journal: Journal,
        find: Callable[[int], Subscription | None],
        set_status: Callable[[Subscription, str], None],
        retry_factor: float = 1.0,
    ) -> None:
        self._clock = clock
        self._timers = timers
        self._switches = switches
        self._faults = faults
        self._journal = journal
        self._find = find
        self._set_status = set_status
        self._retry_factor = retry_factor
        self._client: httpx.AsyncClient | None = None
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._held: list[Delivery] = []
        self._release_task: asyncio.Task[None] | None = None
        self.background = Background()

    def dispatch(self, delivery: Delivery, model: str) -> None:
        """Send an event now, unless a fault is waiting for it."""
        fault = self._faults.delivery(model)
        action = fault.action if fault is not None else None
        seconds = fault.seconds if fault is not None else 0.0
        if action == "drop":
            self._note(delivery, None, "dropped", None)
        elif action == "delay":
            self._timers.at(self._clock.now() + seconds, lambda: self.send(delivery))
        elif action == "reorder" and fault is not None:
            self._hold(delivery, last=fault.count == 0, seconds=seconds)
        else:
            for _ in range(fault.times if fault is not None and action == "repeat" else 1):
                self.send(delivery)

    def send(self, delivery: Delivery) -> None:
        """Send now, whatever fault is waiting."""
        self.background.spawn(self._attempt(delivery))

    async def handshake(self, subscription: Subscription) -> None:
        """Ask a URL whether it wants the webhook: it does if it answers 200 with the secret it was sent."""
        secret, url = subscription.row["shared_secret"], subscription.row["url"]
        body = b'{"data":{"webhook_id":%d}}' % subscription.id
        answer = await self._post(url, body, {"X-Hook-Secret": secret})
        confirmed = answer is not None and answer.status_code == HTTPStatus.OK
        confirmed = confirmed and answer is not None and answer.headers.get("x-hook-secret") == secret
        status = answer.status_code if answer is not None else None
        outcome = "confirmed" if confirmed else "unconfirmed"
        self._note(Delivery(subscription.id, "handshake", body), status, outcome, url)
        if confirmed and subscription.row["status"] == "pending" and subscription.row["shared_secret"] == secret:
            self._set_status(subscription, "enabled")

    async def open(self) -> None:
        """Make ready to send."""
        self._http()

    async def close(self) -> None:
        """Stop sending and let go of connections."""
        await self.background.close()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def forget(self) -> None:
        """Drop what is held back."""
        self._held.clear()

    def _hold(self, delivery: Delivery, *, last: bool, seconds: float) -> None:
        self._held.append(delivery)
        if last:
            if self._release_task is not None:
                self._release_task.cancel()
            self._release()
        elif len(self._held) == 1:
            self._release_task = self.background.spawn(self._release_later(seconds or _HELD_FOR))

    async def _release_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        self.background.spawn(self._in_turn(list(reversed(held))))

    async def _in_turn(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            await self._attempt(delivery)

    async def _attempt(self, delivery: Delivery) -> None:
        subscription = self._find(delivery.webhook_id)
        if subscription is None or not subscription.listens(self._clock.now()):
            return
        row = subscription.row
        answer = await self._post(
            row["url"], delivery.body, {"X-Hook-Signature": signature(row["shared_secret"], delivery.body)}
        )
        if answer is not None and answer.status_code == HTTPStatus.GONE:
            self._note(delivery, answer.status_code, "disabled", row["url"])
            self._set_status(subscription, "suspended")
        elif answer is not None and HTTPStatus.OK <= answer.status_code < HTTPStatus.BAD_REQUEST:
            subscription.failing_since, subscription.failures = None, 0
            self._note(delivery, answer.status_code, "delivered", row["url"])
        else:
            self._failed(subscription, delivery, answer.status_code if answer is not None else None, row["url"])

    def _failed(self, subscription: Subscription, delivery: Delivery, status: int | None, url: str) -> None:
        now = self._clock.now()
        subscription.failures += 1
        if subscription.failing_since is None:
            subscription.failing_since = now
            if self._switches.suspend_after_seconds is not None:
                self._timers.at(now + self._switches.suspend_after_seconds, lambda: self._review(subscription))
        if delivery.attempt > len(RETRY_MINUTES):
            self._note(delivery, status, "lost", url)
        else:
            self._note(delivery, status, "failed", url)
            wait = 60 * RETRY_MINUTES[delivery.attempt - 1] * self._retry_factor
            following = replace(delivery, attempt=delivery.attempt + 1)
            self._timers.at(now + wait, lambda: self.send(following))
        self._review(subscription)

    def _review(self, subscription: Subscription) -> None:
        """Suspend a subscription that has failed for too long, or too often in a row."""
        if subscription.row["status"] != "enabled" or subscription.failing_since is None:
            return
        seconds, failures = self._switches.suspend_after_seconds, self._switches.suspend_after_failures
        long = seconds is not None and self._clock.now() - subscription.failing_since >= seconds
        often = failures is not None and subscription.failures >= failures
        if long or often:
            self._set_status(subscription, "suspended")

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
        """The answer, or None when there was none in time."""
        whole = {"Content-Type": "application/json", **headers}
        async with self._places:
            try:
                return await self._http().post(
                    url, content=body, headers=whole, timeout=self._switches.delivery_timeout
                )
            except (httpx.HTTPError, httpx.InvalidURL):
                return None

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(verify=_trust(), trust_env=False, follow_redirects=False)
        return self._client

    def _note(self, delivery: Delivery, status: int | None, outcome: str, url: str | None) -> None:
        self._journal.delivery(
            at=self._clock.now(),
            webhook_id=delivery.webhook_id,
            event=delivery.event,
            attempt=delivery.attempt,
            status=status,
            outcome=outcome,
            url=url,
            body=delivery.body,
        )
