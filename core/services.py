"""What a running process works with, opened and closed in one place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from arq.connections import ArqRedis, RedisSettings, create_pool
from redis.exceptions import RedisError

from core.clio.account import ClioAccounts
from core.clio.budget import RequestBudget
from core.db.cipher import Cipher
from core.db.engine import Database
from core.errors import RedisUnavailable, ServiceError
from core.jobs.queue import QUEUE_NAME, JobQueue, decode_job, encode_job
from core.metrics.recorder import WebhookRecorder
from core.registry import Registry
from core.settings import Settings, parse_encryption_keys
from core.stopping import Stopping


class Services:
    """The parts of one process. `open()` connects; until then only settings, registry and cipher may be used."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self.settings = settings
        self.registry = registry
        self.cipher = Cipher(parse_encryption_keys(settings.encryption_keys.get_secret_value()))
        self.database = Database(
            _required(settings, "database_url"),
            pool_size=settings.database_pool_size,
            read_timeout_s=settings.graphql_timeout_s,
        )
        self.stopping = Stopping()
        self.webhook_recorder = WebhookRecorder(lambda: self.redis)
        """Counts what happens to deliveries in this process."""
        self._redis: ArqRedis | None = None
        self._accounts: ClioAccounts | None = None

    @property
    def redis(self) -> ArqRedis:
        """The Redis client, shared by budget, queue and live updates."""
        if self._redis is None:
            raise RedisUnavailable("redis is not open: call open() first")
        return self._redis

    @property
    def queue(self) -> JobQueue:
        """Where workers are woken."""
        return JobQueue(self.redis)

    @property
    def accounts(self) -> ClioAccounts:
        """Clio: OAuth, and a client per connected firm."""
        if self._accounts is None:
            raise ServiceError("the services are not open: call open() first")
        return self._accounts

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Services"]:
        """Connect to PostgreSQL and Redis, and disconnect at the end.

        Raises:
            DatabaseUnavailable: PostgreSQL cannot be reached.
            RedisUnavailable: Redis cannot be reached.
        """
        await self.database.open()
        try:
            self._redis = await _open_redis(_required(self.settings, "redis_url"))
            async with httpx.AsyncClient(
                timeout=httpx.Timeout(self.settings.request_timeout_s, connect=10),
                limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
            ) as http:
                self._accounts = ClioAccounts(
                    self.settings, self.database, self.cipher, http, RequestBudget(self._redis)
                )
                yield self
        finally:
            await self.stopping.announce()
            self._accounts = None
            await self.webhook_recorder.close()
            if self._redis is not None:
                await self._redis.aclose(close_connection_pool=True)
                self._redis = None
            await self.database.close()


def _required(settings: Settings, name: str) -> str:
    secret = getattr(settings, name)
    if secret is None:
        raise ServiceError(f"{name.upper()} is not known: start through `clio-service`, which starts embedded servers")
    return str(secret.get_secret_value())


async def _open_redis(url: str) -> ArqRedis:
    settings = RedisSettings.from_dsn(url)
    settings.conn_retries = 0
    settings.conn_timeout = 5
    try:
        return await create_pool(
            settings, default_queue_name=QUEUE_NAME, job_serializer=encode_job, job_deserializer=decode_job
        )
    except (RedisError, OSError) as error:
        raise RedisUnavailable(
            f"cannot connect to Redis ({type(error).__name__}): check that the server of REDIS_URL is up"
        ) from error
