"""`python -m bench graphql`: our reads beside the limit and other servers, on one database, in one run."""

import argparse
import asyncio
import base64
import multiprocessing
import secrets
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from bench.graphql import agreement
from bench.graphql.cases import CASES, Q1
from bench.graphql.chart import draw
from bench.graphql.data import FIRM, Size, fill
from bench.graphql.publishing import publish
from bench.graphql.report import Report, Weight, conditions
from bench.graphql.rounds import Measure, measure
from bench.graphql.servers import Plan, Server, plans, resident_bytes, running
from core.auth.tokens import mint
from core.embedded.servers import EmbeddedServers
from core.loading import load_plugins
from core.process import migrate_all
from core.services import Services
from core.settings import load_settings

TOKEN_LIVES_S = 7200


def main(arguments: Sequence[str]) -> int:
    """Measure as the arguments say; 2 for arguments that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m bench graphql", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of load for each cell and round")
    parser.add_argument("--rounds", type=int, default=5, help="that count; one more warms up")
    parser.add_argument("--connections", type=_numbers, default=[1, 16, 64], help="comma separated")
    parser.add_argument("--scale", type=float, default=1.0, help="of the rows; 1 is 100,000 matters")
    parser.add_argument("--generic", action="store_true", help="also ask ours for its generic read path")
    parser.add_argument("--only", type=_names, default=[], help="servers by name, comma separated; all unless given")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--chart", type=Path, help="a file for the chart, SVG")
    parser.add_argument("--publish", action="store_true", help="put tables and chart into docs/performance.md")
    parser.add_argument("--from", dest="earlier", type=Path, help="report these figures of --json, measure nothing")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    report = Report.read(options.earlier) if options.earlier else asyncio.run(_run(options))
    for line in report.lines():
        print(line)
    if options.json:
        report.write(options.json)
    if options.chart:
        options.chart.write_text(draw(report), encoding="utf-8")
    if options.publish:
        publish(report)
    return 0


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _names(text: str) -> list[str]:
    return text.split(",")


async def _run(options: argparse.Namespace) -> Report:
    size = Size.scaled(options.scale)
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedServers(Path(folder) / "servers") as embedded, AsyncExitStack() as stack:
            service = _environment(embedded)
            rows, database = await _prepare(service, size)
            settings = load_settings(service)
            token = mint(settings, subject="bench", firms=[FIRM], scopes=["read"], ttl_s=TOKEN_LIVES_S)
            wanted = [plan for plan in plans(service, token) if not options.only or plan.name in options.only]
            servers = [await _start(stack, plan, embedded.database_url, Path(folder)) for plan in wanted]
            if options.generic:
                servers[1:1] = [server.generic() for server in servers if server.plan.name == "ours"]
            sizes = await agreement.check(servers)
            work = Measure(
                options.rounds, options.seconds, options.connections, size.matters, embedded.pids["postgres"]
            )
            # Not in the stack: the client must be gone before the servers are.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
                cells = await measure(servers, CASES, work, executor)
            held = conditions(database=database, rows=rows, sizes=sizes, rounds=options.rounds, seconds=options.seconds)
            return Report(held, [_weigh(server) for server in servers], cells)


def _environment(embedded: EmbeddedServers) -> dict[str, str]:
    """Return the settings of our service: production's, but for the largest page, which one case needs."""
    return {
        "DATABASE_URL": embedded.database_url,
        "REDIS_URL": embedded.redis_url,
        "CLIO_CLIENT_ID": "bench",
        "CLIO_CLIENT_SECRET": secrets.token_urlsafe(16),
        "JWT_SECRET": secrets.token_hex(32),
        "ENCRYPTION_KEYS": f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "GRAPHQL_MAX_PAGE": "1000",
        "LOG_LEVEL": "error",
    }


async def _prepare(service: dict[str, str], size: Size) -> tuple[dict[str, int], str]:
    """Migrate and fill the database; return table -> rows, and the server's version."""
    services = Services(load_settings(service), load_plugins())
    await services.database.open()
    try:
        await migrate_all(services)
    finally:
        await services.database.close()
    connection = await asyncpg.connect(service["DATABASE_URL"])
    try:
        rows = await fill(connection, size)
        version = connection.get_server_version()
    finally:
        await connection.close()
    print(f"graphql: rows of the measured firm: {rows}", flush=True)
    return rows, f"PostgreSQL {version.major}.{version.minor}"


async def _start(stack: AsyncExitStack, plan: Plan, database_url: str, logs: Path) -> Server:
    return await stack.enter_async_context(running(plan, case=Q1, database_url=database_url, logs=logs))


def _weigh(server: Server) -> Weight:
    return Weight(
        server=server.plan.name,
        title=server.plan.title,
        start_s=server.start_s,
        idle_bytes=server.idle_bytes,
        loaded_bytes=resident_bytes(server.process.pid),
    )
