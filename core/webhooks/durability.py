"""Whether a Redis has on its disk what it acknowledged."""

from dataclasses import dataclass
from typing import Literal

from arq.connections import ArqRedis
from redis.exceptions import ResponseError

WAITAOF_SINCE = (7, 2)


@dataclass(frozen=True)
class Durability:
    """How a write is known to be on disk: by asking with WAITAOF, because every write is, or (None) not at all."""

    by: Literal["waitaof", "always"] | None
    reason: str


async def durability(redis: ArqRedis) -> Durability:
    """Ask a server how it keeps what it is given. Two commands; raises RedisError where it is away.

    Asked anew for every batch: another server, or other settings, may have come under the same address.
    """
    found = await redis.info("everything")
    if not found.get("aof_enabled"):
        return Durability(None, "appendonly is off")
    if str(found.get("maxmemory_policy", "")).startswith("allkeys"):
        return Durability(None, f"maxmemory-policy is {found['maxmemory_policy']}: it may evict what waits")
    version = tuple(int(part) for part in str(found["redis_version"]).split(".")[:2])
    if version >= WAITAOF_SINCE:
        return Durability("waitaof", "appendonly is on, and the server has WAITAOF")
    try:
        settings = await redis.config_get("*append*")
    except ResponseError:
        return Durability(None, "a Redis before 7.2 does not let us read appendfsync")
    if settings.get("appendfsync") != "always":
        return Durability(None, "appendfsync is not always, and a Redis before 7.2 has no WAITAOF")
    if settings.get("no-appendfsync-on-rewrite") == "yes":
        return Durability(None, "no-appendfsync-on-rewrite is yes")
    return Durability("always", "appendonly is on, and appendfsync is always")
