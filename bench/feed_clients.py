"""The clients of the measurement of the feed: subscribers of `changes`, of which a third come and go.

`python -m bench.feed_clients <port> <sockets>`, the bearer token, the document and a cursor as lines on stdin. Prints
`ready` once every socket is open, and one line of JSON with what was heard once stdin has named the last cursor.
"""

import asyncio
import hashlib
import json
import random
import re
import sys
import time
from collections import Counter

from bench.fanout_clients import CONNECTING_AT_ONCE, HOST, Socket

LEAVES = 3
"""One of so many subscribers comes and goes."""

STAYS_S, AWAY_S = (2.0, 20.0), (0.0, 3.0)
ENDS_WITHIN_S, LOOK_S = 60.0, 0.2

_CHANGE = re.compile(rb'"cursor": ?"([^"]+)", ?"clioId": ?"(\d+)"')


class Subscriber:
    """One who wants every change once: what was heard on all of its connections, as a chain of digests of cursors."""

    def __init__(self, cursor: str) -> None:
        self.cursor = cursor
        self.count = 0
        self.resumed = 0
        self.chain = hashlib.sha256(cursor.encode())
        self.refusals: Counter[str] = Counter()
        self.delays_ms: Counter[int] = Counter()

    def hear(self, cursor: str, sent_ms: int) -> None:
        """Take the next change."""
        self.cursor = cursor
        self.count += 1
        self.chain.update(cursor.encode())
        if not self.resumed:
            self.delays_ms[time.monotonic_ns() // 1_000_000 - sent_ms] += 1


class Connection(Socket):
    """One connection of a subscriber, which goes on after the cursor it heard last."""

    def __init__(self, token: str, document: str, subscriber: Subscriber) -> None:
        super().__init__(token, document, {"after": subscriber.cursor})
        self._subscriber = subscriber
        self.closed = asyncio.Event()

    def connection_lost(self, _error: Exception | None) -> None:
        """Let whoever holds the connection know."""
        self.closed.set()

    def take(self, frame: bytes) -> None:
        """Hear a change; nothing that is still on its way when the connection is given up counts."""
        if self.transport.is_closing():
            return
        found = _CHANGE.search(frame)
        if found:
            self._subscriber.hear(found[1].decode(), int(found[2]))
            return
        code = re.search(rb'"code": ?"(\w+)"', frame)
        self._subscriber.refusals[code[1].decode() if code else frame.decode(errors="replace")[:80]] += 1
        self.transport.close()


async def keep(
    token: str, document: str, port: int, subscriber: Subscriber, gate: asyncio.Semaphore, seed: int
) -> None:
    """Stay connected to the end, or come and go."""
    chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
    loop = asyncio.get_running_loop()
    while True:
        async with gate:
            transport, connection = await loop.create_connection(
                lambda: Connection(token, document, subscriber), HOST, port
            )
        try:
            async with asyncio.timeout(None if seed % LEAVES else chance.uniform(*STAYS_S)):
                await connection.closed.wait()
        except TimeoutError:
            await asyncio.sleep(0)
        finally:
            transport.close()
        subscriber.resumed += 1
        await asyncio.sleep(chance.uniform(*AWAY_S))


async def main(port: int, sockets: int) -> None:
    """Connect, say `ready`, listen until everyone has heard the cursor that stdin names, and print what was heard."""
    token, document, cursor = (sys.stdin.readline().strip() for _ in range(3))
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(CONNECTING_AT_ONCE)
    subscribers = [Subscriber(cursor) for _ in range(sockets)]
    tasks = [
        asyncio.create_task(keep(token, document, port, subscriber, gate, seed))
        for seed, subscriber in enumerate(subscribers)
    ]
    await asyncio.sleep(5)
    print("ready", flush=True)
    last = (await loop.run_in_executor(None, sys.stdin.readline)).strip()
    for _ in range(int(ENDS_WITHIN_S / LOOK_S)):
        if all(each.cursor == last for each in subscribers):
            break
        await asyncio.sleep(LOOK_S)
    for task in tasks:
        task.cancel()
    failed = [each for each in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(each, OSError)]
    print(
        json.dumps(
            {
                "chains": Counter(each.chain.hexdigest() for each in subscribers),
                "counts": Counter(each.count for each in subscribers),
                "resumed": sum(each.resumed for each in subscribers),
                "refusals": sum((each.refusals for each in subscribers), Counter()),
                "delays_ms": sum((each.delays_ms for each in subscribers), Counter()),
                "failed": len(failed),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
