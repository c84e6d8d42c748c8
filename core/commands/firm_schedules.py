"""The commands about when a firm's runs are started: pausing, resuming, quiet hours."""

import asyncio
import datetime
import json
from collections.abc import Awaitable, Callable
from typing import Any

import click

from core.commands.tabular import as_table
from core.loading import load_plugins
from core.process import running_services
from core.services import Services
from core.settings import load_settings
from core.sync import firm_schedule
from core.sync.quiet_hours import QuietHours

COLUMNS = ("firm", "region", "state", "paused_at", "pause_reason", "quiet_hours", "running", "queued")

FIRM = click.argument("firm", type=int)
JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")

Work = Callable[[Services], Awaitable[None]]

_FIRMS = """
SELECT firm.id AS firm, region, state, paused_at, pause_reason,
    quiet_from || '-' || quiet_until || ' ' || quiet_time_zone AS quiet_hours, runs.running, runs.queued
FROM firm CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE run.state = 'running') AS running,
        count(*) FILTER (WHERE run.state IN ('queued', 'throttled')) AS queued
    FROM sync_run AS run WHERE run.firm = firm.id AND run.state IN ('queued', 'running', 'throttled')
) AS runs
WHERE $1::bigint IS NULL OR firm.id = $1 ORDER BY firm.id"""


@click.group(epilog="Example: clio-service firms list")
def firms() -> None:
    """Say when the runs of firms are started."""


@firms.command("list", epilog="Example: clio-service firms list --json")
@JSON
def list_firms(*, as_json: bool) -> None:
    """List the firms, whether they are paused, their quiet hours, and how many of their runs go on or wait."""
    _show(None, None, as_json=as_json)


@firms.command(epilog='Example: clio-service firms pause 1 --reason "moves to another account"')
@FIRM
@click.option("--reason", required=True, help="Why, for whoever looks at it.")
@JSON
def pause(firm: int, reason: str, *, as_json: bool) -> None:
    """Start no run of FIRM until it is resumed; deliveries are taken in and processed all the same."""
    _show(firm, lambda services: firm_schedule.pause(services, firm, reason=reason), as_json=as_json)


@firms.command(epilog="Example: clio-service firms resume 1")
@FIRM
@JSON
def resume(firm: int, *, as_json: bool) -> None:
    """Let the runs of FIRM go on."""
    _show(firm, lambda services: firm_schedule.resume(services, firm), as_json=as_json)


@firms.command("quiet-hours", epilog="Example: clio-service firms quiet-hours 1 22:00 06:30 America/New_York")
@FIRM
@click.argument("from_", metavar="[FROM", required=False)
@click.argument("until", metavar="UNTIL", required=False)
@click.argument("time_zone", metavar="TIME_ZONE]", required=False)
@click.option("--clear", is_flag=True, help="Have none.")
@JSON
def quiet_hours(
    firm: int, from_: str | None, until: str | None, time_zone: str | None, *, clear: bool, as_json: bool
) -> None:
    """Give FIRM hours in which nothing is polled, read in full or compared by schedule.

    FROM and UNTIL are times of day such as 22:00, by the clock in TIME_ZONE; UNTIL is after midnight if it is earlier.
    """
    given = (from_, until, time_zone)
    if clear != all(part is None for part in given) or (not clear and None in given):
        raise click.UsageError("give FROM, UNTIL and TIME_ZONE, or --clear")
    hours = None if clear else QuietHours.read(starts=from_ or "", ends=until or "", time_zone=time_zone or "")
    _show(firm, lambda services: firm_schedule.set_quiet_hours(services, firm, hours), as_json=as_json)


def _show(firm: int | None, work: Work | None, *, as_json: bool) -> None:
    async def run() -> list[dict[str, Any]]:
        async with running_services(load_settings(), load_plugins()) as services:
            if work is not None:
                await work(services)
            return [dict(row) for row in await services.database.pool.fetch(_FIRMS, firm)]

    rows = asyncio.run(run())
    click.echo(json.dumps(rows, default=datetime.datetime.isoformat, indent=2) if as_json else as_table(COLUMNS, rows))
