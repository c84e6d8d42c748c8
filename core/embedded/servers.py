"""`EmbeddedServers`: PostgreSQL and Redis for a demo, a test run, or a service without DATABASE_URL and REDIS_URL.

```
<data_dir>/embedded.lock    who runs servers here; inherited by them      embedded.json   passwords and last ports
           postgres/        the cluster          postgres.log, redis.log  what the servers say
           redis/           the append-only file redis.conf               as generated at each start
```
Everything is of one folder and nothing is shared between users or folders; remove the folder to start anew. The one
exception, under root alone: a copy of the PostgreSQL programs in /var/cache when their own place cannot be reached.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.embedded.errors import EmbeddedServerError
from core.embedded.lock import FolderLock
from core.embedded.postgres_server import PostgresServer
from core.embedded.redis_server import AppendFsync, RedisServer
from core.embedded.server import Server
from core.embedded.state import State
from core.embedded.supervision import keep_running


@dataclass(frozen=True)
class EmbeddedUrls:
    """The addresses of both servers, with their passwords: good for the whole run, restarts included."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)


class EmbeddedServers:
    """An async context manager: both servers run inside its block, and nothing of them after it.

    Enter it in the main thread (see `core.embedded.child`). If this process dies in any way, so do the servers.

    Args:
        data_dir: where everything is kept; made if missing. One process at a time.
        postgres: whether PostgreSQL is wanted.
        redis: whether Redis is wanted.
        durable: False trades what a power cut would lose for speed; for tests.
        appendfsync: when Redis writes through to disk; `always`, so that deliveries can be kept there while PostgreSQL
            is away, or `no` where not durable, unless given.
        redis_program: which Redis to run; looked for unless given.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        postgres: bool = True,
        redis: bool = True,
        durable: bool = True,
        appendfsync: AppendFsync | None = None,
        redis_program: Path | None = None,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._wanted = {"postgres": postgres, "redis": redis}
        self._durable = durable
        self._appendfsync: AppendFsync = appendfsync or ("always" if durable else "no")
        self._redis_program = redis_program
        self._lock: FolderLock | None = None
        self._servers: dict[str, Server] = {}
        self._supervision: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._lock = await self._take_folder()
        try:
            state = State(self._data_dir)
            state.load()
            self._servers = {server.name: server for server in self._make_servers(state, self._lock)}
            await _all(self._start(server) for server in self._servers.values())
        except BaseException:
            await self._close()
            raise
        self._supervision = [asyncio.create_task(keep_running(server)) for server in self._servers.values()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def urls(self) -> EmbeddedUrls:
        """Both addresses.

        Raises:
            EmbeddedServerError: one of the servers was not wanted, or they do not run.
        """
        return EmbeddedUrls(self.database_url, self.redis_url)

    @property
    def database_url(self) -> str:
        """The address of PostgreSQL, `postgresql://clio:...@127.0.0.1:.../clio`."""
        return self._server("postgres").url

    @property
    def redis_url(self) -> str:
        """The address of Redis, `redis://:...@127.0.0.1:.../0`."""
        return self._server("redis").url

    @property
    def pids(self) -> dict[str, int]:
        """Server name -> process id of those that run now; changes when one is restarted."""
        return {
            name: server.process.pid
            for name, server in self._servers.items()
            if server.process is not None and server.process.poll() is None
        }

    async def wait(self) -> None:
        """Wait until a server is given up for good; meant to be raced against whatever ends the caller.

        Raises:
            EmbeddedServerError: says which server and where its log is.
        """
        if self._supervision:
            done, _ = await asyncio.wait(self._supervision, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled():
                    task.result()

    def _server(self, name: str) -> Server:
        if name not in self._servers:
            raise EmbeddedServerError(f"embedded {name} does not run: ask for it, and use its address inside the block")
        return self._servers[name]

    async def _take_folder(self) -> FolderLock:
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedServerError(
                f"data folder {self._data_dir} cannot be made ({error.strerror}): set DATA_DIR to another"
            ) from error
        return await FolderLock.acquire(self._data_dir)

    def _make_servers(self, state: State, lock: FolderLock) -> Sequence[Server]:
        servers: list[Server] = []
        if self._wanted["postgres"]:
            servers.append(PostgresServer(self._data_dir, state, lock, durable=self._durable))
        if self._wanted["redis"]:
            servers.append(
                RedisServer(self._data_dir, state, lock, appendfsync=self._appendfsync, program=self._redis_program)
            )
        return servers

    async def _start(self, server: Server) -> None:
        await server.prepare()
        await server.start()

    async def _close(self) -> None:
        """End supervision, then the servers, then give the folder up; also after half a start."""
        supervision, self._supervision = self._supervision, []
        for task in supervision:
            task.cancel()
        await asyncio.gather(*supervision, return_exceptions=True)
        servers, self._servers = self._servers, {}
        try:
            await _all(server.stop() for server in servers.values())
        finally:
            if self._lock is not None:
                self._lock.release()
                self._lock = None


async def _all(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run the calls at once, let each finish, and raise the first failure as it is."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
