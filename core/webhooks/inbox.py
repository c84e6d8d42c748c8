"""The inbox: every delivery is committed to PostgreSQL before Clio hears 200, all that wait together in one statement.

`put` joins the waiting deliveries and a flush takes them all; at most two flushes are in flight. A flusher gives up its
slot in the same event-loop step in which it finds nothing waiting, so that whoever comes next starts one at once.
"""

import asyncio
import datetime
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
from redis.exceptions import RedisError

from core.db.engine import CONNECT_ERRORS
from core.errors import DatabaseUnavailable, RedisUnavailable, ServiceError
from core.logging import get_logger
from core.webhooks.endpoints import POOL_WAIT_S
from core.webhooks.failures import where_raised

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

BATCH_MAX = 500
FLUSHES_MAX = 2
WAITING_MAX = 10_000
WAKE_PAUSE_S = 0.05
"""Between two wake-ups, however many flushes there were: a wake-up says that something waits, not how much."""

ROW_ERRORS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DeadlockDetectedError,
    ValueError,
)
"""What rows cause and not the connection: one by one, the good ones go in. What asyncpg cannot encode is a ValueError,
and a deadlock with a worker that settles the same deliveries takes more than one row."""

INSERT = """
WITH written AS (
    INSERT INTO webhook_delivery AS kept
        (endpoint, firm, resource, model, event, record_clio_id, digest, body, received_at, receipts)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[],
                         $8::bytea[], $9::timestamptz[], $10::int[])
    ON CONFLICT (endpoint, digest) DO UPDATE SET receipts = kept.receipts + excluded.receipts
    RETURNING endpoint, digest, received_at, xmax
)
SELECT endpoint, digest, received_at FROM written WHERE xmax <> 0"""
"""Returns the rows that were there before: such a one was locked for the update, and `xmax` says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery whose signature was right. `digest` is sha256 of the body; with the endpoint it says which it is."""

    endpoint: int
    firm: int
    resource: str
    model: str
    event: str
    record_clio_id: int | None
    digest: bytes
    body: bytes
    received_at: datetime.datetime


class InboxFull(ServiceError):
    """More deliveries wait for the database than may; Clio is told to come again."""

    code = "INBOX_FULL"


class DeliveryRefused(ServiceError):
    """PostgreSQL takes the other deliveries and not this one: a defect of the receiver, seen in its log."""

    code = "DELIVERY_REFUSED"


_Entry: TypeAlias = "tuple[Delivery, asyncio.Future[None]]"


