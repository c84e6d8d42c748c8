"""The command that has deliveries of the raw log applied again, shows what that would do, or rebuilds a table."""

import asyncio
import dataclasses
import datetime
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from core.commands.following import follow
from core.commands.reconcile import report, reports_as_text
from core.db.types import Pool
from core.errors import NotFound
from core.loading import load_plugins
from core.process import running_services
from core.services import Services
from core.settings import load_settings
from core.sync.requesting import request_reconciliations, request_runs
from core.webhooks.processing import process_deliveries
from core.webhooks.rebuild import open_raw_log, still_open
from core.webhooks.replay import REPLAYABLE, Matched, ReplayFilter, replay, resources_of
from core.webhooks.replay_preview import PREVIEW_MAX, Preview, RecordPreview, preview

LOOK_S = 0.5

_AGE = re.compile(r"(\d+)([smhd])\Z")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Instant(click.ParamType[datetime.datetime]):
    """An instant in ISO 8601 with a zone, or an age such as 90m, 2h or 3d."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        """Return the instant; wrong use where it is neither."""
        text = str(value)
        if age := _AGE.match(text):
            return datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=int(age[1]) * _UNITS_S[age[2]])
        with suppress(ValueError):
            instant = datetime.datetime.fromisoformat(text)
            if instant.tzinfo is not None:
                return instant
        reason = f"{text!r} is neither an instant such as 2026-05-31T09:30:00Z nor an age such as 2h"
        raise click.BadParameter(reason, ctx=ctx, param=param)


@click.command(
    "replay", epilog="Example: clio-service replay --firm 1 --model matter --status dead --since 2d --dry-run"
)
@click.option("--firm", type=int, help="One firm, connected or not; all unless given.")
@click.option("--status", "statuses", type=click.Choice(REPLAYABLE), multiple=True, help="Repeat for several.")
@click.option("--model", "models", multiple=True, help="Clio's webhook model, such as matter; repeat for several.")
@click.option("--event", "events", multiple=True, help="Such as updated; repeat for several.")
@click.option("--resource", "resources", multiple=True, help="Such as contact; repeat for several.")
@click.option("--plugin", help="All resources of a plugin.")
@click.option("--record", "records", type=int, multiple=True, help="Clio's id of a record; repeat for several.")
@click.option("--error", "errors", multiple=True, help="Code of the latest error; repeat for several.")
@click.option("--since", type=Instant(), help="Received then or later: an instant, or an age such as 2h or 3d.")
@click.option("--until", type=Instant(), help="Received earlier than that.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--first", type=click.IntRange(1, PREVIEW_MAX), default=100, show_default=True, help="Records a dry run shows."
)
@click.option("--rebuild", "rebuild_resource", metavar="RESOURCE", help="Rebuild a resource's table; needs --firm.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay_command(
    *,
    firm: int | None,
    statuses: tuple[str, ...],
    models: tuple[str, ...],
    events: tuple[str, ...],
    resources: tuple[str, ...],
    plugin: str | None,
    records: tuple[int, ...],
    errors: tuple[str, ...],
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    dry_run: bool,
    first: int,
    rebuild_resource: str | None,
    as_json: bool,
) -> int:
    """Have deliveries of the raw log applied again; the workers do it.

    With --rebuild, the whole raw log of a resource is applied again, Clio's list of it is read in full, and the two are
    compared at the end, while the service runs and nothing is emptied.
    """
    conditions = {
        "statuses": statuses or None,
        "models": models or None,
        "events": events or None,
        "resources": resources or None,
        "record_clio_ids": records or None,
        "error_codes": errors or None,
        "received_from": since,
        "received_before": until,
    }
    asked = plugin is not None or any(value is not None for value in conditions.values())
    if rebuild_resource is not None:
        if firm is None or asked or dry_run:
            raise click.UsageError("--rebuild takes --firm, and no other condition")
        reports = asyncio.run(_rebuild(firm, rebuild_resource))
        click.echo(_json(reports) if as_json else reports_as_text(reports))
        return 0 if all(each["state"] == "succeeded" for each in reports) else 1
    if not asked:
        raise click.UsageError("say which deliveries: by --status, --since, --model, --record or another condition")
    if plugin is not None and resources:
        raise click.UsageError("pass one of --plugin and --resource")
    found = asyncio.run(_replay(firm, plugin, conditions, first=first if dry_run else None))
    click.echo(_json(found) if as_json else _text(found))
    return 0


async def _replay(
    firm: int | None, plugin: str | None, conditions: dict[str, Any], *, first: int | None
) -> dict[str, Any]:
    async with running_services(load_settings(), load_plugins()) as services:
        if plugin is not None:
            conditions["resources"] = resources_of(services.registry, plugin)
        wanted = ReplayFilter(firms=await _firms(services.database.pool, firm), **conditions)
        if first is not None:
            shown = await preview(services, wanted, first=first)
            return {"dry_run": True, **_of_preview(shown)}
        done = await replay(services, wanted)
        return {"dry_run": False, "matched": _of_matched(done.matched), "reopened": done.reopened}


async def _firms(pool: Pool, firm: int | None) -> list[int]:
    known = [row["id"] for row in await pool.fetch("SELECT id FROM firm ORDER BY id")]
    if firm is not None and firm not in known:
        raise NotFound(f"there is no firm {firm}; there are: {known}")
    return known if firm is None else [firm]


async def _rebuild(firm: int, resource: str) -> list[dict[str, Any]]:
    async with running_services(load_settings(), load_plugins()) as services:
        await _firms(services.database.pool, firm)
        async for reopened in open_raw_log(services, firm=firm, resource=resource):
            click.echo(f"firm {firm}: {resource}: {reopened} deliveries opened again", err=True)
        await _until_settled(services, firm, resource)
        await _backfill(services, firm, resource)
        [run] = await request_reconciliations(services, firms=[firm], resource=resource)
        while (await follow(services, run))["kind"] != "reconcile":
            [run] = await request_reconciliations(services, firms=[firm], resource=resource)
        return [await report(services, run)]


async def _until_settled(services: Services, firm: int, resource: str) -> None:
    """Work on deliveries until none of the log opened again is open; failed ones are left to their back-off."""
    shown = None
    while (left := await still_open(services, firm=firm, resource=resource)) > 0:
        if left != shown:
            click.echo(f"firm {firm}: {resource}: {left} deliveries to apply", err=True)
            shown = left
        await process_deliveries(services)
        await asyncio.sleep(LOOK_S)


async def _backfill(services: Services, firm: int, resource: str) -> None:
    """See a backfill to its end, after a run of another kind that was on its way already."""
    [run] = await request_runs(services, firms=[firm], resource=resource, full=True)
    while (await follow(services, run))["kind"] != "backfill":
        [run] = await request_runs(services, firms=[firm], resource=resource, full=True)


def _json(value: Any) -> str:
    return json.dumps(value, default=str, indent=2)


def _of_matched(matched: Sequence[Matched]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(each) for each in matched]


def _of_preview(shown: Preview) -> dict[str, Any]:
    return {
        "matched": _of_matched(shown.matched),
        "records": [dataclasses.asdict(each) for each in shown.records],
        "complete": shown.complete,
    }


def _text(found: dict[str, Any]) -> str:
    lines = [f"{each['count']:>8}  {each['status']:<10}{each['model']}" for each in found["matched"]]
    total = sum(each["count"] for each in found["matched"])
    if not found["dry_run"]:
        return "\n".join([*lines, f"{found['reopened']} of {total} deliveries will be applied again"])
    for each in found["records"]:
        lines += _record_text(RecordPreview(**each))
    if not found["complete"]:
        lines.append(f"only the first {len(found['records'])} records are shown: see --first")
    return "\n".join([*lines, f"{total} deliveries match; nothing was changed"])


def _record_text(record: RecordPreview) -> list[str]:
    reason = f" ({record.reason})" if record.reason else ""
    head = f"firm {record.firm}, {record.resource} {record.clio_id}: {record.effect.replace('_', ' ')}{reason}"
    fields: Sequence[Any] = record.fields
    return [head, *(f"    {each['name']}: {_short(each['before'])} -> {_short(each['after'])}" for each in fields)]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
