"""The commands that run: the API, the worker, migrations, the mock Clio."""

import asyncio
import contextlib
import os
import sys

import click

from core.app import create_app
from core.db.engine import Database
from core.jobs.worker import WorkerProcess
from core.loading import load_plugins
from core.logging import configure_logging
from core.process import (
    keep_what_is_loaded,
    listen,
    migrate_all,
    run_process,
    running_services,
    serve_app,
    stop_on_signals,
    with_servers,
)
from core.services import Services
from core.settings import Settings, load_settings


@click.command(epilog="Example: PORT=8080 clio-service serve --worker")
@click.option("--worker", "with_worker", is_flag=True, help="Work on syncs and deliveries in this process, too.")
def serve(*, with_worker: bool) -> None:
    """Run the API: GraphQL, webhooks, health."""
    settings = load_settings()
    configure_logging(settings.log_level)
    run_process(run_api(settings, with_worker=with_worker))


async def run_api(settings: Settings, *, with_worker: bool) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        PortOccupied: PORT is taken; nothing was started.
        DatabaseUnavailable: PostgreSQL cannot be reached.
    """
    stop = stop_on_signals()
    with listen(settings.host, settings.port, setting="PORT") as listener:
        async with with_servers(settings) as complete:
            registry = load_plugins()
            await _migrate(Services(complete, registry))
            async with contextlib.AsyncExitStack() as stack:
                if with_worker:
                    own = await stack.enter_async_context(Services(complete, registry).open())
                    working = asyncio.create_task(WorkerProcess(own).run(stop))
                services = Services(complete, registry)
                app = create_app(services)
                keep_what_is_loaded()
                await serve_app(app, listener, stop, stopping=services.stopping)
                if with_worker:
                    await working


@click.command(epilog="Example: clio-service worker")
def worker() -> None:
    """Run a worker: syncs, deliveries, schedules. Any number may run."""
    settings = load_settings()
    configure_logging(settings.log_level)
    run_process(run_worker(settings))


async def run_worker(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM."""
    stop = stop_on_signals()
    async with running_services(settings, load_plugins()) as services:
        keep_what_is_loaded()
        await WorkerProcess(services).run(stop)


@click.command("migrate", epilog="Example: clio-service migrate")
def migrate_database() -> None:
    """Apply the pending migrations of core and every plugin."""
    applied = asyncio.run(_migrate_once(load_settings()))
    for name in applied:
        click.echo(name)
    click.echo(f"{len(applied)} migration(s) applied", err=True)


async def _migrate_once(settings: Settings) -> list[str]:
    async with with_servers(settings) as complete:
        return await _migrate(Services(complete, load_plugins()))


async def _migrate(services: Services) -> list[str]:
    database: Database = services.database
    await database.open()
    try:
        return await migrate_all(services)
    finally:
        await database.close()


@click.command(
    "mock-clio",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    epilog="Example: clio-service mock-clio --port 8001 --contacts 2000",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def mock_clio(arguments: tuple[str, ...]) -> None:
    """Run the mock Clio, a program of its own; `mock-clio --help` lists its options."""
    os.execv(sys.executable, [sys.executable, "-m", "mock_clio", *arguments])  # noqa: S606 - our own module, no shell
