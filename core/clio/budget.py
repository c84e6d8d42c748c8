"""One budget of requests per Clio token, shared by every process through Redis, and fed by Clio's own headers.

Clio counts requests per token in windows of 60 seconds and tells limit, remaining and the window's end with every
answer. A request is granted while the used ones, as last told, and those still under way fit the limit. Counting what
is under way covers requests that Clio counts in a window we have not heard of yet. The only clock is that of Redis; how
far Clio's differs is learned from its answers. Source: Clio API, rate limits.
"""

import asyncio
import math
import random
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import Enum

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.cancelling import to_the_end
from core.errors import ClioRateLimited, RedisUnavailable
from core.logging import get_logger

log = get_logger(__name__)

DEFAULT_LIMIT = 50
"""Requests a minute at peak, until Clio tells. Source: Clio API, rate limits."""

OPEN_MS = 120_000
"""After that, a request whose process died no longer counts as under way."""

RESERVE = 0.04
"""Share of the limit that syncs leave to interactive calls and webhooks, until the window's last three seconds."""

LONGEST_NAP_S = 1.0

GUARD_MS = 1000
"""Added to the end of a window until its answers tell better: Clio names the end in whole seconds, perhaps cut off."""


class Priority(Enum):
    """Who asks: syncs leave a reserve, the others may use all there is."""

    INTERACTIVE = "interactive"
    WEBHOOK = "webhook"
    SYNC = "sync"


_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local told = redis.call('HMGET', KEYS[1], 'limit', 'used', 'ends', 'blocked')
local limit, used = tonumber(told[1]) or tonumber(ARGV[2]), tonumber(told[2]) or 0
local ends, blocked = tonumber(told[3]) or 0, tonumber(told[4]) or 0
if blocked > now then return blocked - now end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if now >= ends then used = 0 end
local reserve = 0
if ends - now > 3000 or now >= ends then reserve = math.floor(limit * tonumber(ARGV[4])) end
if used + redis.call('ZCARD', KEYS[2]) < limit - reserve then
    redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
    return 0
end
if used >= limit then return math.max(ends - now, 20) end
if used >= limit - reserve then return math.max(ends - 3000 - now, 20) end
return 20
"""

# An answer may cross the end of its window, so only a request granted after that end shows that Clio's clock is behind;
# the rest of the window that a 429 tells then says by how much. No window lasts longer than 60 s from now, and 1 s of
# rounding, which takes back what was learned too much. Ends up to 1 s apart are one window, rounded differently.
_FINISH = """
local granted = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0) - ARGV[7]
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[2] == '' then return 0 end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local limit, used, reset = tonumber(ARGV[2]), ARGV[2] - ARGV[3], tonumber(ARGV[4]) * 1000
local told = redis.call('HMGET', KEYS[1], 'reset', 'used', 'skew')
local known, skew = tonumber(told[1]) or 0, tonumber(told[3]) or tonumber(ARGV[6])
if reset < known - 1000 then return 0 end
if reset <= known + 1000 then
    used, reset = math.max(used, tonumber(told[2]) or 0), math.max(reset, known)
end
if granted >= reset then skew = math.max(skew, granted + ARGV[5] - reset + 500) end
skew = math.min(skew, now - reset + 61000)
redis.call('HSET', KEYS[1], 'limit', limit, 'used', used, 'reset', reset, 'skew', skew, 'ends', reset + skew)
redis.call('PEXPIRE', KEYS[1], 600000)
return 0
"""

_LOSE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends')) or 0
if ends <= now then ends = now + 60000 end
redis.call('ZADD', KEYS[2], 'XX', ends, ARGV[1])
return 0
"""

_BLOCK = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local blocked = tonumber(redis.call('HGET', KEYS[1], 'blocked')) or 0
redis.call('HSET', KEYS[1], 'blocked', math.max(blocked, now + ARGV[1]))
redis.call('PEXPIRE', KEYS[1], 600000)
return 0
"""


class Slot:
    """A granted request; tell it the headers of the answer, and its place is given back with what they say."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.told: tuple[str, str, str, int] = ("", "", "", 0)
        self.is_out = False

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
        self._redis = redis
        self._take = redis.register_script(_TAKE)
        self._finish = redis.register_script(_FINISH)
        self._lose = redis.register_script(_LOSE)
        self._block = redis.register_script(_BLOCK)

    @asynccontextmanager
    async def slot(self, firm: int, priority: Priority, *, patience_s: float) -> AsyncIterator[Slot]:
        """Wait for a request to be granted, and hold its place for the block.

        Raises:
            ClioRateLimited: none was granted within `patience_s`.
            RedisUnavailable: the budget cannot be asked.
        """
        slot = Slot()
        try:
            await self._granted(firm, priority, slot, patience_s)
            yield slot
        finally:
            await self._settle(firm, slot)

    async def block(self, firm: int, retry_after_s: float) -> None:
        """Grant nothing for a while: Clio answered 429."""
        try:
            await self._block(keys=_keys(firm), args=[math.ceil(retry_after_s * 1000)])
        except RedisError as error:
            log.warning("budget_not_blocked", firm=firm, error=type(error).__name__)

    async def _settle(self, firm: int, slot: Slot) -> None:
        """Report what became of a request; without Redis its place lapses, and the answer is kept all the same."""
        try:
            if slot.is_out:
                await to_the_end(self._lose(keys=_keys(firm), args=[slot.id]))
            else:
                await to_the_end(self._finish(keys=_keys(firm), args=[slot.id, *slot.told, GUARD_MS, OPEN_MS]))
        except RedisError as error:
            log.warning("budget_not_told", firm=firm, error=type(error).__name__)

    async def _ask(self, firm: int, slot: Slot, reserve: float) -> int:
        try:
            return int(await to_the_end(self._take(keys=_keys(firm), args=[slot.id, DEFAULT_LIMIT, OPEN_MS, reserve])))
        except RedisError as error:
            raise RedisUnavailable(
                f"no request budget without Redis ({type(error).__name__}): check that the server of REDIS_URL is up"
            ) from error

    async def _granted(self, firm: int, priority: Priority, slot: Slot, patience_s: float) -> None:
        reserve = RESERVE if priority is Priority.SYNC else 0.0
        ends_at = asyncio.get_running_loop().time() + patience_s
        while True:
            wait_ms = await self._ask(firm, slot, reserve)
            if not wait_ms:
                return
            left_s = ends_at - asyncio.get_running_loop().time()
            if left_s <= 0 or (wait_ms / 1000 > left_s and wait_ms > LONGEST_NAP_S * 1000):
                raise ClioRateLimited(
                    f"clio's request budget of firm {firm} is used up: free again in about {wait_ms / 1000:.0f} s",
                    retry_after_s=max(wait_ms / 1000, 0.1),
                )
            nap_s = min(wait_ms / 1000, LONGEST_NAP_S, max(left_s, 0.001))
            await asyncio.sleep(nap_s * random.uniform(1.0, 1.1))  # noqa: S311 - jitter is no secret


def _keys(firm: int) -> list[str]:
    return [f"clio:budget:{firm}", f"clio:budget:{firm}:open"]
