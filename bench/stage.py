"""The stage of a measurement: embedded servers, a mock Clio in a process of its own, a connected firm."""

import base64
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
from pydantic import AnyHttpUrl, SecretStr

from core.embedded.child import end, spawn
from core.embedded.ports import free_port
from core.embedded.servers import EmbeddedServers
from core.loading import load_plugins
from core.process import migrate_all
from core.services import Services
from core.settings import Settings

SECRET = secrets.token_urlsafe(16)


@asynccontextmanager
async def stage(
    *, contacts: int, rate_limit: int, activities: int = 40, fronted: bool = False
) -> AsyncIterator[tuple[Services, int, str]]:
    """Yield open services, a connected firm and the mock's address; durable servers, as in production.

    `fronted` puts `bench.sync.front` before the mock, so that its rendering does not hold anybody up.
    """
    port, front_port = free_port(), free_port()
    own_url = f"http://127.0.0.1:{port}"
    mock_url = f"http://127.0.0.1:{front_port}" if fronted else own_url
    options = {
        "--port": port,
        "--contacts": contacts,
        "--matters": 10,
        "--rate-limit": rate_limit,
        "--activities": activities,
        "--public-url": mock_url,
    }
    argv = [sys.executable, "-m", "mock_clio", *(str(part) for option in options.items() for part in option)]
    children = [spawn([*argv, "--application", f"bench:{SECRET}:http://127.0.0.1:9/oauth/clio/callback"])]
    if fronted:
        children.append(spawn([sys.executable, "-m", "bench.sync.front", str(front_port), own_url]))
    try:
        with tempfile.TemporaryDirectory() as folder:
            async with EmbeddedServers(Path(folder) / "servers") as servers:
                services = Services(_settings(servers, mock_url), load_plugins())
                async with services.open(), httpx.AsyncClient() as http:
                    await migrate_all(services)
                    await _answers(http, own_url)
                    await _answers(http, mock_url)
                    yield services, await _connect(services, http), mock_url
    finally:
        for child in children:
            await end(child)


def _settings(servers: EmbeddedServers, mock_url: str) -> Settings:
    return Settings(
        database_url=SecretStr(servers.database_url),
        redis_url=SecretStr(servers.redis_url),
        public_url=AnyHttpUrl("http://127.0.0.1:9"),
        clio_client_id="bench",
        clio_client_secret=SecretStr(SECRET),
        clio_base_url=AnyHttpUrl(mock_url),
        jwt_secret=SecretStr(secrets.token_hex(32)),
        encryption_keys=SecretStr(f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}"),
    )


async def _answers(http: httpx.AsyncClient, url: str) -> None:
    transport = httpx.AsyncHTTPTransport(retries=8)
    async with httpx.AsyncClient(transport=transport, timeout=30) as patient:
        await patient.get(f"{url}/__mock__/counts")
    (await http.get(f"{url}/__mock__/counts")).raise_for_status()


async def _connect(services: Services, http: httpx.AsyncClient) -> int:
    parts = urlsplit(await services.accounts.authorize_url("us"))
    form = {name: values[0] for name, values in parse_qs(parts.query).items()}
    answer = await http.post(f"{parts.scheme}://{parts.netloc}{parts.path}", data={**form, "decision": "approve"})
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return await services.accounts.complete(state=query["state"][0], code=query["code"][0])
