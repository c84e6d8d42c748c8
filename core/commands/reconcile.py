"""The command that compares Clio's lists with the mirror, and says what came of it."""

import asyncio
import datetime
import json
from collections.abc import Sequence
from typing import Any

import click

from core.commands.following import connected_firms, follow_all
from core.loading import load_plugins
from core.process import running_services
from core.services import Services
from core.settings import load_settings
from core.sync.runs import request_reconciliations

COUNTERS = (
    "listed",
    "missing",
    "stale",
    "extra",
    "repaired",
    "deleted",
    "hidden",
    "unknown",
    "requests",
)


@click.command(epilog="Example: clio-service reconcile --firm 1 --resource contact")
@click.option("--firm", type=int, help="One firm; all connected ones unless given.")
@click.option("--resource", help="One resource, such as contact; all unless given.")
@click.option(
    "--confirm-disappeared",
    is_flag=True,
    help="Ask Clio for every record gone from the list, however many, and for those of unknown presence.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
def reconcile(firm: int | None, resource: str | None, *, confirm_disappeared: bool, as_json: bool) -> int:
    """Compare Clio's lists with the mirror, repair it, and print the reports.

    Works on the runs itself where no worker does. Exit status 1 where a run did not succeed.
    """
    reports = asyncio.run(_reconcile(firm, resource, confirm_disappeared=confirm_disappeared))
    click.echo(
        json.dumps(reports, default=datetime.datetime.isoformat, indent=2) if as_json else reports_as_text(reports)
    )
    return 0 if all(report["state"] == "succeeded" for report in reports) else 1


async def _reconcile(firm: int | None, resource: str | None, *, confirm_disappeared: bool) -> list[dict[str, Any]]:
    async with running_services(load_settings(), load_plugins()) as services:
        wanted = await connected_firms(services, firm)
        runs = await request_reconciliations(
            services, firms=wanted, resource=resource, confirm_disappeared=confirm_disappeared
        )
        finished = await _finish(services, runs, confirm_disappeared=confirm_disappeared)
        return [await report(services, run) for run in finished]


async def _finish(services: Services, runs: Sequence[int], *, confirm_disappeared: bool) -> list[int]:
    """See runs to their end; those of another kind first, and then the ones that were asked for. Return the latter."""
    finished: dict[int, int] = {}
    pending = dict(enumerate(runs))
    while pending:
        rows = await follow_all(services, list(pending.values()), at_once=1)
        for place, row in zip(list(pending), rows, strict=True):
            if row["kind"] == "reconcile" and row["confirm_disappeared"] >= confirm_disappeared:
                finished[place] = pending.pop(place)
                continue
            [pending[place]] = await request_reconciliations(
                services, firms=[row["firm"]], resource=row["resource"], confirm_disappeared=confirm_disappeared
            )
    return [finished[place] for place in sorted(finished)]


async def report(services: Services, run: int) -> dict[str, Any]:
    """Return a reconcile run and what it found. One statement."""
    row = await services.database.pool.fetchrow(
        f"""SELECT run.id AS run, run.firm, run.resource, run.state, run.error_code, run.error_message, run.started_at,
               run.finished_at, {", ".join(f"coalesce(report.{name}, 0) AS {name}" for name in COUNTERS)}
        FROM sync_run AS run LEFT JOIN reconciliation_report AS report ON report.run = run.id
        WHERE run.id = $1""",
        run,
    )
    return dict(row or {})


def reports_as_text(reports: list[dict[str, Any]]) -> str:
    """Return a table, with the message of each run that did not succeed below it."""
    head = ("firm", "resource", "state", *COUNTERS)
    lines = [head, *(tuple(str(report[name]) for name in head) for report in reports)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    messages = [
        f"firm {report['firm']}, {report['resource']}: {report['error_message']}"
        for report in reports
        if report["error_message"]
    ]
    return "\n".join([*table, *messages])