class Inbox:
    """Takes deliveries in by group commit, and wakes the workers after each commit."""

    def __init__(
        self,
        services: "Services",
        *,
        wake: Callable[[], Awaitable[None]] | None = None,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """Take the services, which need not be open yet.

        `wake` asks a worker to look (through the queue unless given); it may fail, the delivery is found without it.
        """
        self._database = services.database
        self._services = services
        self._wake = wake or self._wake_through_queue
        self._waiting_max = waiting_max
        self._waiting: deque[_Entry] = deque()
        self._flushers: set[asyncio.Task[None]] = set()
        self._waker: asyncio.Task[None] | None = None
        self._wake_again = False
        self._wake_failed = False
        self._open = False

    async def start(self) -> None:
        """Begin to take deliveries."""
        self._open = True

    async def stop(self) -> None:
        """Take no more, and return when all that were taken are settled and the last wake-up is out."""
        self._open = False
        while self._flushers:
            await asyncio.wait(set(self._flushers))
        if self._waker is not None:
            await asyncio.wait([self._waker])
        await self._services.webhook_recorder.flush()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take deliveries for the length of the block."""
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def put(self, delivery: Delivery) -> None:
        """Return once the delivery is committed; the same one again adds to the receipts of its row.

        Raises:
            InboxFull: too many wait already, or the inbox is not open.
            DatabaseUnavailable: PostgreSQL is away; whether the row was written is not known, so have it sent again.
            DeliveryRefused: PostgreSQL does not take this row.
        """
        if not self._open or len(self._waiting) >= self._waiting_max:
            raise InboxFull("the inbox takes no delivery now: send it again")
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, settled))
        if len(self._flushers) < FLUSHES_MAX:
            flusher = asyncio.get_running_loop().create_task(self._flush())
            self._flushers.add(flusher)
            flusher.add_done_callback(self._flushers.discard)
        await settled

    async def _flush(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
            await self._settle(batch)
        task = asyncio.current_task()
        if task is not None:
            self._flushers.discard(task)

    async def _settle(self, batch: Sequence[_Entry]) -> None:
        try:
            repeats = await self._write([delivery for delivery, _ in batch])
        except ROW_ERRORS as error:
            await self._isolate(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, every sender must hear of it and none may hang
            _fail(batch, _unavailable(error))
        else:
            for _, settled in batch:
                if not settled.done():
                    settled.set_result(None)
            self._count([delivery for delivery, _ in batch], repeats)
            self._wake_soon()

    async def _isolate(self, batch: Sequence[_Entry], error: Exception) -> None:
        """Write the rows of a batch one by one, so that a bad one fails alone."""
        if len(batch) > 1:
            for entry in batch:
                await self._settle([entry])
            return
        delivery = batch[0][0]
        log.error(
            "webhook_delivery_refused",
            firm=delivery.firm,
            endpoint=delivery.endpoint,
            digest=delivery.digest.hex(),
            error=type(error).__name__,
        )
        _fail(batch, DeliveryRefused("the delivery could not be stored: look for its digest in the log"))

    def _count(self, deliveries: Sequence[Delivery], first_at: dict[tuple[int, bytes], datetime.datetime]) -> None:
        """Count what is committed; `first_at` says of the repeats among it when they first came."""
        recorder, committed_at = self._services.webhook_recorder, time.time()
        for d in deliveries:
            key = (d.endpoint, d.digest)
            if key in first_at:
                recorder.repeated(d.firm, d.model, d.event, d.body, first_at[key].timestamp())
            else:
                first_at[key] = d.received_at
                began_at = d.received_at.timestamp()
                recorder.received(d.firm, d.model, d.event, d.body, began_at, ingest_s=committed_at - began_at)

    async def _write(self, deliveries: Sequence[Delivery]) -> dict[tuple[int, bytes], datetime.datetime]:
        """Write deliveries; return when those that were there before first came, by endpoint and digest."""
        receipts: dict[tuple[int, bytes], int] = {}
        first: dict[tuple[int, bytes], Delivery] = {}
        for delivery in deliveries:
            key = (delivery.endpoint, delivery.digest)
            first.setdefault(key, delivery)
            receipts[key] = receipts.get(key, 0) + 1
        # In one order for all writers: two flushes that meet the same rows would deadlock otherwise.
        rows = [
            (d.endpoint, d.firm, d.resource, d.model, d.event, d.record_clio_id, d.digest, d.body, d.received_at, count)
            for (d, count) in ((first[key], receipts[key]) for key in sorted(first))
        ]
        async with self._database.pool.acquire(timeout=POOL_WAIT_S) as connection:
            known = await connection.fetch(INSERT, *map(list, zip(*rows, strict=True)), timeout=POOL_WAIT_S)
        return {(row["endpoint"], row["digest"]): row["received_at"] for row in known}

    def _wake_soon(self) -> None:
        self._wake_again = True
        if self._waker is None:
            self._waker = asyncio.get_running_loop().create_task(self._wake_workers())

    async def _wake_workers(self) -> None:
        try:
            while self._wake_again:
                self._wake_again = False
                await self._wake_once()
                await asyncio.sleep(WAKE_PAUSE_S)
        finally:
            self._waker = None

    async def _wake_through_queue(self) -> None:
        await self._services.queue.wake_deliveries()

    async def _wake_once(self) -> None:
        try:
            await self._wake()
        except (RedisError, RedisUnavailable, OSError) as error:
            if not self._wake_failed:
                log.warning("webhook_wake_failed", error=type(error).__name__)
            self._wake_failed = True
        else:
            if self._wake_failed:
                log.info("webhook_wake_recovered")
            self._wake_failed = False


def _unavailable(error: Exception) -> ServiceError:
    expected = isinstance(error, (*CONNECT_ERRORS, asyncpg.PostgresError, DatabaseUnavailable, TimeoutError))
    where = None if expected else where_raised(error)
    log.error("webhook_flush_failed", error=type(error).__name__, where=where)
    return DatabaseUnavailable("deliveries cannot be stored now: check that PostgreSQL is up")


def _fail(batch: Sequence[_Entry], error: ServiceError) -> None:
    for _, settled in batch:
        if not settled.done():
            settled.set_exception(type(error)(str(error)))
