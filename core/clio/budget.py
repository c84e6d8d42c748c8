"""One budget of requests per Clio token, shared by every process through Redis, and fed by Clio's own headers.

Clio counts requests per token in windows of 60 seconds and tells limit, remaining and the window's end with every
answer. A request is granted while the used ones, as last told, and those still under way fit the limit. Counting what
is under way covers requests that Clio counts in a window we have not heard of yet. The only clock is that of Redis; how
far Clio's differs is learned from its answers. Source: Clio API, rate limits.

Who is more urgent goes first, in whichever process it waits, and each kind that waits is owed a least share of every
window (`core.clio.priority`). While Redis is away each process keeps to a small share of its own
(`core.clio.local_share`).
"""

import asyncio
import datetime
import math
import random
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from core.cancelling import to_the_end
from core.clio import budget_scripts as scripts
from core.clio.budget_state import BudgetState, state_of
from core.clio.local_share import LocalShare
from core.clio.priority import SHARES, Priority
from core.errors import ClioRateLimited
from core.logging import get_logger
from core.redis_pool import REDIS_ERRORS

log = get_logger(__name__)

DEFAULT_LIMIT = 50
"""Requests a minute at peak, until Clio tells. Source: Clio API, rate limits."""

OPEN_MS = 120_000
"""After that, a request whose process died no longer counts as under way."""

WAITS_MS = 3_000
"""After that, a request that was not asked for again no longer waits."""

LONGEST_NAP_S = 1.0

AWAY_S = 1.0
"""How long Redis is left alone after it did not answer."""

GUARD_MS = 1000
"""Added to the end of a window until its answers tell better: Clio names the end in whole seconds, perhaps cut off."""

LEASTS = [SHARES[each].least for each in Priority]


