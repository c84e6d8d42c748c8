"""The worker process: arq wakes it, PostgreSQL tells it what there is to do, and a sweeper finds what arq lost."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from arq.worker import Worker, func
from redis.exceptions import RedisError

from core.clio.rights import look_at_rights
from core.coverage import repair
from core.db.engine import CONNECT_ERRORS
from core.history import partitions, sealing
from core.history import retention as history_retention
from core.jobs.queue import DELIVERY_JOB, QUEUE_NAME, SYNC_JOB, decode_job, encode_job
from core.jobs.slots import SyncSlots
from core.logging import get_logger
from core.metrics.rebuild import rebuild_if_lost
from core.mirror.tombstones import settle_tombstones
from core.services import Services
from core.sync import approval, runs, schedule
from core.sync import retention as run_retention
from core.sync.firm_schedule import put_back_resting, turn_quiet_hours
from core.webhooks import claims, lifecycle, processing, retention
from core.webhooks.spill import Spill

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

log = get_logger(__name__)

SWEEP_S = 1.0
POLLS_S = 5.0
DRAIN_S = 5.0
COMPARISONS_S = 60.0
MAINTAIN_S = 60.0
MAINTAINED_AT_ONCE = 3
"""Firms whose webhooks a worker looks at side by side; each holds a connection of the pool and asks Clio."""

LOOKED_MS = 45_000
"""So long no other worker looks at the webhooks of a firm again, but for its first look of all."""

FIRST_LOOK_S = 30.0
"""Longest wait of the first polls for the first look at the webhooks, which finds what the service slept through."""

CLEAN_UP_S = 600.0
METRICS_S = 1.0
SEAL_S = 5.0
"""How often it is looked whether the chains of history are due to grow; see `core.history.sealing.TURN_S`."""

RESTART_S = 1.0
JOB_TIMEOUT_S = 120
DELIVERY_SLOTS = 8


class WorkerProcess:
    """Runs jobs and the sweeper until `stop` is set; outlives a restart of Redis or PostgreSQL."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._owner = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._spill = Spill(services)
        self._slots = SyncSlots(services, owner=self._owner)
        self._looked = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; runs in hand are given back, so another worker goes on with their next page."""
        loops = [
            asyncio.create_task(self._jobs()),
            asyncio.create_task(self._every(0, self._take_turns)),
            asyncio.create_task(self._every(SWEEP_S, self._sweep)),
            asyncio.create_task(self._every(POLLS_S, self._polls)),
            asyncio.create_task(self._every(COMPARISONS_S, self._comparisons)),
            asyncio.create_task(self._every(MAINTAIN_S, self._maintain)),
            asyncio.create_task(self._every(DRAIN_S, self._drain)),
            asyncio.create_task(self._every(CLEAN_UP_S, self._clean_up)),
            asyncio.create_task(self._every(METRICS_S, self._metrics)),
            asyncio.create_task(self._every(SEAL_S, self._seal)),
        ]
        log.info("worker_started", owner=self._owner)
        await stop.wait()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await self._slots.close()
        log.info("worker_stopped", owner=self._owner)

    async def _jobs(self) -> None:
        while True:
            worker = self._arq_worker()
            try:
                await worker.async_run()
            except (RedisError, OSError) as error:
                log.warning("job_queue_lost", error=type(error).__name__, retry_in_s=RESTART_S)
            finally:
                await _close(worker)
            await asyncio.sleep(RESTART_S)

    def _arq_worker(self) -> Worker:
        return Worker(
            [
                func(cast("WorkerCoroutine", work), name=name, timeout=JOB_TIMEOUT_S, max_tries=1, keep_result=0)
                for name, work in (
                    (SYNC_JOB, self._work_on_sync_runs),
                    (DELIVERY_JOB, self._work_on_deliveries),
                )
            ],
            redis_pool=self._services.redis,
            queue_name=QUEUE_NAME,
            max_jobs=DELIVERY_SLOTS,
            poll_delay=0.05,
            handle_signals=False,
            job_serializer=encode_job,
            job_deserializer=decode_job,
            health_check_interval=60,
        )

    async def _work_on_sync_runs(self, _context: dict[Any, Any]) -> None:
        self._slots.wake()

    async def _take_turns(self) -> None:
        await self._slots.turn(wait_s=SWEEP_S)

    async def _work_on_deliveries(self, _context: dict[Any, Any]) -> None:
        await processing.process_deliveries(self._services)

    async def _every(self, period_s: float, work: Callable[[], Awaitable[None]]) -> None:
        """Repeat a piece of work; a failure is logged and the next turn comes all the same."""
        while True:
            try:
                await work()
            except (RedisError, *CONNECT_ERRORS) as error:
                log.warning("worker_waits_for_its_servers", work=work.__name__, error=type(error).__name__)
            except Exception:
                log.exception("worker_turn_failed", work=work.__name__)
            await asyncio.sleep(period_s)

    async def _sweep(self) -> None:
        await runs.finish_cancelled(self._services.database)
        if await claims.any_due(self._services.database):
            await self._services.queue.wake_deliveries()

    async def _drain(self) -> None:
        """Move deliveries that waited in Redis, should no API process be there to do it."""
        await self._spill.drain()

    async def _polls(self) -> None:
        await self._first_look()
        await turn_quiet_hours(self._services.database)
        await put_back_resting(self._services.database)
        await repair.repair_holes(self._services)
        await schedule.request_due_polls(self._services)
        await approval.request_approved(self._services)

    async def _comparisons(self) -> None:
        await self._first_look()
        await turn_quiet_hours(self._services.database)
        await schedule.request_due_reconciliations(self._services)

    async def _first_look(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._looked.wait()
        self._looked.set()

    async def _metrics(self) -> None:
        await rebuild_if_lost(self._services)

    async def _maintain(self) -> None:
        rows = await self._services.database.pool.fetch("SELECT id FROM firm WHERE state = 'connected'")
        firms = iter([row["id"] for row in rows])
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(MAINTAINED_AT_ONCE, len(rows))):
                    group.create_task(self._maintain_each(firms))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            self._looked.set()

    async def _maintain_each(self, firms: Iterator[int]) -> None:
        """Look at the webhooks of the firms that are left, unless another worker just has."""
        for firm in firms:
            is_first = await self._services.redis.set(f"webhooks:looked:{firm}", 1, nx=True, px=LOOKED_MS)
            if is_first or not self._looked.is_set():
                await lifecycle.maintain(self._services, firm)

    async def _clean_up(self) -> None:
        await partitions.make_ahead(self._services)
        await retention.delete_settled(self._services)
        await run_retention.delete_polls(self._services)
        await history_retention.purge_expired(self._services)
        await settle_tombstones(self._services)
        await self._services.accounts.give_back_due()
        await look_at_rights(self._services)

    async def _seal(self) -> None:
        await sealing.seal_all(self._services)


async def _close(worker: Worker) -> None:
    """Cancel an arq worker's jobs without closing the Redis client, which is the whole process's."""
    running = list(worker.tasks.values())
    for task in running:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*running, return_exceptions=True)
