"""What dies, and what must then die with it, come back, or be reported."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from core.embedded.errors import EmbeddedServerError
from core.embedded.lock import FolderLock
from core.embedded.processes import is_running
from core.embedded.redis_server import find_redis
from core.embedded.servers import EmbeddedServers
from tests.embedded.embedded_parents import hold_servers, nothing_left, stopped_cluster


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        met = condition()
        while not met:
            await asyncio.sleep(0.02)
            met = condition()


async def eventually(url: str, statement: str) -> object:
    """Return the value of a statement as soon as the server takes connections again."""
    async with asyncio.timeout(10):
        while True:
            try:
                connection = await asyncpg.connect(url)
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.05)
                continue
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()


async def eventually_stored(client: redis.asyncio.Redis, key: str) -> object:
    """Return the value of a key as soon as the server takes connections again."""
    async with asyncio.timeout(10):
        while True:
            try:
                value: object = await client.get(key)
            except redis.ConnectionError:
                await asyncio.sleep(0.02)
            else:
                return value


async def test_kill_9_of_the_parent_leaves_no_process_even_under_load(tmp_path: Path) -> None:
    with hold_servers(tmp_path) as parent:
        busy = await asyncpg.connect(parent.database_url)
        sleeping = asyncio.create_task(busy.fetchval("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.05)
        parent.process.kill()
        with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
            await sleeping
        busy.terminate()
        assert nothing_left(tmp_path, list(parent.pids.values()))


async def test_next_parent_waits_for_the_servers_of_a_killed_one(tmp_path: Path) -> None:
    with hold_servers(tmp_path) as parent:
        await eventually(parent.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        parent.process.kill()
        parent.process.wait()
        async with EmbeddedServers(tmp_path, durable=False) as servers:
            assert await eventually(servers.database_url, "SELECT answer FROM kept") == 42


async def test_servers_that_outstay_a_killed_parent_are_named(tmp_path: Path) -> None:
    with hold_servers(tmp_path) as parent:
        postmaster = parent.pids["postgres"]
        os.kill(postmaster, signal.SIGSTOP)
        parent.process.kill()
        parent.process.wait()
        named = f"process {parent.process.pid}, which is gone: end .*{postmaster}"
        with pytest.raises(EmbeddedServerError, match=named):
            await FolderLock.acquire(tmp_path, patience_s=0.3)
        os.kill(postmaster, signal.SIGCONT)
        assert nothing_left(tmp_path, list(parent.pids.values()))


def test_a_parent_that_is_interrupted_ends_its_servers_first(tmp_path: Path) -> None:
    with hold_servers(tmp_path) as parent:
        parent.process.send_signal(signal.SIGINT)
        parent.process.wait(30)
        assert nothing_left(tmp_path, list(parent.pids.values()), within_s=0.1)


async def test_killed_postgres_comes_back_on_its_port_with_its_data(tmp_path: Path) -> None:
    async with EmbeddedServers(tmp_path, redis=False) as servers:
        url, killed = servers.database_url, servers.pids["postgres"]
        await eventually(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        busy = await asyncpg.connect(url)
        session = await busy.fetchval("SELECT pg_backend_pid()")
        computing = asyncio.create_task(busy.execute("SELECT count(*) FROM generate_series(1, 1000000000)"))
        await asyncio.sleep(0.1)
        os.kill(killed, signal.SIGKILL)
        assert await eventually(url, "SELECT answer FROM kept") == 42
        assert not is_running(session)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await computing
        assert servers.database_url == url
        assert servers.pids["postgres"] != killed


async def test_killed_redis_comes_back_on_its_port_with_its_data(tmp_path: Path) -> None:
    async with EmbeddedServers(tmp_path, postgres=False, appendfsync="always") as servers:
        killed = servers.pids["redis"]
        client = redis.asyncio.Redis.from_url(servers.redis_url, decode_responses=True)
        await client.set("kept", "42")
        os.kill(killed, signal.SIGKILL)
        assert await eventually_stored(client, "kept") == "42"
        assert servers.pids["redis"] != killed
        await client.aclose()


async def test_a_server_that_does_not_come_back_is_given_up_and_reported(tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.symlink_to(find_redis())
    async with EmbeddedServers(tmp_path / "data", postgres=False, redis_program=program) as servers:
        program.unlink()
        program.symlink_to("/bin/false")
        os.kill(servers.pids["redis"], signal.SIGKILL)
        with pytest.raises(EmbeddedServerError, match=r"Redis ended with status 1 .*restarting it 5 times"):
            await asyncio.wait_for(servers.wait(), 10)
    assert nothing_left(tmp_path / "data", [], within_s=1)


async def test_a_cancelled_start_leaves_no_process_and_no_half_cluster(tmp_path: Path) -> None:
    servers = EmbeddedServers(tmp_path, redis=False, durable=False)
    starting = asyncio.create_task(servers.__aenter__())
    await until((tmp_path / "postgres.new").exists)
    await asyncio.sleep(0.1)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert nothing_left(tmp_path, [], within_s=1)
    assert not (tmp_path / "postgres").exists()
    async with EmbeddedServers(tmp_path, redis=False, durable=False) as again:
        assert await eventually(again.database_url, "SELECT 1") == 1


async def test_a_stale_pid_that_belongs_to_a_stranger_by_now_is_no_obstacle(tmp_path: Path) -> None:
    async with EmbeddedServers(tmp_path, redis=False, durable=False):
        pass
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}/postgres\n")
    async with EmbeddedServers(tmp_path, redis=False, durable=False) as servers:
        assert await eventually(servers.database_url, "SELECT 1") == 1


async def test_a_server_that_is_not_ours_on_the_folder_is_named(tmp_path: Path) -> None:
    folder = stopped_cluster(tmp_path)
    with start_sleeper(folder) as stranger:
        (folder / "postmaster.pid").write_text(f"{stranger.pid}\n{folder}\n")
        with pytest.raises(EmbeddedServerError, match=f"another PostgreSQL, process {stranger.pid}, works on"):
            await EmbeddedServers(tmp_path, redis=False).__aenter__()
        stranger.kill()


def start_sleeper(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], cwd=folder)
