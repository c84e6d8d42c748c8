"""Writing the pages of a run in their order, the next one with PostgreSQL already while one is written.

A page's statement waits for the row of its run, and writes only where the run stands at that page. So PostgreSQL goes
on with the next page the moment one is committed, and never passes one. A page that came too early, as when the one
before it has to be sent twice, is sent again after it.
"""

import asyncio
import dataclasses
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from core.clio.paging import Page
from core.errors import LeaseLost
from core.mirror.writer import Batch, Checkpoint, OutOfTurn, Source, WriteResult, check_records, write_batch
from core.resource import Resource
from core.sync import runs
from core.sync.progress import Hints
from core.sync.runs import Run

if TYPE_CHECKING:
    from core.services import Services

UNDER_WAY = 2
"""Pages that PostgreSQL has at once: the one that is written, and the next."""


class Writing:
    """One worker's writes for one run; see `writing`."""

    def __init__(self, services: "Services", run: Run, resource: Resource, *, owner: str) -> None:
        self._services = services
        self._run = run
        self._resource = resource
        self._owner = owner
        self._hints = Hints(services.redis, firm=run.firm, run=run.id)
        self._under_way: deque[asyncio.Task[WriteResult]] = deque()
        self._at_url = run.next_url
        self._is_new: bool | None = None
        self._created = self._analysed = 0

    async def write(self, page: Page, *, read_to: int) -> None:
        """Begin to write a page, when at most one before it is not written yet; `read_to` is the highest id so far.

        Raises what writing an earlier page did.
        """
        batch = page.prepared or await check_records(self._resource, page.records)
        while len(self._under_way) >= (1 if self._is_new is None else UNDER_WAY):
            await self._next_written()
        before = self._under_way[-1] if self._under_way else None
        checkpoint = Checkpoint(
            run_id=self._run.id,
            lease_owner=self._owner,
            lease_s=self._services.settings.lease_s,
            at_url=self._at_url,
            next_url=page.next_url or "",
            total=page.total,
            read_to=read_to,
        )
        self._at_url = checkpoint.next_url
        self._under_way.append(asyncio.create_task(self._write(page, batch, checkpoint, before)))

    async def settled(self) -> None:
        """Wait until every page is written. Raises what writing one did."""
        while self._under_way:
            await self._next_written()
        await self._analyse(growth=2)

    async def begin_again(self) -> None:
        """Take the run back to before its first page."""
        await self.settled()
        await runs.begin_again(self._services.database, self._run, owner=self._owner)
        self._at_url = None

    async def ended(self) -> None:
        """Wait until nothing is under way, whatever became of it."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def give_up(self) -> None:
        """Cancel what is under way."""
        for task in self._under_way:
            task.cancel()
        await self.ended()

    async def _next_written(self) -> None:
        result = await self._under_way[0]
        self._under_way.popleft()
        self._created += result.created
        self._is_new = self._run.kind == "backfill" and result.is_new_throughout  # as it mostly goes on
        await self._analyse(growth=4)
        await self._hints.publish()

    async def _write(
        self, page: Page, batch: Batch, checkpoint: Checkpoint, before: "asyncio.Task[WriteResult] | None"
    ) -> WriteResult:
        try:
            return await self._send(page, batch, checkpoint)
        except OutOfTurn:
            if before is not None:
                await before
        try:
            return await self._send(page, batch, checkpoint)
        except OutOfTurn as error:
            raise LeaseLost(f"run {self._run.id} stands elsewhere than this worker left it") from error

    async def _send(self, page: Page, batch: Batch, checkpoint: Checkpoint) -> WriteResult:
        source: Source = "backfill" if self._run.kind == "backfill" else "incremental"
        async with runs.counting(self._run) as requests:
            return await write_batch(
                self._services.database.pool,
                batch,
                is_new=bool(self._is_new),
                firm=self._run.firm,
                seen_at=page.requested_at,
                source=source,
                checkpoint=dataclasses.replace(checkpoint, requests=requests),
            )

    async def _analyse(self, *, growth: int) -> None:
        """Let queries plan for the table as it has become: they keep their plans until its statistics change.

        Only the columns of its indexes, which decide: to look at all 46 of a table takes six times as long, and
        PostgreSQL does that by itself within a minute or so.
        """
        if self._run.kind != "backfill" or self._created <= growth * self._analysed:
            return
        self._analysed = self._created
        columns = await self._services.database.pool.fetchval(
            """SELECT string_agg(DISTINCT quote_ident(attname), ', ') FROM pg_index
               JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indrelid = $1::regclass""",
            self._resource.table_name,
        )
        await self._services.database.pool.execute(f"ANALYZE {self._resource.table_name} ({columns})")


@asynccontextmanager
async def writing(services: "Services", run: Run, resource: Resource, *, owner: str) -> AsyncIterator[Writing]:
    """Write pages in the block. Where reading fails what was begun is still written; a cancelling gives it up."""
    writes = Writing(services, run, resource, owner=owner)
    try:
        yield writes
    except Exception:
        await writes.ended()
        raise
    finally:
        await writes.give_up()