class Slot:
    """A granted request; tell it the headers of the answer, and its place is given back with what they say."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.told: tuple[str, str, str, int] = ("", "", "", 0)
        self.is_out = False
        self.is_shared = True

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take limit, remaining and reset from an answer; one without them (a 401) tells nothing."""
        self.is_out = False
        found = tuple(headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset"))
        if all(text.isdecimal() for text in found):
            retry_after = headers.get("retry-after", "")
            rest_ms = int(retry_after) * 1000 if retry_after.isdecimal() else 0
            self.told = (found[0], found[1], found[2], rest_ms)

    def sent(self) -> None:
        """Say that the request leaves. Unless an answer comes its place stays taken for this window: it may count."""
        self.is_out = True

    def unsent(self) -> None:
        """Say that the request never reached Clio."""
        self.is_out = False


class RequestBudget:
    """Grants requests; every process of the service uses one on the same Redis."""

    def __init__(self, redis: Redis) -> None:
        self._take = redis.register_script(scripts.TAKE)
        self._look = redis.register_script(scripts.LOOK)
        self._finish = redis.register_script(scripts.FINISH)
        self._lose = redis.register_script(scripts.LOSE)
        self._block = redis.register_script(scripts.BLOCK)
        self._redis = redis
        self._local = LocalShare(DEFAULT_LIMIT)
        self._back_at = 0.0
        self._alone: set[int] = set()

    @asynccontextmanager
    async def slot(
        self, firm: int, priority: Priority, *, patience_s: float, believed_for: datetime.timedelta | None = None
    ) -> AsyncIterator[Slot]:
        """Wait for a request to be granted, and hold its place for the block.

        A limit above the usual one counts when it was told within `believed_for`, or whenever where that is None.

        Raises:
            ClioRateLimited: none was granted within `patience_s`.
        """
        slot = Slot()
        try:
            await self._granted(firm, priority, slot, patience_s, _ms(believed_for))
            yield slot
        finally:
            await self._settle(firm, slot)

    async def block(self, firm: int, retry_after_s: float) -> None:
        """Grant nothing for a while: Clio answered 429."""
        self._local.block(firm, retry_after_s)
        try:
            await self._block(keys=scripts.keys_of(firm), args=[math.ceil(retry_after_s * 1000)])
        except REDIS_ERRORS as error:
            log.warning("budget_not_blocked", firm=firm, error=type(error).__name__)

    async def look(self, firms: Mapping[int, datetime.timedelta | None]) -> dict[int, BudgetState]:
        """Return what budgets look like, by firm, each with its `believed_for`. One round trip; asks Clio nothing."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for firm, believed_for in firms.items():
                    keys = scripts.keys_of(firm)
                    await self._look(keys=keys, args=[DEFAULT_LIMIT, _ms(believed_for)], client=pipe)
                answers = await pipe.execute()
        except REDIS_ERRORS:
            return {firm: self._local.look(firm) for firm in firms}
        return {firm: state_of(answer) for firm, answer in zip(firms, answers, strict=True)}

    async def _settle(self, firm: int, slot: Slot) -> None:
        """Report what became of a request; without Redis its place lapses, and the answer is kept all the same."""
        limit, remaining, reset, _ = slot.told
        if limit:
            self._local.observe(firm, limit, remaining, reset)
        if not slot.is_shared:
            self._local.finish(firm, slot.id)
            return
        keys = scripts.keys_of(firm)
        try:
            if slot.is_out:
                await to_the_end(self._lose(keys=keys, args=[slot.id]))
            else:
                await to_the_end(self._finish(keys=keys, args=[slot.id, *slot.told, GUARD_MS, OPEN_MS]))
        except REDIS_ERRORS as error:
            log.warning("budget_not_told", firm=firm, error=type(error).__name__)

    async def _granted(self, firm: int, priority: Priority, slot: Slot, patience_s: float, believed_ms: int) -> None:
        ends_at = asyncio.get_running_loop().time() + patience_s
        waits = False
        try:
            while True:
                wait_s = await self._ask(firm, priority, slot, believed_ms)
                if not wait_s:
                    waits = False
                    return
                waits = True
                left_s = ends_at - asyncio.get_running_loop().time()
                if left_s <= 0 or (wait_s > left_s and wait_s > LONGEST_NAP_S):
                    raise ClioRateLimited(
                        f"clio's request budget of firm {firm} is used up: free again in about {wait_s:.0f} s",
                        retry_after_s=max(wait_s, 0.1),
                    )
                nap_s = min(wait_s, LONGEST_NAP_S, max(left_s, 0.001))
                await asyncio.sleep(nap_s * random.uniform(1.0, 1.1))  # noqa: S311 - jitter is no secret
        finally:
            if waits:
                await self._leave(firm, priority, slot)

    async def _ask(self, firm: int, priority: Priority, slot: Slot, believed_ms: int) -> float:
        """Return 0 for granted, else after how many seconds to ask again."""
        if time.monotonic() >= self._back_at:
            try:
                return await self._ask_redis(firm, priority, slot, believed_ms)
            except REDIS_ERRORS as error:
                if not self._back_at:
                    log.warning("budget_not_shared", error=type(error).__name__, next_step="check that Redis is up")
                self._back_at = time.monotonic() + AWAY_S
        self._alone.add(firm)
        slot.is_shared = False
        leaves = math.ceil(self._local.most * SHARES[priority].leaves)
        return self._local.take(firm, slot.id, leaves=leaves)

    async def _ask_redis(self, firm: int, priority: Priority, slot: Slot, believed_ms: int) -> float:
        keys, shares = scripts.keys_of(firm), SHARES[priority]
        if firm in self._alone and (told := self._local.told(firm)):
            await self._finish(keys=keys, args=["", *told, 0, GUARD_MS, OPEN_MS])
        place = [*Priority].index(priority) + 1
        arguments: list[str | float] = [
            DEFAULT_LIMIT,
            believed_ms,
            slot.id,
            place,
            OPEN_MS,
            WAITS_MS,
            shares.leaves,
            *LEASTS,
        ]
        wait_ms = int(await to_the_end(self._take(keys=keys, args=arguments)))
        slot.is_shared = True
        self._alone.discard(firm)
        if self._back_at:
            log.info("budget_shared_again")
            self._back_at = 0.0
        return wait_ms / 1000

    async def _leave(self, firm: int, priority: Priority, slot: Slot) -> None:
        """Say that a request no longer waits; who cannot be told finds out in a moment."""
        key = scripts.keys_of(firm)[2 + [*Priority].index(priority)]
        try:
            await to_the_end(self._redis.zrem(key, slot.id))
        except REDIS_ERRORS as error:
            log.debug("budget_not_left", firm=firm, error=type(error).__name__)


def _ms(age: datetime.timedelta | None) -> int:
    return -1 if age is None else math.ceil(age.total_seconds() * 1000)
