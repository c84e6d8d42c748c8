"""The journal: what was asked of the mock, and what it delivered. Bounded, and free of tokens."""

import hashlib
from collections import deque

import msgspec


class RequestEntry(msgspec.Struct):
    """One request to the API or to OAuth."""

    number: int
    at: float
    method: str
    path: str
    query: str
    status: int
    client_id: str | None
    token_id: int | None


class DeliveryEntry(msgspec.Struct):
    """One attempt to deliver an event, or a handshake (`event` is then `handshake`)."""

    number: int
    at: float
    webhook_id: int
    event: str
    attempt: int
    status: int | None
    """Status of the answer; null when there was none."""
    outcome: str
    """delivered, failed, lost, disabled, dropped, confirmed or unconfirmed."""
    url: str | None
    """Where it was sent; null for one that was dropped."""
    digest: str
    """SHA-256 of the body, hexadecimal: with `url`, what tells one delivery from another."""
    body: str


SECRET_PARAMETERS = frozenset({"code", "token", "access_token", "refresh_token", "client_secret"})


class Journal:
    """The last requests and delivery attempts."""

    def __init__(self, size: int) -> None:
        self.requests: deque[RequestEntry] = deque(maxlen=size)
        self.deliveries: deque[DeliveryEntry] = deque(maxlen=size)
        self.request_count = 0
        self.delivery_count = 0

    def request(
        self,
        *,
        at: float,
        method: str,
        path: str,
        query: list[tuple[str, str]],
        status: int,
        client_id: str | None,
        token_id: int | None,
    ) -> None:
        """Note a request."""
        self.request_count += 1
        text = "&".join(f"{name}={'[hidden]' if name in SECRET_PARAMETERS else value}" for name, value in query)
        self.requests.append(RequestEntry(self.request_count, at, method, path, text, status, client_id, token_id))

    def delivery(
        self,
        *,
        at: float,
        webhook_id: int,
        event: str,
        attempt: int,
        status: int | None,
        outcome: str,
        url: str | None,
        body: bytes,
    ) -> None:
        """Note an attempt at a delivery."""
        self.delivery_count += 1
        self.deliveries.append(
            DeliveryEntry(
                number=self.delivery_count,
                at=at,
                webhook_id=webhook_id,
                event=event,
                attempt=attempt,
                status=status,
                outcome=outcome,
                url=url,
                digest=hashlib.sha256(body).hexdigest(),
                body=body.decode(),
            )
        )

    def clear(self) -> None:
        """Forget the entries; the counts go on."""
        self.requests.clear()
        self.deliveries.clear()
