"""Counting anew: the figures in Redis are made from the raw log, `webhook_delivery`, where Redis has lost them.

The new epoch is announced as soon as the log is being read, so that processes add to it what happens meanwhile. Its cut
is the instant between two slots at which the reading transaction sees the log: what was counted before is in the log by
then, what is counted after it is not. A delivery whose commit and whose counting lie on either side of that instant, a
matter of milliseconds, is counted twice. Forged deliveries and ingest latency are not in the log: they stay as they
are.
"""

import asyncio
import contextlib
import datetime
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from asyncpg import Record
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.logging import get_logger
from core.metrics.adding import add_hashes
from core.metrics.epochs import LOCK_KEY, MARKER_KEY, SLOT_S, Epoch, read_epoch, slot_of
from core.metrics.figures import Cell, Figures, count_attempts
from core.metrics.keys import DAY, MOVED_KEY, RESOLUTIONS, hash_key, spread
from core.metrics.recorder import figures_in
from core.metrics.users import read_user

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

LOCK_S = 30
"""A rebuild whose process died is taken up by another one after this."""

READ_AT_ONCE = 500
SENT_AT_ONCE = 2000
"""Cells: more would hold up the event loop for too long."""

_LOG = """
SELECT firm, model, event, body, status, attempts, receipts, received_at, processed_at, replayed_at
FROM webhook_delivery WHERE received_at >= $1"""

_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_COUNTED = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'counted_at', ARGV[2])
return 1
"""
_KEEP = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end return 0"


class _Superseded(Exception):
    """Another epoch has taken the place of the one that is being counted."""


async def rebuild_if_lost(services: "Services") -> bool:
    """Count anew where Redis has no figures, has lost some in a restart, or a rebuild was not finished.

    Cost: two commands where all is well. Returns whether it did; False where another process is at it.
    """
    epoch = await read_epoch(services.redis)
    if epoch is not None and epoch.counted_at is not None and epoch.redis_run == await _redis_run(services.redis):
        return False
    return await rebuild(services) is not None


async def rebuild(services: "Services") -> int | None:
    """Count the raw log anew and return how many deliveries it holds; None where another process is at it.

    Cost: one statement that reads the log, its bodies too, as far as figures are kept; bounded memory.

    Raises:
        DatabaseUnavailable, RedisError: the old figures are gone, and the next `rebuild_if_lost` begins again.
    """
    redis = services.redis
    token = secrets.token_hex(8)
    if not await redis.set(LOCK_KEY, token, nx=True, ex=LOCK_S):
        return None
    try:
        async with _kept(redis, token):
            return await _count_anew(services)
    except _Superseded:
        return None
    finally:
        await redis.eval(_UNLOCK, 1, LOCK_KEY, token)  # type: ignore[misc]  # as in `read_epoch`


async def _count_anew(services: "Services") -> int:
    redis = services.redis
    before, run = await read_epoch(redis), await _redis_run(redis)
    cut = slot_of(time.time()) + 1
    cut_at = cut * SLOT_S
    async with services.database.pool.acquire() as connection:
        await asyncio.sleep(max(0.0, cut_at - time.time()))
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute("SELECT 1")  # takes the snapshot, at the cut
            counting = _Counting(redis, Epoch(secrets.token_hex(4), cut, run, None))
            await _announce(redis, counting.epoch)
            since = datetime.datetime.fromtimestamp(cut_at - DAY.keep_s, datetime.UTC)
            async for row in connection.cursor(_LOG, since, prefetch=READ_AT_ONCE):
                counting.count(row)
                if len(counting.cells) >= SENT_AT_ONCE:
                    await counting.send()
            await counting.send()
    if not await redis.eval(_COUNTED, 1, MARKER_KEY, counting.epoch.name, str(time.time())):  # type: ignore[misc]
        raise _Superseded
    if before is not None:
        await _delete(redis, before, int(cut_at))
    log.info("webhook_metrics_rebuilt", deliveries=counting.deliveries)
    return counting.deliveries


class _Counting:
    """One reading of the log, on its way to Redis."""

    def __init__(self, redis: Redis, epoch: Epoch) -> None:
        self.epoch = epoch
        self.deliveries = 0
        self.cells: dict[Cell, Figures] = {}
        self._redis = redis
        self._sent = 0
        self._now = int(epoch.cut * SLOT_S)

    def count(self, row: Record) -> None:
        """Count one row of the log, no finer than it will be kept."""
        at = int(row["received_at"].timestamp())
        width = next((each for each in RESOLUTIONS if at + each.keep_s > self._now), DAY).bucket_s
        cell = (row["firm"], row["model"], row["event"], read_user(row["body"]), at // width * width // 60)
        count_row(figures_in(self.cells, cell), row)
        self.deliveries += 1

    async def send(self) -> None:
        """Add what was counted to the new epoch."""
        hashes = spread(self.cells, now=self._now, epoch=self.epoch.name)
        self.cells = {}
        self._sent += 1
        if not await add_hashes(self._redis, hashes, number=f"rebuild-{self._sent}", epoch=self.epoch.name):
            raise _Superseded


def count_row(figures: Figures, row: Record) -> None:
    """Count what a row of the log says of its delivery: the same as was counted while it happened."""
    figures.received += 1
    figures.duplicates += row["receipts"] - 1
    figures.body_bytes += row["receipts"] * len(row["body"])
    count_attempts(figures, row)


async def _announce(redis: Redis, epoch: Epoch) -> None:
    fields = {"epoch": epoch.name, "cut": epoch.cut, "redis_run": epoch.redis_run}
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.delete(MARKER_KEY)
        pipeline.hset(MARKER_KEY, mapping=fields)
        await pipeline.execute()


async def _delete(redis: Redis, epoch: Epoch, now: int) -> None:
    """Delete the hashes of an epoch that is over; nobody can add to them any more."""
    firms: list[bytes] = await redis.hkeys(MOVED_KEY)  # type: ignore[misc]  # as in `read_epoch`
    for firm in firms:
        for resolution in RESOLUTIONS:
            oldest = now - resolution.keep_s - resolution.hash_s
            times = range(oldest, now + resolution.hash_s, resolution.hash_s)
            await redis.unlink(*(hash_key(epoch.name, resolution, int(firm), at).key for at in times))


async def _redis_run(redis: Redis) -> str:
    """Return what names this run of the Redis server: it changes with a restart, and with a failover."""
    return str((await redis.info("server"))["run_id"])


@asynccontextmanager
async def _kept(redis: Redis, token: str) -> AsyncIterator[None]:
    """Keep the lock for the length of the block; a Redis that is away is found out by who works in it."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(LOCK_S / 3)
            with contextlib.suppress(RedisError, OSError):
                await redis.eval(_KEEP, 1, LOCK_KEY, token, str(LOCK_S))  # type: ignore[misc]  # as in `read_epoch`

    keeper = asyncio.get_running_loop().create_task(keep())
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])
