"""`clio-service demo`: everything on one machine, against a mock Clio, until Ctrl-C."""

import asyncio
import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console

from core.commands.display import Display, ShownRun, open_display
from core.demo.session import SAMPLE, DemoSession
from core.demo.stack import DemoOptions, Stack
from core.embedded.lock import FolderLock
from core.embedded.servers import EmbeddedServers
from core.logging import configure_logging
from core.process import listen, stop_on_signals

PARENT_LOOK_S = 0.5


@click.command(epilog="Example: clio-service demo --contacts 20000 --rate-limit 50")
@click.option("--port", default=8000, show_default=True, help="Port of the API.")
@click.option("--mock-clio-port", default=8001, show_default=True, help="Port of the mock Clio.")
@click.option("--users", default=12, show_default=True, help="Users of the seeded firm.")
@click.option("--contacts", default=2000, show_default=True, help="Contacts of the seeded firm.")
@click.option("--matters", default=1200, show_default=True, help="Matters of the seeded firm.")
@click.option("--documents", default=100, show_default=True, help="Documents of the seeded firm.")
@click.option("--rate-limit", default=300, show_default=True, help="Requests a minute that the mock allows a token.")
@click.option("--traffic-per-minute", default=12.0, show_default=True, help="Edits a minute at the mock; 0 for none.")
@click.option("--end-with-parent", is_flag=True, help="Stop when the process that started this one is gone.")
def demo(
    *,
    port: int,
    mock_clio_port: int,
    users: int,
    contacts: int,
    matters: int,
    documents: int,
    rate_limit: int,
    traffic_per_minute: float,
    end_with_parent: bool,
) -> None:
    """Run everything against a mock Clio with a seeded firm; Ctrl-C stops all of it. Starts from nothing each time."""
    configure_logging("warning")
    options = DemoOptions(
        folder=Path(".demo").absolute(),
        port=port,
        mock_clio_port=mock_clio_port,
        users=users,
        contacts=contacts,
        matters=matters,
        documents=documents,
        rate_limit=rate_limit,
        traffic_per_minute=traffic_per_minute,
    )
    asyncio.run(run_demo(options, end_with_parent=end_with_parent))


async def run_demo(options: DemoOptions, *, end_with_parent: bool) -> None:
    """Run the demo until SIGINT or SIGTERM, or until the parent of this process is gone.

    Raises:
        PortOccupied: one of the ports is taken; nothing was started.
        ServiceError: a part did not start, or died for good; names it and its log.
    """
    stop = stop_on_signals()
    listen("127.0.0.1", options.port, setting="PORT").close()
    listen("127.0.0.1", options.mock_clio_port, setting="MOCK_CLIO_PORT").close()
    await _begin_empty(options.folder)
    async with EmbeddedServers(options.folder / "servers") as servers:
        stack = Stack(options, servers)
        running = asyncio.create_task(_run(stack, stop))
        stopping = asyncio.create_task(_until_stopped(stop, os.getppid() if end_with_parent else None))
        try:
            await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
        finally:
            running.cancel()
            stopping.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)
            (options.folder / "demo.json").unlink(missing_ok=True)
            await stack.stop()


async def _until_stopped(stop: asyncio.Event, parent: int | None) -> None:
    """Wait for the event; with a parent named, set it when that one is gone (this process then has another)."""
    while not stop.is_set():
        if parent is not None and os.getppid() != parent:
            stop.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PARENT_LOOK_S):
                await stop.wait()


async def _run(stack: Stack, stop: asyncio.Event) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        with open_display(Console()) as display:
            display.say("PostgreSQL and Redis run; starting the mock Clio, the API and a worker")
            await stack.start()
            session = DemoSession(stack, http)
            firm, token = await session.connect()
            display.say(f"firm {firm} is connected through OAuth; mirroring it")
            async for runs in session.backfill():
                display.runs([_shown(run) for run in runs])
            await session.start_traffic()
            description = _describe(stack, firm, token, await session.second_token())
        _write_description(stack, description)
        _announce(stack, token, display)
    async for _ in stack.watch():
        _write_description(stack, description)
    stop.set()


def _shown(run: dict[str, Any]) -> ShownRun:
    return ShownRun(
        name=f"backfill {run['resource']}",
        state=run["state"],
        seen=run["recordsSeen"],
        total=run["recordsTotal"],
        detail="" if run["etaS"] is None else f"about {run['etaS']:.0f} s left",
        is_over=run["state"] == "succeeded",
    )


def _describe(stack: Stack, firm: int, token: str, clio_access_token: str) -> dict[str, object]:
    options = stack.options
    return {
        "graphql_url": f"{options.api_url}/graphql",
        "dashboard_url": f"{options.api_url}/dashboard",
        "mock_clio_url": options.mock_clio_url,
        "token": token,
        "firm_id": firm,
        "clio_access_token": clio_access_token,
        "database_url": stack.servers.database_url,
        "redis_url": stack.servers.redis_url,
    }


def _write_description(stack: Stack, description: dict[str, object]) -> None:
    """Write `.demo/demo.json`, readable by its owner alone: scripts drive the demo through it."""
    target = stack.options.folder / "demo.json"
    fresh = target.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({**description, "pids": stack.pids}, file, indent=2)
    fresh.replace(target)


def _announce(stack: Stack, token: str, display: Display) -> None:
    url = stack.options.api_url
    one_line = " ".join(SAMPLE.split())
    display.say(f"\ndashboard  {url}/dashboard#token={token}")
    display.say(f"GraphQL    {url}/graphql   (token and addresses: .demo/demo.json)")
    display.say("\na query to begin with:\n")
    display.say(f"  curl -s {url}/graphql -H 'Content-Type: application/json' \\")
    display.say(f"    -H 'Authorization: Bearer {token}' \\")
    display.say(f"    -d '{json.dumps({'query': one_line})}'\n")
    display.say(f"ready {url}")


async def _begin_empty(folder: Path) -> None:
    """Remove what an earlier demo left.

    Raises:
        EmbeddedServerError: another demo runs in this folder; names its process.
    """
    servers = folder / "servers"
    await asyncio.to_thread(servers.mkdir, parents=True, exist_ok=True)
    (await FolderLock.acquire(servers)).release()
    await asyncio.to_thread(shutil.rmtree, folder)
    await asyncio.to_thread(folder.mkdir)
