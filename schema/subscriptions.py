"""Subscriptions: sync progress as it happens. Redis hints at what moved; the rows say what is true."""

import asyncio
import datetime
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import strawberry
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from core.errors import RedisUnavailable, TokenExpired
from core.logging import get_logger
from core.services import Services
from core.sync.progress import PROGRESS_CHANNEL
from schema.context import Info, OperationContext
from schema.global_ids import read_firm
from schema.operations import SYNC_RUN
from schema.read.parameters import Parameters, firm_predicate
from schema.read.readers import Record
from schema.types.sync_runs import SYNC_RUNS, SyncRun

log = get_logger(__name__)

LOOK_AGAIN_S = 2.0
"""How long a hint may be lost before the rows are read anyway."""

GATHER_S = 0.05
"""Hints that come this close together are read for once."""

_QUIET = frozenset({"heartbeat_at"})
"""Columns whose change alone is no progress."""

REDIS_ERRORS = (RedisError, RedisUnavailable, OSError)


class _Watch:
    """Which runs one subscriber is shown, and how they last looked."""

    def __init__(self, context: OperationContext, firms: frozenset[int] | None) -> None:
        self._context = context
        self._firms = firms
        self._newest = 0
        self._shown: dict[int, tuple[Any, ...]] = {}

    async def begin(self) -> list[Record]:
        """Return the active runs; from now on every newer run is watched, too."""
        pool = self._context.services.database.pool
        self._newest = await pool.fetchval("SELECT coalesce(max(id), 0) FROM sync_run")
        return await self.changed()

    async def changed(self) -> list[Record]:
        """Return the runs that look other than when last shown, oldest first. One statement."""
        parameters = Parameters()
        condition = firm_predicate(SYNC_RUNS, "t", self._firms, parameters)
        newest, shown = parameters.add(self._newest, "bigint"), parameters.add(list(self._shown), "bigint[]")
        rows = await self._context.services.database.pool.fetch(
            f"SELECT {SYNC_RUNS.select('t')} FROM sync_run AS t WHERE {condition}"
            f" AND (t.state IN ('queued', 'running') OR t.id > {newest} OR t.id = ANY ({shown})) ORDER BY t.id",
            *parameters.values,
        )
        return [row for row in rows if self._take_note(row)]

    def _take_note(self, row: Record) -> bool:
        looks = tuple(value for name, value in row.items() if name not in _QUIET)
        moved = self._shown.get(row["id"]) != looks
        self._shown[row["id"]] = looks
        return moved


async def _sync_progress(
    info: Info,
    firm: Annotated[
        strawberry.ID | None, strawberry.argument(description="One firm; all of the caller's unless given.")
    ] = strawberry.UNSET,
) -> AsyncGenerator[SyncRun, None]:
    context = info.context
    firms = context.principal.allowed_firms(read_firm(firm or None))
    watch = _Watch(context, firms)
    async with _hints(context.services) as hints:
        rows = await watch.begin()
        while True:
            for row in rows:
                yield SYNC_RUN.make(row)
            await _wait(hints)
            if context.principal.has_expired(datetime.datetime.now(datetime.UTC)):
                raise TokenExpired("the bearer token expired during the subscription: connect again with another")
            rows = await watch.changed()


@asynccontextmanager
async def _hints(services: Services) -> AsyncIterator[PubSub | None]:
    """Listen to the channel of hints; None, and a log line, while Redis is away."""
    hints: PubSub = services.redis.pubsub(ignore_subscribe_messages=True)
    try:
        try:
            await hints.subscribe(PROGRESS_CHANNEL)
        except REDIS_ERRORS as error:
            log.warning("progress_hints_unavailable", error=type(error).__name__)
            yield None
        else:
            yield hints
    finally:
        # redis-py leaves this method without annotations.
        await hints.aclose()  # type: ignore[no-untyped-call]


async def _wait(hints: PubSub | None) -> None:
    """Return at the next hint, and after LOOK_AGAIN_S at the latest."""
    if hints is None:
        await asyncio.sleep(LOOK_AGAIN_S)
        return
    try:
        if await hints.get_message(timeout=LOOK_AGAIN_S) is not None:
            await asyncio.sleep(GATHER_S)
            while await hints.get_message(timeout=0) is not None:
                pass
    except REDIS_ERRORS as error:
        log.warning("progress_hint_lost", error=type(error).__name__)
        await asyncio.sleep(LOOK_AGAIN_S)


@strawberry.type(description="What is told as it happens, over graphql-transport-ws. The scope `read` is needed.")
class Subscription:
    """The root of subscriptions."""

    sync_progress = strawberry.subscription(
        resolver=_sync_progress,
        description="The active sync runs at once, then every run as it moves, its end included.",
    )
