"""The peers: what each is told, how it is started and asked for a pass, and how its table is emptied."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.graphql.node import FETCHED
from bench.sync.report import Sample
from core.clio.client import first_page
from core.db.engine import Executor
from core.resource import Resource
from core.services import Services

ROOT = Path(__file__).parents[2]
DLT = "dlt[postgres]==1.31.0"
DLT_HOME = FETCHED / "dlt"
DLT_WAYS = (
    ("dlt", "dlt", "insert_values", ""),
    ("dlt_json", "dlt, lists as JSON", "insert_values", "0"),
    ("dlt_csv", "dlt, lists as JSON, loading CSV", "csv", "0"),
)
"""Name, title, the format it loads from, and how deep it makes tables of lists: as deep as they are unless given."""

EMPTY_DLT = """DO $$ BEGIN EXECUTE (
    SELECT 'TRUNCATE ' || string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables
    WHERE schemaname = '{schema}' AND (tablename = '{name}' OR starts_with(tablename, '{name}__'))
); END $$"""
"""The table and those of the lists in its records."""

FETCH_WITHIN_S = 600
PASS_WITHIN_S = 600


@dataclass(frozen=True)
class Plan:
    """How to start a peer, and where its records go; `emptying` is run before the pass into an empty table."""

    name: str
    title: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    table: str
    emptying: str

    async def empty(self, database: Executor) -> None:
        """Empty its table, if it has one already."""
        if await database.fetchval("SELECT to_regclass($1)", self.table) is not None:
            await database.execute(self.emptying)


class Peer:
    """One that runs."""

    def __init__(self, plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.plan = plan
        self.started_bytes = 0
        self._reader = reader
        self._writer = writer

    async def ready(self) -> None:
        """Wait until it can make a pass; it tells what memory it took to get there."""
        self.started_bytes = int(await self._line())

    async def one_pass(self) -> Sample:
        """Ask for a pass and wait for its end; RuntimeError where the peer died of it."""
        self._writer.write(b"go\n")
        return Sample(**json.loads(await self._line()))

    async def _line(self) -> bytes:
        async with asyncio.timeout(PASS_WITHIN_S):
            said = await self._reader.readline()
        if not said:
            raise RuntimeError(f"{self.plan.title} ended by itself: see what it wrote above")
        return said


async def plans(services: Services, resource: Resource, firm: int, url: str) -> list[Plan]:
    """Return every peer that can be started here, their tables made; prints a line for one that cannot be fetched."""
    token = (await services.accounts.access(firm)).access_token
    params = first_page(resource.endpoint, None)
    base_url = f"{url}/api/v4/"
    first_url = str(_url(base_url, resource, params))
    told = {
        "BENCH_BASE_URL": base_url,
        "BENCH_DATABASE_URL": _secret(services, "database_url"),
        "BENCH_FIRM": str(firm),
        "BENCH_FIRST_URL": first_url,
        "BENCH_RESOURCE": resource.name,
        "BENCH_TOKEN": token,
    }
    found = [await _own(services, resource, told)]
    for name, title in (("limit", "limit: raw pages"), ("piccolo_insert", "Piccolo batch insert")):
        table = f"bench_{name}"
        await services.database.pool.execute(f"CREATE TABLE {table} (LIKE {resource.table_name} INCLUDING ALL)")
        argv = [sys.executable, "-m", f"bench.sync.peers.{name}"]
        found.append(Plan(name, title, argv, {**told, "BENCH_TABLE": table}, table, f"TRUNCATE {table}"))
    python = _dlt()
    for name, title, form, nesting in DLT_WAYS if python is not None else ():
        argv = [str(python), "-m", "bench.sync.peers.dlt_rest"]
        environment = {**told, "BENCH_TABLE": f"bench_{name}", "BENCH_FORMAT": form, "BENCH_NESTING": nesting}
        table, emptying = f"bench_{name}.{resource.name}", EMPTY_DLT.format(schema=f"bench_{name}", name=resource.name)
        found.append(Plan(name, title, argv, environment, table, emptying))
    return found


async def _own(services: Services, resource: Resource, told: Mapping[str, str]) -> Plan:
    settings = services.settings
    environment = {
        **told,
        "DATABASE_URL": told["BENCH_DATABASE_URL"],
        "REDIS_URL": _secret(services, "redis_url"),
        "PUBLIC_URL": str(settings.public_url),
        "CLIO_CLIENT_ID": settings.clio_client_id or "",
        "CLIO_CLIENT_SECRET": _secret(services, "clio_client_secret"),
        "CLIO_BASE_URL": str(settings.clio_base_url),
        "JWT_SECRET": _secret(services, "jwt_secret"),
        "ENCRYPTION_KEYS": _secret(services, "encryption_keys"),
    }
    argv = [sys.executable, "-m", "bench.sync.peers.ours"]
    emptying = f"TRUNCATE {resource.table_name}; TRUNCATE change"
    return Plan("ours", "clio-service", argv, environment, resource.table_name, emptying)


@asynccontextmanager
async def running(plan: Plan) -> AsyncIterator[Peer]:
    """Start a peer, wait until it is ready for a pass; end it afterwards."""
    environment = {**os.environ, **plan.environment, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *plan.argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 20
    )
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError(f"{plan.title} has no pipes")
        peer = Peer(plan, process.stdout, process.stdin)
        await peer.ready()
        yield peer
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def _dlt() -> Path | None:
    """Return the Python of a virtual environment with dlt, fetched the first time; None where it cannot be had."""
    python, mark = DLT_HOME / "bin" / "python", DLT_HOME / DLT
    if mark.exists():
        return python
    print(f"sync: fetching {DLT}, once", flush=True)
    DLT_HOME.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _check([sys.executable, "-m", "venv", "--clear", str(DLT_HOME)])
        _check([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", DLT])
    except (subprocess.SubprocessError, OSError) as error:
        print(f"sync: left out: dlt, which cannot be fetched ({type(error).__name__})")
        return None
    mark.touch()
    return python


def _check(argv: Sequence[str]) -> None:
    subprocess.run(argv, check=True, timeout=FETCH_WITHIN_S)  # noqa: S603 - programs of this file


def _url(base_url: str, resource: Resource, params: Mapping[str, str]) -> httpx.URL:
    return httpx.URL(f"{base_url}{resource.endpoint.path}.json", params=dict(params))


def _secret(services: Services, name: str) -> str:
    return str(getattr(services.settings, name).get_secret_value())
