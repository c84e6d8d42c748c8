"""The command that compares Clio's lists with the mirror, and says what came of it."""

import asyncio
import datetime
import json
import os
import secrets
import socket
from typing import Any

import click

from core.errors import NotFound
from core.loading import load_plugins
from core.process import running_services
from core.services import Services
from core.settings import load_settings
from core.sync import engine
from core.sync.runs import request_reconciliations
from core.sync.verdicts import verdict_sql

LOOK_S = 0.5
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
        finished = [await _finish(services, run) for run in runs]
        return [await report(services, run) for run in finished]


async def connected_firms(services: Services, firm: int | None) -> list[int]:
    """Return the numbers of all connected firms, or of the one.

    Raises:
        NotFound: there is no such connected firm.
    """
    rows = await services.database.pool.fetch("SELECT id FROM firm WHERE state = 'connected' ORDER BY id")
    firms = [row["id"] for row in rows]
    if firm is not None and firm not in firms:
        raise NotFound(f"there is no connected firm {firm}; there are: {firms}")
    return firms if firm is None else [firm]


async def _finish(services: Services, run: int) -> int:
    """See a run to its end; one of another kind first, and then the one that was asked for. Return the latter."""
    while True:
        row = await follow(services, run)
        if row["kind"] == "reconcile":
            return run
        [run] = await request_reconciliations(services, firms=[row["firm"]], resource=row["resource"])


async def follow(services: Services, run: int) -> dict[str, Any]:
    """Show a run's progress on stderr until it has ended, and work on it where no worker does; return its row."""
    owner = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
    working = asyncio.create_task(_work(services, run, owner))
    shown = ""
    try:
        while True:
            row = dict(await services.database.pool.fetchrow("SELECT * FROM sync_run WHERE id = $1", run) or {})
            total = "?" if row["records_total"] is None else row["records_total"]
            line = f"firm {row['firm']}: {row['kind']} {row['resource']}: {row['records_seen']}/{total} {row['state']}"
            if row["error_code"]:
                line += f", {row['error_code']}"
            if line != shown:
                click.echo(line, err=True)
                shown = line
            if row["finished_at"] is not None:
                return row
            await asyncio.wait([working], timeout=LOOK_S)
            if working.done():
                working.result()
                await asyncio.sleep(LOOK_S)
                working = asyncio.create_task(_work(services, run, owner))
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _work(services: Services, run: int, owner: str) -> None:
    await engine.work_on(services, run, owner=owner)


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
