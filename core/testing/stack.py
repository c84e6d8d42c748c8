"""Databases and settings for tests, on servers that are already running."""

import base64
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit

import asyncpg
from pydantic import AnyHttpUrl, SecretStr

from core.embedded.servers import EmbeddedServers
from core.settings import Settings
from core.testing.driving import CALLBACK, CLIENT_ID, CLIENT_SECRET
from mock_clio.settings import Application, MockSettings


@asynccontextmanager
async def copied_database(servers: EmbeddedServers, template: str) -> AsyncIterator[str]:
    """Yield the URL of a copy of a database, which is dropped afterwards whoever still has it open."""
    name = f"test_{uuid.uuid4().hex}"
    await administer(servers, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield database_named(servers, name)
    await drop_database(servers, name)


async def drop_database(servers: EmbeddedServers, name: str) -> None:
    """Drop a database whoever of ours still has it open.

    Not `WITH (FORCE)`, which wants the right to end every session: an autovacuum worker that looks in is PostgreSQL's.
    """
    await administer(servers, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await administer(
        servers,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE datname = '{name}' AND usename = current_user",
    )
    await administer(servers, f"DROP DATABASE {name}")


async def administer(servers: EmbeddedServers, statement: str) -> None:
    """Run a statement outside a transaction, on the server's own database."""
    connection = await asyncpg.connect(servers.database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def database_named(servers: EmbeddedServers, name: str) -> str:
    """Return the URL of a database of the server."""
    return urlsplit(servers.database_url)._replace(path=f"/{name}").geturl()


def free_port() -> int:
    """Return a port of the loopback interface that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lasting_redis_url(servers: EmbeddedServers) -> str:
    """Return a database in Redis for an API that outlives a test: what waits in it is moved by whoever looks."""
    return urlsplit(servers.redis_url)._replace(path="/1").geturl()


def settings_for(database_url: str, redis_url: str, *, port: int = 8000, clio: str | None = None) -> Settings:
    """Return settings that point at given servers; without `clio`, Clio is nowhere that is ever asked."""
    return Settings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        host="127.0.0.1",
        port=port,
        public_url=AnyHttpUrl(f"http://127.0.0.1:{port}"),
        clio_client_id=CLIENT_ID,
        clio_client_secret=SecretStr(CLIENT_SECRET),
        clio_base_url=AnyHttpUrl(clio) if clio else None,
        jwt_secret=SecretStr("a signing key of at least thirty-two characters"),
        encryption_keys=SecretStr(f"test:{base64.b64encode(bytes(range(32))).decode()}"),
        lease_s=3.0,
        sync_pages_ahead=1,
        webhook_fetch_spacing_s=0.0,
    )


def mock_settings_for(port: int, *, users: int = 4, contacts: int = 60, matters: int = 30) -> MockSettings:
    """Return how a mock Clio starts that knows the service on a port as its application."""
    return MockSettings(
        users=users,
        contacts=contacts,
        matters=matters,
        rate_limit=100_000,
        allow_http_loopback=True,
        applications=(
            Application(
                client_id=CLIENT_ID,
                client_secret=CLIENT_SECRET,
                redirect_uris=(f"http://127.0.0.1:{port}{CALLBACK}",),
            ),
        ),
    )
