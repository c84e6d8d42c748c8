"""The commands about firms: connect one, sync it, mint a token for it."""

import asyncio
import json
import sys
from typing import Any

import click

from core.auth.tokens import mint
from core.commands.following import connected_firms, follow_all
from core.loading import load_plugins
from core.process import running_services
from core.settings import Region, load_settings
from core.sync.requesting import request_runs


@click.command(epilog="Example: clio-service connect --region us")
@click.option("--region", type=click.Choice(["us", "ca", "eu", "au"]), required=True, help="Where the firm's Clio is.")
def connect(region: Region) -> None:
    """Print the address at which a person lets the service into a firm's Clio account."""

    async def run() -> str:
        async with running_services(load_settings(), load_plugins()) as services:
            return await services.accounts.authorize_url(region)

    click.echo(asyncio.run(run()))
    click.echo("Open it in a browser within ten minutes, while the API runs.", err=True)


@click.command(epilog="Example: clio-service sync --resource contact --full --wait")
@click.option("--firm", type=int, help="One firm; all connected ones unless given.")
@click.option("--resource", help="One resource, such as contact; all unless given.")
@click.option("--full", is_flag=True, help="Read everything again instead of what changed.")
@click.option(
    "--wait/--no-wait",
    default=None,
    help="Show progress until the runs have ended, working on them where no worker does; the default in a terminal.",
)
def sync(firm: int | None, resource: str | None, *, full: bool, wait: bool | None) -> int:
    """Ask for sync runs, and print their ids as JSON.

    Exit status 1 where a run that was waited for did not succeed. Ctrl-C leaves the runs to the workers.
    """
    wait = sys.stderr.isatty() if wait is None else wait
    try:
        ended = asyncio.run(_sync(firm, resource, full=full, wait=wait))
    except KeyboardInterrupt:
        click.echo("The runs are left to the workers; syncRuns shows how far they are.", err=True)
        raise
    for run in ended:
        if run["state"] != "succeeded":
            reason = f"{run['error_code']}: {run['error_message']}"
            click.echo(f"firm {run['firm']}, {run['resource']}: {run['state']}, {reason}", err=True)
    return 0 if all(run["state"] == "succeeded" for run in ended) else 1


async def _sync(firm: int | None, resource: str | None, *, full: bool, wait: bool) -> list[dict[str, Any]]:
    async with running_services(load_settings(), load_plugins()) as services:
        firms = await connected_firms(services, firm)
        runs = await request_runs(services, firms=firms, resource=resource, full=full)
        click.echo(json.dumps({"runs": runs}))
        return await follow_all(services, runs, at_once=services.settings.sync_concurrency) if wait else []


@click.command(epilog="Example: clio-service token --firm 1 --scope read --ttl-s 3600")
@click.option("--firm", "firms", type=int, multiple=True, help="A firm the bearer may see; repeat for several.")
@click.option("--all-firms", is_flag=True, help="Every firm; for operators.")
@click.option("--scope", "scopes", type=click.Choice(["read", "write", "admin"]), multiple=True, default=("read",))
@click.option("--subject", default="cli", show_default=True, help="Who the bearer is.")
@click.option(
    "--ttl-s", type=click.IntRange(60, 366 * 86400), default=3600, show_default=True, help="Seconds it lives."
)
def token(firms: tuple[int, ...], scopes: tuple[str, ...], subject: str, ttl_s: int, *, all_firms: bool) -> None:
    """Print a bearer token for the API."""
    if bool(firms) == all_firms:
        raise click.UsageError("name the firms with --firm, or all of them with --all-firms")
    allowed = None if all_firms else frozenset(firms)
    click.echo(mint(load_settings(), subject=subject, firms=allowed, scopes=frozenset(scopes), ttl_s=ttl_s))
