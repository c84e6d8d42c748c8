"""The client: sends ready-made requests over kept connections and takes the time of each, in a process of its own.

One thread, plain sockets and no HTTP library: a few dozen microseconds of CPU for a small answer, less than any of the
servers needs. What it costs is measured with every cell.
"""

import gc
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

PATIENCE_S = 30.0
"""How long answers that are under way at the end are waited for, so that the next server starts on an idle machine."""

RECEIVE_BYTES = 1 << 18


@dataclass(frozen=True)
class Job:
    """What to send: `requests` in turn over `connections`, no new one after `seconds`."""

    port: int
    requests: Sequence[bytes]
    connections: int
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """One cell of one round. `elapsed_s` ends with the last answer; `client_cpu_s` is what sending and timing took."""

    answers: int
    elapsed_s: float
    client_cpu_s: float
    p50_s: float
    p99_s: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.elapsed_s


class BadAnswer(Exception):
    """A server answered with an error, or not at all."""


@dataclass
class Connection:
    """One kept connection with one request under way. `wanted` is None until the head of the answer is complete."""

    channel: socket.socket
    sent_at: float = 0.0
    parts: list[bytes] = field(default_factory=list)
    received: int = 0
    wanted: int | None = None

    def send(self, request: bytes) -> None:
        """Send a request, and take the time from now."""
        self.parts, self.received, self.wanted = [], 0, None
        self.sent_at = time.perf_counter()
        self.channel.sendall(request)

    def take(self) -> bool:
        """Take what has come; tell whether the answer is complete.

        Raises:
            BadAnswer: the server closed the connection, or the answer is an error.
        """
        data = self.channel.recv(RECEIVE_BYTES)
        if not data:
            raise BadAnswer(f"the server closed a connection after {self.received} bytes of an answer")
        self.received += len(data)
        if self.wanted is None:
            self.parts.append(data)
            self.wanted = _length(b"".join(self.parts) if len(self.parts) > 1 else data)
        return self.received == self.wanted


def _length(data: bytes) -> int | None:
    """Return how long a whole answer is, head included; None where its head is not complete yet."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].lower()
    start = head.find(b"\r\ncontent-length:")
    if not head.startswith(b"http/1.1 200") or start < 0:
        raise BadAnswer(f"a server answered {data[:300]!r}")
    if data.startswith((b'{"errors"', b'{"data":null'), end + 4):
        raise BadAnswer(f"a server answered {data[end + 4 : end + 300]!r}")
    return end + 4 + int(head[start + 17 :].partition(b"\r\n")[0])


def run(job: Job) -> Outcome:
    """Load one server for `job.seconds`, then wait for what is under way.

    Raises:
        BadAnswer: an answer has an error, or does not come.
    """
    gc.collect()
    gc.disable()
    with selectors.DefaultSelector() as selector:
        connections = [Connection(connect(job.port)) for _ in range(job.connections)]
        for connection in connections:
            selector.register(connection.channel, selectors.EVENT_READ, connection)
        try:
            return _exchange(job, selector, connections)
        finally:
            for connection in connections:
                connection.channel.close()
            gc.enable()


def connect(port: int) -> socket.socket:
    """Connect to a server of this machine."""
    made = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _exchange(job: Job, selector: selectors.BaseSelector, connections: Sequence[Connection]) -> Outcome:
    requests, count, latencies = job.requests, len(job.requests), []
    cpu, started = time.process_time(), time.perf_counter()
    ends, last = started + job.seconds, started
    for number, connection in enumerate(connections):
        connection.send(requests[number % count])
    sent = open_requests = len(connections)
    while open_requests:
        ready = selector.select(PATIENCE_S)
        if not ready:
            raise BadAnswer(f"no answer within {PATIENCE_S:.0f} s")
        for key, _ in ready:
            connection = key.data
            if not connection.take():
                continue
            last = time.perf_counter()
            latencies.append(last - connection.sent_at)
            if last < ends:
                connection.send(requests[sent % count])
                sent += 1
            else:
                # A server may close it while others are still under way.
                selector.unregister(connection.channel)
                open_requests -= 1
    latencies.sort()
    return Outcome(
        answers=len(latencies),
        elapsed_s=last - started,
        client_cpu_s=time.process_time() - cpu,
        p50_s=latencies[len(latencies) // 2],
        p99_s=latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
    )
