"""What a running process works with, opened and closed in one place."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from arq.connections import ArqRedis
from redis.exceptions import RedisError

from core.clio.account import ClioAccounts
from core.clio.budget import RequestBudget
from core.db.cipher import Cipher
from core.db.engine import Database
from core.errors import RedisUnavailable, ServiceError
from core.jobs.queue import QUEUE_NAME, JobQueue, decode_job, encode_job
from core.metrics.recorder import WebhookRecorder
from core.redis_pool import ClosingPool, RedisClient
from core.registry import Registry
from core.settings import Settings, parse_encryption_keys
from core.stopping import Stopping

CONNECT_S = 5.0
"""How long connecting to Redis may take."""


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
        async with AsyncExitStack() as opened:
            opened.push_async_callback(self.database.close)
            await self.database.open()
            self._redis = await opened.enter_async_context(_open_redis(_required(self.settings, "redis_url")))
            http = await opened.enter_async_context(
                httpx.AsyncClient(
                    timeout=httpx.Timeout(self.settings.request_timeout_s, connect=10),
                    limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
                )
            )
            self._accounts = ClioAccounts(self.settings, self.database, self.cipher, http, RequestBudget(self._redis))
            opened.callback(self._forget)
            opened.push_async_callback(self.webhook_recorder.close)
            opened.push_async_callback(self.stopping.announce)
            yield self

    def _forget(self) -> None:
        self._accounts = self._redis = None


def _required(settings: Settings, name: str) -> str:
    secret = getattr(settings, name)
    if secret is None:
        raise ServiceError(f"{name.upper()} is not known: start through `clio-service`, which starts embedded servers")
    return str(secret.get_secret_value())


@asynccontextmanager
async def _open_redis(url: str) -> AsyncIterator[ArqRedis]:
    """Yield a client that has been answered once; whatever becomes of it, its connections are closed.

    Raises:
        RedisUnavailable: Redis cannot be reached.
    """
    pool = ClosingPool.from_url(url, socket_connect_timeout=CONNECT_S)
    redis = RedisClient(pool, default_queue_name=QUEUE_NAME, job_serializer=encode_job, job_deserializer=decode_job)
    try:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            raise RedisUnavailable(
                f"cannot connect to Redis ({type(error).__name__}): check that the server of REDIS_URL is up"
            ) from error
        yield redis
    finally:
        await pool.close_for_good()
