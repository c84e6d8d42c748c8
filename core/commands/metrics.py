"""The commands about webhook metrics."""

import asyncio
import sys

import click

from core.loading import load_plugins
from core.metrics.rebuild import rebuild
from core.process import running_services
from core.settings import load_settings


@click.group(epilog="Example: clio-service metrics rebuild")
def metrics() -> None:
    """Look after the webhook metrics in Redis."""


@metrics.command("rebuild", epilog="Example: clio-service metrics rebuild")
def rebuild_metrics() -> None:
    """Count the webhook metrics anew from the raw log, and print how many deliveries it holds.

    Workers do so themselves when Redis has lost them. Exit status 1 where another process is at it.
    """
    counted = asyncio.run(_rebuild())
    if counted is None:
        click.echo("another process counts them at this moment", err=True)
        sys.exit(1)
    click.echo(counted)


async def _rebuild() -> int | None:
    async with running_services(load_settings(), load_plugins()) as services:
        return await rebuild(services)
