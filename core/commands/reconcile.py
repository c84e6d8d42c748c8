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
from core.sync.requesting import request_reconciliations
from core.sync.verdicts import verdict_sql

COUNTERS = (
    "listed",
    "missing",
    "stale",
    "extra",
    "repaired",
    "deleted",
    "hidden",
    "unknown",
    "kept",
    "held",
    "requests",
)
PROOF = (
    *("from_at", "until_at", "root", "clio_root", "differing", "unexplained", "presences"),
    *("held_at", "decision", "decided_at", "decided_by", "coverage", "samples"),
)


@click.group(invoke_without_command=True, epilog="Example: clio-service reconcile --firm 1 --resource contact")
@click.option("--firm", type=int, help="One firm; all connected ones unless given.")
@click.option("--resource", help="One resource, such as contact; all unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
@click.pass_context
def reconcile(context: click.Context, firm: int | None, resource: str | None, *, as_json: bool) -> int:
    """Compare Clio's lists with the mirror, repair it, and print the reports.

    Works on the runs itself where no worker does. Exit status 1 where a run did not succeed. The commands below look at
    reports, and decide about what a run held.
    """
    if context.invoked_subcommand is not None:
        return 0
    reports = asyncio.run(_reconcile(firm, resource))
    click.echo(reports_as_json(reports) if as_json else reports_as_text(reports))
    return status_of(reports)


def status_of(reports: list[dict[str, Any]]) -> int:
    """Return the exit status: 1 where a run did not succeed."""
    return 0 if all(report["state"] == "succeeded" for report in reports) else 1


async def _reconcile(firm: int | None, resource: str | None) -> list[dict[str, Any]]:
    async with running_services(load_settings(), load_plugins()) as services:
        wanted = await connected_firms(services, firm)
        runs = await request_reconciliations(services, firms=wanted, resource=resource)
        return [await report(services, run) for run in await _finish(services, runs)]


async def _finish(services: Services, runs: Sequence[int]) -> list[int]:
    """See runs to their end; those of another kind first, and then the ones that were asked for. Return the latter."""
    finished: dict[int, int] = {}
    pending = dict(enumerate(runs))
    while pending:
        rows = await follow_all(services, list(pending.values()), at_once=1)
        for place, row in zip(list(pending), rows, strict=True):
            if row["kind"] == "reconcile":
                finished[place] = pending.pop(place)
                continue
            [pending[place]] = await request_reconciliations(services, firms=[row["firm"]], resource=row["resource"])
    return [finished[place] for place in sorted(finished)]


async def report(services: Services, run: int) -> dict[str, Any]:
    """Return a reconcile run and what it found; empty where there is no such run. One statement."""
    row = await services.database.pool.fetchrow(
        f"""SELECT run.id AS run, run.firm, run.resource, run.state, run.error_code, run.error_message, run.started_at,
               run.finished_at, {", ".join(f"coalesce(report.{name}, 0) AS {name}" for name in COUNTERS)},
               {", ".join(f"report.{name}" for name in PROOF)}, {verdict_sql("report")} AS verdict
        FROM sync_run AS run LEFT JOIN reconciliation_report AS report ON report.run = run.id
        WHERE run.id = $1 AND run.kind = 'reconcile'""",
        run,
    )
    return dict(row or {})


def reports_as_json(reports: list[dict[str, Any]]) -> str:
    """Return the reports as a JSON list, instants in ISO 8601."""
    return json.dumps(reports, default=datetime.datetime.isoformat, indent=2)


def reports_as_text(reports: list[dict[str, Any]]) -> str:
    """Return a table, with the message of each run that did not succeed below it."""
    head = ("firm", "resource", "state", *COUNTERS, "verdict")
    lines = [head, *(tuple(str(report[name]) for name in head) for report in reports)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    messages = [
        f"firm {report['firm']}, {report['resource']}: {report['error_message']}"
        for report in reports
        if report["error_message"]
    ]
    return "\n".join([*table, *messages])
