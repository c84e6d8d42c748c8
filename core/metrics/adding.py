"""Adding to the hashes in Redis: one script call adds all of it, or nothing, and once, however often it is sent."""

from collections.abc import Iterator, Sequence

from redis.asyncio import Redis

from core.metrics.epochs import MARKER_KEY
from core.metrics.keys import MOVED_KEY, PREFIX, Hashes, HashKey

MOST_FIELDS = 2000
"""Fields of one call: Redis does nothing else meanwhile."""

REMEMBERED_S = 600
"""How long Redis knows what was added, so that it is not added again by who did not hear the answer."""

_ADD = """
if ARGV[1] ~= '' and redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[2]) then return 1 end
local at = 3
for place = 4, #KEYS do
    local firm, expires, many = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    at = at + 3
    for _ = 1, many do
        redis.call('HINCRBY', KEYS[place], ARGV[at], ARGV[at + 1])
        at = at + 2
    end
    redis.call('EXPIREAT', KEYS[place], expires)
    redis.call('HINCRBY', KEYS[3], firm, 1)
end
return 1
"""


async def add_hashes(redis: Redis, hashes: Hashes, *, number: str, epoch: str | None) -> bool:
    """Add to hashes; return False, having added nothing more, once the epoch is no longer the present one.

    `number` names what is added: the same number adds the same once. Without an epoch it is added in any case.
    """
    add = redis.register_script(_ADD)
    for place, part in enumerate(_parts(hashes)):
        done = f"{PREFIX}added:{number}:{epoch or ''}:{place}"
        keys = [MARKER_KEY, done, MOVED_KEY, *(key.key for key, _ in part)]
        told: list[str | int] = [epoch or "", REMEMBERED_S]
        for key, fields in part:
            told += [key.firm, key.expires_at, len(fields)]
            for field in fields:
                told += field
        if not await add(keys=keys, args=told):
            return False
    return True


def _parts(hashes: Hashes) -> Iterator[list[tuple[HashKey, Sequence[tuple[str, int]]]]]:
    """Yield what fits one call, again and again; the same for the same hashes."""
    part: list[tuple[HashKey, Sequence[tuple[str, int]]]] = []
    size = 0
    for key, fields in hashes.items():
        left = list(fields.items())
        while left:
            taken, left = left[: MOST_FIELDS - size], left[MOST_FIELDS - size :]
            part.append((key, taken))
            size += len(taken)
            if size >= MOST_FIELDS:
                yield part
                part, size = [], 0
    if part:
        yield part
