"""Where deliveries wait while PostgreSQL is away: one bounded Redis stream, on disk before Clio hears 200.

Whichever process sees PostgreSQL again moves them into the table, oldest first, and deletes them after the commit.
A process that dies between commit and deletion leaves entries that are moved once more: they meet their own rows. What
waits is encrypted: Redis keeps what was deleted in its file until that is rewritten, and copies of it are looked after
less than those of a database.
"""

import asyncio
import datetime
import time
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import msgspec

from core.db.engine import CONNECT_ERRORS
from core.db.sessions import unlock
from core.errors import DatabaseUnavailable, DecryptionFailed, ServiceError
from core.logging import get_logger
from core.redis_pool import REDIS_ERRORS
from core.webhooks.delivery import ROW_ERRORS, SAME_WITHIN_S, Delivery, count, write
from core.webhooks.durability import Durability, durability

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

STREAM, STREAM_BYTES = "webhooks:spill", "webhooks:spill:bytes"
PURPOSE = "webhook_delivery"

ADD_WITHIN_S = 4.0
ADD_MAX = 100
DRAIN_MAX = 50
"""Entries that are read at once; each may be as large as a delivery may be."""

STUCK_REST_S = 60.0
"""What stays because it is refused or unreadable is tried again after this time."""

DRAIN_LOCK = 0x73_70_69_6C_6C
"""Advisory lock of whoever moves entries into the table: one at a time keeps them in order."""

_ADD = """
local size = 0
for i = 2, #ARGV do size = size + #ARGV[i] end
if tonumber(redis.call('GET', KEYS[2]) or '0') + size > tonumber(ARGV[1]) then return 0 end
for i = 2, #ARGV do redis.call('XADD', KEYS[1], '*', 'd', ARGV[i]) end
redis.call('INCRBY', KEYS[2], size)
return 1"""

_REMOVE = """
for i = 1, #ARGV, 2 do
    if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[i + 1]) end
end
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[1], KEYS[2]) end
return 1"""

_Entry: TypeAlias = "tuple[bytes, dict[bytes, bytes]]"
_Opened: TypeAlias = "tuple[_Entry, Delivery]"

_decoder = msgspec.msgpack.Decoder(Delivery)


class SpillUnavailable(ServiceError):
    """Redis is away, cannot keep deliveries safely, or holds as many as it may."""

    code = "SPILL_UNAVAILABLE"


class Spill:
    """The stream, as one process sees it."""

    def __init__(self, services: "Services") -> None:
        """Take the services, which need not be open yet."""
        self._services = services
        self._is_used = False
        self._rests_until = 0.0
        self._known: Durability | None = None

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Return once the deliveries are on Redis's disk.

        Raises:
            SpillUnavailable: they are not, or nobody can tell; have them sent again.
        """
        try:
            async with asyncio.timeout(ADD_WITHIN_S):
                for start in range(0, len(deliveries), ADD_MAX):
                    await self._add(deliveries[start : start + ADD_MAX])
        except REDIS_ERRORS as error:
            raise SpillUnavailable(f"redis cannot take deliveries ({type(error).__name__}): check it is up") from error
        if not self._is_used:
            self._is_used = True
            log.warning("webhook_spill_began")

    async def drain(self) -> int:
        """Move what waits into the table, oldest first, unless another process is at it; return how many went.

        What PostgreSQL refuses or no key opens stays in the stream and is logged. Raises what Redis or asyncpg does.
        """
        if time.monotonic() < self._rests_until:
            return 0
        if not await self._services.redis.exists(STREAM):
            self._is_used = False
            return 0
        async with self._services.database.pool.acquire(timeout=ADD_WITHIN_S) as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", DRAIN_LOCK):
                return 0
            try:
                moved, stuck = await self._drain()
            finally:
                await unlock(connection, "SELECT pg_advisory_unlock($1)", DRAIN_LOCK)
        if stuck:
            self._rests_until = time.monotonic() + STUCK_REST_S
        log.info("webhook_spill_drained", deliveries=moved, stuck=stuck)
        return moved

    async def _add(self, deliveries: Sequence[Delivery]) -> None:
        redis, cipher = self._services.redis, self._services.cipher
        known = await durability(redis)
        if known != self._known:
            self._known = known
            log.info("webhook_spill_durability", by=known.by, reason=known.reason)
        if known.by is None:
            raise SpillUnavailable(f"redis cannot keep deliveries safely: {known.reason}")
        entries = [cipher.seal(msgspec.msgpack.encode(delivery), purpose=PURPOSE) for delivery in deliveries]
        async with redis.pipeline(transaction=False) as pipeline:
            pipeline.execute_command(
                "EVAL", _ADD, 2, STREAM, STREAM_BYTES, self._services.settings.webhook_spill_max_bytes, *entries
            )
            if known.by == "waitaof":
                # On the connection that wrote: it waits for that one's writes.
                pipeline.execute_command("WAITAOF", 1, 0, round(ADD_WITHIN_S * 1000))
            added, *synced = await pipeline.execute()
        if not added:
            raise SpillUnavailable("the stream is full: it may hold WEBHOOK_SPILL_MAX_BYTES")
        if synced and synced[0][0] < 1:
            raise SpillUnavailable("redis did not write through to disk in time")

    async def _drain(self) -> tuple[int, int]:
        moved = stuck = 0
        after = "-"
        while entries := await self._services.redis.xrange(STREAM, min=after, count=DRAIN_MAX):
            after = f"({entries[-1][0].decode()}"
            opened = [(entry, delivery) for entry in entries if (delivery := self._open(entry)) is not None]
            stuck += len(entries) - len(opened)
            while opened:
                batch = _of_one_time(opened)
                done = await self._write(batch)
                moved, stuck, opened = moved + done, stuck + len(batch) - done, opened[len(batch) :]
        return moved, stuck

    def _open(self, entry: _Entry) -> Delivery | None:
        number, fields = entry
        try:
            return _decoder.decode(self._services.cipher.unseal(fields[b"d"], purpose=PURPOSE))
        except (DecryptionFailed, msgspec.DecodeError, KeyError) as error:
            log.warning("webhook_spill_unreadable", entry=number.decode(), error=type(error).__name__)
            return None

    async def _write(self, batch: Sequence[_Opened]) -> int:
        """Commit, then delete; return how many went. A bad one stays alone."""
        try:
            repeats = await write(self._services.database.intake, [delivery for _, delivery in batch])
        except ROW_ERRORS as error:
            if len(batch) > 1:
                return sum([await self._write([one]) for one in batch])
            log.warning("webhook_spill_refused", entry=batch[0][0][0].decode(), error=type(error).__name__)
            return 0
        count(self._services.webhook_recorder, [delivery for _, delivery in batch], repeats, committed_at=None)
        removed = [part for (number, fields), _ in batch for part in (number, len(fields[b"d"]))]
        await self._services.redis.execute_command("EVAL", _REMOVE, 2, STREAM, STREAM_BYTES, *removed)  # type: ignore[no-untyped-call]
        return len(batch)


def _of_one_time(entries: Sequence[_Opened]) -> Sequence[_Opened]:
    """Return the first entries, as many as may be written at once."""
    until = entries[0][1].received_at + datetime.timedelta(seconds=SAME_WITHIN_S)
    return list(takewhile(lambda each: each[1].received_at < until, entries))


DRAIN_ERRORS = (*REDIS_ERRORS, *CONNECT_ERRORS, asyncpg.PostgresError, DatabaseUnavailable)
"""What `drain` meets while a server is away."""
