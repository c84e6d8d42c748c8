"""The request budget's steps, each one atomic in Redis. Every instant is Redis's own clock, in milliseconds.

Keys of a firm, by `keys_of`: a hash of what Clio told, the requests under way with the instants until which they count,
and for each kind, in the order of `Priority`, the requests that wait with the instants until which that is believed.
"""

from core.clio.priority import Priority


def keys_of(firm: int) -> list[str]:
    """Return the keys of a firm's budget: the hash, the requests under way, and those that wait, by kind."""
    key = f"clio:budget:{{{firm}}}"
    return [key, f"{key}:open", *(f"{key}:waiting:{priority.value}" for priority in Priority)]


_NOW = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""

# What is left of the window, and who waits. A limit that was told longer ago than ARGV[2] ms is not believed when it is
# above the usual one; without any, a tenth of the usual one is to find out.
_LOOK = (
    _NOW
    + """
local told = redis.call('HMGET', KEYS[1], 'limit', 'used', 'ends', 'blocked', 'told')
local known, used = tonumber(told[1]), tonumber(told[2]) or 0
local ends, blocked = tonumber(told[3]) or 0, tonumber(told[4]) or 0
local usual, within = tonumber(ARGV[1]), tonumber(ARGV[2])
local limit = known or usual
if within >= 0 and (tonumber(told[5]) or 0) < now - within then limit = math.min(limit, usual) end
if now >= ends then used = 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local open = redis.call('ZCARD', KEYS[2])
local waiting = {}
for kind = 1, 5 do
    redis.call('ZREMRANGEBYSCORE', KEYS[2 + kind], '-inf', now)
    waiting[kind] = redis.call('ZCARD', KEYS[2 + kind])
end
"""
)

TAKE = (
    _LOOK
    + """
local id, kind, open_ms, waits_ms = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local leaves = tonumber(ARGV[7])
if redis.call('ZREM', KEYS[2 + kind], id) == 1 then waiting[kind] = waiting[kind] - 1 end
local function wait(ms)
    redis.call('ZADD', KEYS[2 + kind], now + waits_ms, id)
    redis.call('PEXPIRE', KEYS[2 + kind], waits_ms)
    return math.max(math.ceil(ms), 20)
end
if blocked > now then return wait(blocked - now) end
if now >= ends and redis.call('HGET', KEYS[1], 'counted') ~= tostring(ends) then
    redis.call('HDEL', KEYS[1], 'granted1', 'granted2', 'granted3', 'granted4', 'granted5')
    redis.call('HSET', KEYS[1], 'counted', tostring(ends))
    redis.call('PEXPIRE', KEYS[1], 600000)
end
local function owed(other)
    local least = math.max(1, math.floor(limit * ARGV[7 + other]))
    return math.max(0, least - (tonumber(redis.call('HGET', KEYS[1], 'granted' .. other)) or 0))
end
local left_ms = now < ends and ends - now or 60000
local kept = math.ceil(limit * leaves * math.max(0, left_ms - 1000) / 60000)
if owed(kind) == 0 then
    local urgent, lower = 0, 0
    for other = 1, 5 do
        if other < kind then urgent = urgent + waiting[other] end
        if other > kind then lower = lower + math.min(waiting[other], owed(other)) end
    end
    kept = math.max(kept, urgent) + lower
end
local free = limit - used - open
if known == nil then free, kept = math.min(free, math.floor(usual / 10) - open), 0 end
if free > kept then
    redis.call('ZADD', KEYS[2], now + open_ms, id)
    redis.call('PEXPIRE', KEYS[2], open_ms)
    redis.call('HINCRBY', KEYS[1], 'granted' .. kind, 1)
    redis.call('PEXPIRE', KEYS[1], 600000)
    return 0
end
if used >= limit then return wait(ends - now) end
if free <= 0 or leaves == 0 then return wait(100) end
return wait(math.min(left_ms, (kept - free + 1) * 60000 / (limit * leaves)))
"""
)
"""Take a place, or wait. Arguments: usual limit, how recent a limit must be (ms, -1 for any), id, kind, how long a
place is held (ms), how long a wait is believed (ms), the share left to others, and the least share of each kind.
Returns 0 for granted, else after how many milliseconds to ask again."""

LOOK = (
    _LOOK
    + """
local answer = {limit, used + open, math.max(ends - now, 0), math.max(blocked - now, 0)}
for kind = 1, 5 do table.insert(answer, waiting[kind]) end
return answer
"""
)
"""Look without asking. Arguments: usual limit, how recent a limit must be. Returns limit, used and under way, ms to the
window's end, ms of the block, and how many wait by kind."""

# An answer may cross the end of its window, so only a request granted after that end shows that Clio's clock is behind;
# the rest of the window that a 429 tells then says by how much. No window lasts longer than 60 s from now, and 1 s of
# rounding, which takes back what was learned too much. Ends up to 1 s apart are one window, rounded differently.
FINISH = (
    """
local granted = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0) - ARGV[7]
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[2] == '' then return 0 end
"""
    + _NOW
    + """
local limit, used, reset = tonumber(ARGV[2]), ARGV[2] - ARGV[3], tonumber(ARGV[4]) * 1000
local told = redis.call('HMGET', KEYS[1], 'reset', 'used', 'skew', 'told')
local known, skew = tonumber(told[1]) or 0, tonumber(told[3]) or tonumber(ARGV[6])
if reset < known - 1000 then return 0 end
if reset <= known + 1000 then
    used, reset = math.max(used, tonumber(told[2]) or 0), math.max(reset, known)
end
if granted >= reset then skew = math.max(skew, granted + ARGV[5] - reset + 500) end
skew = math.min(skew, now - reset + 61000)
redis.call('HSET', KEYS[1], 'limit', limit, 'used', used, 'reset', reset, 'skew', skew, 'ends', reset + skew,
    'told', math.max(granted, tonumber(told[4]) or 0))
redis.call('PEXPIRE', KEYS[1], 600000)
return 0
"""
)
"""Give a place back with what Clio told. Arguments: id, limit, remaining, reset (s), rest of a 429 (ms), usual skew
(ms), how long a place was held for (ms); empty strings where nothing was told."""

LOSE = (
    _NOW
    + """
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends')) or 0
if ends <= now then ends = now + 60000 end
redis.call('ZADD', KEYS[2], 'XX', ends, ARGV[1])
return 0
"""
)
"""Hold the place of a request whose answer was lost to the end of the window. Arguments: id."""

BLOCK = (
    _NOW
    + """
local blocked = tonumber(redis.call('HGET', KEYS[1], 'blocked')) or 0
redis.call('HSET', KEYS[1], 'blocked', math.max(blocked, now + ARGV[1]))
redis.call('PEXPIRE', KEYS[1], 600000)
return 0
"""
)
"""Grant nothing for a while. Arguments: how long, in milliseconds."""
