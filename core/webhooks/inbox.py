"""The inbox: every delivery is committed to PostgreSQL before Clio hears 200, all that wait together in one statement.

While PostgreSQL is away it goes to Redis, on whose disk it waits to be moved.

`put` joins the waiting deliveries; what came while one statement was under way goes with the next. The flusher ends in
the same event-loop step in which it finds nothing waiting, so that whoever comes next starts one at once.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
from redis.exceptions import RedisError

from core.db.engine import CONNECT_ERRORS
from core.errors import DatabaseUnavailable, RedisUnavailable, ServiceError
from core.logging import get_logger
from core.webhooks.delivery import ROW_ERRORS, Delivery, Repeats, count, write
from core.webhooks.failures import where_raised
from core.webhooks.spill import DRAIN_ERRORS, Spill, SpillUnavailable

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

BATCH_MAX = 500
WAITING_MAX = 10_000
WAKE_PAUSE_S = 0.05
"""Between two wake-ups, however many flushes there were: a wake-up says that something waits, not how much."""

DRAIN_S = 1.0
"""How often it is looked whether deliveries wait in Redis."""

AWAY_S = 1.0
"""So long after PostgreSQL could not take deliveries, others go to Redis without asking it again."""


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
        self._spill = Spill(services)
        self._away_until = 0.0
        self._drainer: asyncio.Task[None] | None = None
        self._waiting: deque[_Entry] = deque()
        self._flusher: asyncio.Task[None] | None = None
        self._waker: asyncio.Task[None] | None = None
        self._wake_again = False
        self._wake_failed = False
        self._open = False

    async def start(self) -> None:
        """Begin to take deliveries, and to move those that wait in Redis."""
        self._open = True
        self._drainer = asyncio.create_task(self._drain())

    async def stop(self) -> None:
        """Take no more, and return when all that were taken are settled and the last wake-up is out."""
        self._open = False
        if self._drainer is not None:
            self._drainer.cancel()
            await asyncio.wait([self._drainer])
        if self._flusher is not None:
            await asyncio.wait([self._flusher])
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
        """Return once the delivery is on disk; the same one again adds to the receipts of its row.

        Raises:
            InboxFull: too many wait already, or the inbox is not open.
            SpillUnavailable: PostgreSQL is away, and Redis cannot keep it: have it sent again.
            DeliveryRefused: PostgreSQL does not take this row.
        """
        if not self._open or len(self._waiting) >= self._waiting_max:
            raise InboxFull("the inbox takes no delivery now: send it again")
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, settled))
        if self._flusher is None:
            self._flusher = asyncio.get_running_loop().create_task(self._flush())
        await settled

    async def _flush(self) -> None:
        while self._waiting:
            # Whoever is on the point of joining comes along: a sixth less CPU for each, and a sixth more of them.
            await asyncio.sleep(0)
            await self._settle([self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))])
        self._flusher = None

    async def _settle(self, batch: Sequence[_Entry]) -> None:
        deliveries = [delivery for delivery, _ in batch]
        try:
            repeats = await self._written(deliveries)
            if repeats is None:
                await self._spill.add(deliveries)
        except ROW_ERRORS as error:
            await self._isolate(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, every sender must hear of it and none may hang
            self._away_until = 0.0  # nowhere else to go: ask PostgreSQL every time
            if not isinstance(error, SpillUnavailable):
                log.warning("webhook_flush_failed", error=type(error).__name__, where=where_raised(error))
            _fail(batch, SpillUnavailable("deliveries cannot be stored now: check that PostgreSQL is up"))
        else:
            for _, settled in batch:
                if not settled.done():
                    settled.set_result(None)
            if repeats is not None:
                count(self._services.webhook_recorder, deliveries, repeats, committed_at=time.time())
            self._wake_soon()

    async def _written(self, deliveries: Sequence[Delivery]) -> Repeats | None:
        """Write them, or return None: whatever keeps PostgreSQL from it, but for the rows themselves, is an absence."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return await write(self._database.intake, deliveries)
        except ROW_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - nothing may be lost for an error that nobody thought of
            expected = isinstance(error, (*CONNECT_ERRORS, asyncpg.PostgresError, DatabaseUnavailable, TimeoutError))
            where = None if expected else where_raised(error)
            log.warning("webhook_database_away", error=type(error).__name__, where=where)
            self._away_until = time.monotonic() + AWAY_S
            return None

    async def _drain(self) -> None:
        """Move what waits in Redis, again and again."""
        while True:
            try:
                if await self._spill.drain():
                    self._wake_soon()
            except DRAIN_ERRORS as error:
                log.debug("webhook_drain_waits", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next turn comes
                log.warning("webhook_drain_failed", error=type(error).__name__, where=where_raised(error))
            await asyncio.sleep(DRAIN_S)

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


def _fail(batch: Sequence[_Entry], error: ServiceError) -> None:
    for _, settled in batch:
        if not settled.done():
            settled.set_exception(type(error)(str(error)))
