"""Working on one sync run: pages from Clio into the mirror, under a lease, to the end or to a typed failure."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from core.cancelling import to_the_end
from core.clio import drift
from core.coverage import canary, repair
from core.errors import (
    ClioForbidden,
    ClioGrantDead,
    ClioInvalidRequest,
    ClioRateLimited,
    ClioUnexpectedAnswer,
    LeaseLost,
    ListCutShort,
    MassDisappearance,
    NotFound,
    ServiceError,
)
from core.logging import get_logger, log_ids
from core.sync import approval, reports, requesting, runs
from core.sync.planner import Plan
from core.sync.progress import publish_progress
from core.sync.reading import Reading
from core.sync.reconcile import reconcile
from core.sync.runs import Run
from core.sync.writing import writing

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

MOST_FAILURES = 8
"""Failures in a row, without a page between them, after which a run has failed."""

HOPELESS = (ClioForbidden, ClioGrantDead, ClioInvalidRequest, ClioUnexpectedAnswer, NotFound)
"""Errors that the same request would meet again."""

SLICE_S = 600.0
"""How long a run keeps its worker before it goes to the back of the queue, so that every firm gets on."""


class Cancelled(Exception):
    """Somebody asked for the run to end."""


class Resting(Exception):
    """The firm was paused, or its quiet hours began: the run waits for their end."""


async def work_on(services: "Services", run_id: int, *, owner: str) -> str:
    """Take a run up and work on it; return what became of it: a run state, `busy` or `lost`.

    What can go wrong with Clio or the data ends in the row. A database that is away raises; the lease then lapses and
    the run is taken up again. Cancelling the task gives the run back at once.
    """

    async def give_back(taken: Run | None) -> None:
        if taken is not None:
            await runs.put_back(services.database, taken, owner=owner, delay_s=0, error=None, failed=False)

    settings = services.settings
    taking = runs.take_up(
        services.database, run_id, owner=owner, lease_s=settings.lease_s, firm_most=settings.firm_concurrency
    )
    run = await to_the_end(taking, undo=give_back)
    return "busy" if run is None else await work(services, run, owner=owner)


async def work(services: "Services", run: Run, *, owner: str) -> str:
    """Work on a run that the owner has taken up, as `work_on` does."""
    with log_ids(run_id=run.id, firm=run.firm):
        outcome = await _settle(services, run, owner)
        log.info("sync_run_settled", resource=run.resource, kind=run.kind, outcome=outcome, attempt=run.attempt)
    await publish_progress(services.redis, firm=run.firm, run=run.id)
    return outcome


async def _settle(services: "Services", run: Run, owner: str) -> str:
    clock = services.accounts.clock
    before = clock.ahead(run.firm) if clock.has_told(run.firm) else None
    try:
        done = await _work(services, run, owner)
    except asyncio.CancelledError:
        await runs.put_back(services.database, run, owner=owner, delay_s=0, error=None, failed=False)
        raise
    except Exception as error:  # noqa: BLE001 - every failure ends in the row, each in its own way
        return await _settle_failure(services, run, owner, error)
    if not done:
        return await runs.put_back(services.database, run, owner=owner, delay_s=0, error=None, failed=False)
    ahead = clock.ahead(run.firm)
    least = ahead if before is None else min(ahead, before)
    if not await runs.succeed(services.database, run, owner=owner, ahead=least):
        return "lost"
    is_held = run.kind != "reconcile" or await approval.is_held(services.database, run)
    seen: list[drift.Kind] = ["forbidden"] if is_held else ["forbidden", "fewer"]
    await drift.resolve(services.database.pool, run.firm, seen, resource=run.resource)
    if run.kind == "incremental":
        await canary.listen(services, run, ahead=ahead)
    await repair.settle(services, run.firm)
    if run.kind == "reconcile":
        await reports.keep_coverage(services.database, run.id)
    if run.kind == "backfill":
        await requesting.request_runs(services, firms=[run.firm], resource=run.resource, full=False, by_hand=False)
    return "succeeded"


async def _settle_failure(services: "Services", run: Run, owner: str, error: Exception) -> str:
    match error:
        case Cancelled():
            await runs.stop(services.database, run, owner=owner, state="cancelled", code="CANCELLED", message=None)
            return "cancelled"
        case LeaseLost():
            return "lost"
        case ListCutShort():
            log.warning("list_cut_short", resource=run.resource, next_step="see the run's error message")
            code, text = error.code, str(error)
            await runs.stop(services.database, run, owner=owner, state="partial", code=code, message=text)
            return "partial"
        case Resting():
            await runs.put_back(services.database, run, owner=owner, delay_s=0, error=None, failed=False)
            return "queued"
        case MassDisappearance():
            log.warning("records_disappeared", resource=run.resource, next_step="see the run's error message")
            code, text = error.code, str(error)
            await drift.note(
                services.database.pool, run.firm, "fewer", resource=run.resource, details={"sync_run": run.id}
            )
            await runs.stop(services.database, run, owner=owner, state="partial", code=code, message=text)
            await reports.keep_coverage(services.database, run.id)
            return "partial"
        case ClioRateLimited():
            delay_s = error.retry_after_s
            return await runs.put_back(services.database, run, owner=owner, delay_s=delay_s, error=error, failed=False)
        case ServiceError() if isinstance(error, HOPELESS):
            if isinstance(error, ClioForbidden):
                await drift.note(
                    services.database.pool, run.firm, "forbidden", resource=run.resource, details={"sync_run": run.id}
                )
            return await _fail(services, run, owner, error)
        case ServiceError():
            return await _try_again(services, run, owner, error)
        case _:
            log.error("sync_run_broke", resource=run.resource, exc_info=error)
            text = f"an unexpected {type(error).__name__} stopped the run: see the log for run {run.id}"
            return await _try_again(services, run, owner, ServiceError(text))


async def _try_again(services: "Services", run: Run, owner: str, error: ServiceError) -> str:
    failures = await services.database.pool.fetchval("SELECT failures FROM sync_run WHERE id = $1", run.id)
    if failures + 1 >= MOST_FAILURES:
        return await _fail(services, run, owner, error)
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
    delay_s = min(300.0, 2.0**failures) * services.settings.retry_factor * jitter
    log.warning("sync_run_put_back", resource=run.resource, error=error.code, delay_s=round(delay_s, 1))
    return await runs.put_back(services.database, run, owner=owner, delay_s=delay_s, error=error, failed=True)


async def _fail(services: "Services", run: Run, owner: str, error: ServiceError) -> str:
    log.error("sync_run_failed", resource=run.resource, error=error.code, reason=str(error))
    await runs.stop(services.database, run, owner=owner, state="failed", code=error.code, message=str(error))
    return "failed"


async def _work(services: "Services", run: Run, owner: str) -> bool:
    """Work to the end (True), or until the time slice is over (False)."""
    ends_at = asyncio.get_running_loop().time() + SLICE_S
    async with _heartbeat(services, run, owner):
        if run.kind == "reconcile":
            limit = services.registry.resource(run.resource).endpoint.page_limit
            plan = str(Plan(way="listing", page_limit=limit, ahead=1))
            await runs.note_plan(services.database, run, owner=owner, plan=plan, allowed_per_minute=None)
            return await reconcile(services, run, owner, ends_at=ends_at)
        return await _read(services, run, owner, ends_at=ends_at)


async def _read(services: "Services", run: Run, owner: str, *, ends_at: float) -> bool:
    """Read and write page after page; True at the proven end, False when the time slice is over."""
    resource = services.registry.resource(run.resource)
    async with writing(services, run, resource, owner=owner) as writes:
        reading = Reading(services, run, resource, owner=owner, begin_again=writes.begin_again)
        async with aclosing(reading.pages()) as pages:
            async for page in pages:
                await writes.write(page, read_to=reading.read_to)
                if page.next_url is not None and asyncio.get_running_loop().time() > ends_at:
                    await writes.settled()
                    return False
        await writes.settled()
    await reading.check_end()
    return True


@asynccontextmanager
async def _heartbeat(services: "Services", run: Run, owner: str) -> AsyncIterator[None]:
    """Prolong the lease while the block runs; end the block with LeaseLost, Cancelled or Resting when it is over.

    A database that does not answer is left to the block, which meets it too.
    """
    worker = asyncio.current_task()
    verdict: list[Exception] = []
    lease_s = services.settings.lease_s

    async def beat() -> None:
        while True:
            await asyncio.sleep(lease_s / 3)
            held = await runs.beat(services.database, run, owner=owner, lease_s=lease_s)
            if held != "held" and worker is not None:
                ends = {"cancelled": Cancelled(), "resting": Resting()}
                verdict.append(ends.get(held, LeaseLost(f"run {run.id} was taken over")))
                worker.cancel()
                return

    heart = asyncio.create_task(beat())
    try:
        yield
    except asyncio.CancelledError:
        if verdict and worker is not None:
            worker.uncancel()
            raise verdict[0] from None
        raise
    finally:
        heart.cancel()
        with suppress(asyncio.CancelledError):
            await heart
