"""Waking workers. arq carries the wake-ups; what there is to do is in PostgreSQL, so losing one loses no work."""

from typing import Any

import msgspec
from arq.connections import ArqRedis

SYNC_JOB = "work_on_sync_runs"
DELIVERY_JOB = "work_on_deliveries"
QUEUE_NAME = "clio-service:jobs"


def encode_job(job: dict[str, Any]) -> bytes:
    """Serialise a job as JSON: with arq's default, pickle, whoever writes to Redis runs code in the worker."""
    return msgspec.json.encode(job)


def decode_job(data: bytes) -> dict[str, Any]:
    """Read back what `encode_job` wrote."""
    job: dict[str, Any] = msgspec.json.decode(data)
    return job


class JobQueue:
    """Enqueues wake-ups; each says that runs or deliveries wait, not which."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def wake_sync(self) -> None:
        """Ask a worker to look for runs that are due."""
        await self._redis.enqueue_job(SYNC_JOB, _queue_name=QUEUE_NAME)

    async def wake_deliveries(self) -> None:
        """Ask a worker to look for deliveries."""
        await self._redis.enqueue_job(DELIVERY_JOB, _queue_name=QUEUE_NAME)
