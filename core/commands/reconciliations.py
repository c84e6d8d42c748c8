"""The commands about reconciliation reports: reading them, deciding about what is held, and taking the root again."""

import asyncio
import getpass
import json
from typing import Any

import click

from core.commands.following import connected_firms, follow
from core.commands.reconcile import COUNTERS, reconcile, report, reports_as_json, status_of
from core.errors import BadInput, NotFound
from core.loading import load_plugins
from core.mirror.root import mirror_root
from core.process import running_services
from core.services import Services
from core.settings import load_settings
from core.sync import approval

__all__ = ["reconcile"]

FIRM = click.option("--firm", type=int, help="One firm; all connected ones unless given.")
RESOURCE = click.option("--resource", help="One resource, such as contact; all unless given.")
JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")
LATEST = "latest"

NAMED_MOST = 5
"""Ids that the text names of each kind of finding; JSON has them all."""

_LATEST = """
SELECT DISTINCT ON (firm, resource) run FROM reconciliation_report
WHERE firm = ANY ($1::bigint[]) AND ($2::text IS NULL OR resource = $2) AND finished_at IS NOT NULL
ORDER BY firm, resource, run DESC"""


@reconcile.command("report", epilog="Example: clio-service reconcile report latest --resource contact")
@click.argument("run", default=LATEST)
@FIRM
@RESOURCE
@JSON
def show_report(run: str, firm: int | None, resource: str | None, *, as_json: bool) -> None:
    """Show what the reconcile run RUN found, or the latest one of each resource: whether the copy is whole, and why."""
    reports = asyncio.run(_reports(run, firm, resource))
    click.echo(reports_as_json(reports) if as_json else "\n\n".join(map(report_as_text, reports)))


async def _reports(run: str, firm: int | None, resource: str | None) -> list[dict[str, Any]]:
    async with running_services(load_settings(), load_plugins()) as services:
        if run != LATEST:
            return [await _known(services, run)]
        firms = await connected_firms(services, firm)
        name = None if resource is None else services.registry.resource(resource).name
        runs = [row["run"] for row in await services.database.pool.fetch(_LATEST, firms, name)]
        if not runs:
            raise NotFound("nothing was reconciled yet: clio-service reconcile")
        return [await report(services, number) for number in runs]


async def _known(services: Services, run: str) -> dict[str, Any]:
    if not run.isdecimal():
        raise BadInput(f"{run!r} is no number of a run: give one, or {LATEST}")
    found = await report(services, int(run))
    if not found:
        raise NotFound(f"there is no reconcile run {run}: clio-service reconcile report lists the latest")
    return found


@reconcile.command(epilog="Example: clio-service reconcile approve 12")
@click.argument("run")
@JSON
def approve(run: str, *, as_json: bool) -> int:
    """Ask Clio for each record that the run RUN holds, apply what it answers, and print the report of that.

    Works on it itself where no worker does. Exit status 1 where it did not succeed.
    """
    found = asyncio.run(_approve(run))
    click.echo(reports_as_json([found]) if as_json else report_as_text(found))
    return status_of([found])


async def _approve(run: str) -> dict[str, Any]:
    async with running_services(load_settings(), load_plugins()) as services:
        known = await _known(services, run)
        asking = await approval.approve(services, known["run"], by=_user())
        while asking is None:
            ended = await follow(services, await _under_way(services, known))
            if ended["approves"] == known["run"]:
                asking = int(ended["id"])
            elif not (await report(services, known["run"]))["held"]:
                return await report(services, ended["id"])
            else:
                asking = await approval.request_approval(services, known["run"])
        await follow(services, asking)
        return await report(services, asking)


async def _under_way(services: Services, known: dict[str, Any]) -> int:
    """Return the run that has to end first; the newest one where it just has."""
    number: int = await services.database.pool.fetchval(
        """SELECT id FROM sync_run WHERE firm = $1 AND resource = $2
        ORDER BY state IN ('queued', 'running', 'throttled') DESC, id DESC LIMIT 1""",
        known["firm"],
        known["resource"],
    )
    return number


@reconcile.command(epilog="Example: clio-service reconcile reject 12")
@click.argument("run")
def reject(run: str) -> None:
    """Leave the records that the run RUN holds as they are, of unknown presence. They may be approved later."""
    held = asyncio.run(_reject(run))
    click.echo(f"{held} records stay of unknown presence; what clio lists again is restored")


