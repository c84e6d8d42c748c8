"""The client: signed deliveries, each about another record, as fast as they are answered or at a rate of their own."""

import gc
import hashlib
import hmac
import selectors
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from bench.graphql.load import PATIENCE_S, BadAnswer, Connection, Job, Outcome, connect, run

BODY_BYTES = 1024
MOST_PER_SECOND = 30_000
"""More deliveries than any receiver takes are made ready beforehand."""


@dataclass(frozen=True)
class Deliveries:
    """Deliveries to one endpoint about the records from `first` on."""

    port: int
    key: str
    secret: str
    first: int
    connections: int
    seconds: float

    def requests(self, count: int) -> list[bytes]:
        """Return whole HTTP requests."""
        head = (
            f"POST /webhooks/clio/{self.key} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "Content-Type: application/json\r\nUser-Agent: bench\r\n"
        )
        return [self._request(head, self.first + number) for number in range(count)]

    def _request(self, head: str, record: int) -> bytes:
        start = f'{{"data":{{"id":{record},"etag":"\\"{record:032x}\\"","updated_at":"2026-11-02T12:00:00Z","name":"'
        end = '"},"meta":{"event":"updated","webhook_id":3184223}}'
        body = f"{start}{'n' * (BODY_BYTES - len(start) - len(end))}{end}".encode()
        signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return f"{head}Content-Length: {len(body)}\r\nX-Hook-Signature: {signature}\r\n\r\n".encode() + body


def flood(work: Deliveries) -> Outcome:
    """Send the next delivery on each connection as soon as the one before is answered; raises BadAnswer."""
    requests = work.requests(round(MOST_PER_SECOND * work.seconds))
    outcome = run(Job(work.port, requests, work.connections, work.seconds))
    if outcome.answers > len(requests):
        raise BadAnswer("the receiver was faster than deliveries were made ready for")
    return outcome


def offer(work: Deliveries, per_second: int) -> Outcome:
    """Send deliveries at a rate, whether those before are answered or not; raises BadAnswer.

    The time of each counts from when it was due, so a receiver that lags is not spared.
    """
    requests = work.requests(round(per_second * work.seconds))
    gc.collect()
    gc.disable()
    with selectors.DefaultSelector() as selector:
        connections = [Connection(connect(work.port)) for _ in range(work.connections)]
        for connection in connections:
            selector.register(connection.channel, selectors.EVENT_READ, connection)
        try:
            return _offered(requests, per_second, selector, connections)
        finally:
            for connection in connections:
                connection.channel.close()
            gc.enable()


def _offered(
    requests: Sequence[bytes], per_second: int, selector: selectors.BaseSelector, connections: Sequence[Connection]
) -> Outcome:
    free, sent = deque(connections), 0
    latencies: list[float] = []
    due_at: dict[int, float] = {}
    cpu, started = time.process_time(), time.perf_counter()
    while len(latencies) < len(requests):
        now = time.perf_counter()
        while free and sent < len(requests) and started + sent / per_second <= now:
            connection = free.popleft()
            due_at[id(connection)] = started + sent / per_second
            connection.send(requests[sent])
            sent += 1
        next_at = started + sent / per_second if free and sent < len(requests) else now + PATIENCE_S
        ready = selector.select(max(0.0, next_at - time.perf_counter()))
        if not ready and time.perf_counter() - now > PATIENCE_S / 2:
            raise BadAnswer(f"no answer within {PATIENCE_S:.0f} s")
        for key, _ in ready:
            if key.data.take():
                latencies.append(time.perf_counter() - due_at[id(key.data)])
                free.append(key.data)
    ended = time.perf_counter()
    latencies.sort()
    return Outcome(
        answers=len(latencies),
        elapsed_s=ended - started,
        client_cpu_s=time.process_time() - cpu,
        p50_s=latencies[len(latencies) // 2],
        p99_s=latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
    )
