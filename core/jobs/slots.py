"""The slots of a worker: each works on one sync run at a time, and takes the next as soon as that has ended."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from core.cancelling import to_the_end
from core.db.engine import CONNECT_ERRORS
from core.logging import get_logger
from core.sync import engine, runs
from core.sync.runs import Run

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)


class SyncSlots:
    """Takes up due runs, as many at once as the process may work on. For one event loop, and one caller of `turn`."""

    def __init__(self, services: "Services", *, owner: str) -> None:
        self._services = services
        self._owner = owner
        self._working: dict[asyncio.Task[None], Run] = {}
        self._look = asyncio.Event()

    def wake(self) -> None:
        """End the wait of `turn`: something may be due."""
        self._look.set()

    async def turn(self, *, wait_s: float) -> None:
        """Wait until woken, for a run to end, or for so long; then fill what slots are free.

        One transaction, and none where no slot is free.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._look.wait()
        self._look.clear()
        await self._fill()

    async def close(self) -> None:
        """Give back the runs in hand, so that another worker goes on with their next page."""
        working = list(self._working)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _fill(self) -> None:
        """Take up due runs; the last slot is for incremental ones, which are short and must not wait for long ones."""
        settings = self._services.settings
        free = settings.sync_concurrency - len(self._working)
        if free <= 0:
            return
        bulk = sum(run.kind != "incremental" for run in self._working.values())
        taking = runs.take_due(
            self._services.database,
            owner=self._owner,
            lease_s=settings.lease_s,
            firm_most=settings.firm_concurrency,
            most=free,
            most_bulk=max(1, settings.sync_concurrency - 1) - bulk,
        )
        for run in await to_the_end(taking, undo=self._give_back):
            task = asyncio.create_task(self._work(run))
            self._working[task] = run
            task.add_done_callback(self._ended)

    async def _work(self, run: Run) -> None:
        try:
            await engine.work(self._services, run, owner=self._owner)
        except CONNECT_ERRORS as error:  # its lease lapses, and somebody takes it up again
            log.warning("sync_run_left", run_id=run.id, error=type(error).__name__)
        except Exception:
            log.exception("sync_run_left", run_id=run.id)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        self.wake()

    async def _give_back(self, taken: list[Run]) -> None:
        for run in taken:
            await runs.put_back(self._services.database, run, owner=self._owner, delay_s=0, error=None, failed=False)