async def _reject(run: str) -> int:
    async with running_services(load_settings(), load_plugins()) as services:
        known = await _known(services, run)
        await approval.reject(services, known["run"], by=_user())
        return int(known["held"])


def _user() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):  # a container's user without a name
        return "command line"


@reconcile.command(epilog="Example: clio-service reconcile root --firm 1 --resource contact")
@FIRM
@RESOURCE
@JSON
def root(firm: int | None, resource: str | None, *, as_json: bool) -> None:
    """Take the root of what the mirror has present now: a SHA-256 to compare with a report's, or with your own."""
    roots = asyncio.run(_roots(firm, resource))
    if as_json:
        click.echo(json.dumps(roots, indent=2))
        return
    for each in roots:
        click.echo(f"{each['root']}  {each['resource']} of firm {each['firm']}, {each['records']} present")


async def _roots(firm: int | None, resource: str | None) -> list[dict[str, Any]]:
    async with running_services(load_settings(), load_plugins()) as services:
        wanted = [services.registry.resource(resource)] if resource else services.registry.resources
        found = []
        for number in await connected_firms(services, firm):
            for each in wanted:
                taken, records = await mirror_root(services.database.pool, each, firm=number)
                found.append({"firm": number, "resource": each.name, "root": taken, "records": records})
        return found


def report_as_text(found: dict[str, Any]) -> str:
    """Return a report to be read: first in one line whether the copy is whole, then what that rests on."""
    lines = [f"{found['resource']} of firm {found['firm']}: {_verdict(found)}"]
    span = f"{_instant(found['started_at'])} to {_instant(found['finished_at'])}"
    lines.append(f"  run {found['run']}   {found['state']}, {span}, {found['requests']} requests")
    if found["error_message"]:
        lines.append(f"  error    {found['error_message']}")
    lines.append("  counts   " + ", ".join(f"{name} {found[name]}" for name in COUNTERS if name != "requests"))
    if found["root"] is not None:
        lines.append(f"  compared {_instant(found['from_at'])} to {_instant(found['until_at'])} by clio's clock")
        mirror = ", ".join(f"{number} {name}" for name, number in sorted(found["presences"].items()))
        lines.append(f"  mirror   {mirror or 'empty'}")
        lines.append(f"  root     {found['root']}")
        lines.append(f"  clio     {found['clio_root']}")
    if found["decision"]:
        lines.append(f"  held     {found['decision']} by {found['decided_by']} at {_instant(found['decided_at'])}")
    return "\n".join([*lines, *_coverage(found["coverage"]), *_samples(found["samples"] or [])])


def _verdict(found: dict[str, Any]) -> str:
    listed, differing = found["listed"], found["differing"]
    match found["verdict"]:
        case "whole":
            return f"WHOLE. The mirror has the {listed} records that clio lists, by id, etag and updated_at."
        case "moved":
            return f"WHOLE, but for {differing} of {listed} records, which changed while they were compared."
        case "held":
            return (
                f"NOT WHOLE. {found['held']} records are gone from clio's list, too many at once, and held since"
                f" {_instant(found['held_at'])}: approve or reject."
            )
        case "differs":
            return f"NOT WHOLE. {found['unexplained']} records differ from clio's list, and nothing explains it."
        case "running":
            return "NOT KNOWN YET. The run goes on."
    return "NOT KNOWN. The run ended before all was compared."


def _coverage(coverage: dict[str, Any] | None) -> list[str]:
    if coverage is None:
        return []
    lines = [
        f"  covered  by {each['basis']} from {each['from_at'] or 'the beginning'} to {each['until_at']}"
        for each in coverage["intervals"][-NAMED_MOST:]
    ]
    holes = [each for each in coverage["holes"] if each["closed_at"] is None]
    return lines + [f"  hole     {each['reason']} from {each['from_at']} to {each['until_at']}" for each in holes]


def _samples(samples: list[dict[str, Any]]) -> list[str]:
    by_kind: dict[tuple[str, str], list[str]] = {}
    for each in samples:
        by_kind.setdefault((each["kind"], each["outcome"]), []).append(str(each["clio_id"]))
    return [
        f"  {kind}, {outcome}: {', '.join(ids[:NAMED_MOST])}{', ...' if len(ids) > NAMED_MOST else ''}"
        for (kind, outcome), ids in by_kind.items()
    ]


def _instant(value: Any) -> str:
    return "?" if value is None else f"{value:%Y-%m-%d %H:%M:%S}Z"
