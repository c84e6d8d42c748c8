"""The commands about history: verify it, export it, hold it, purge it."""

import asyncio
import contextlib
import datetime
import getpass
import json
import os
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from core.commands.replay import Instant
from core.errors import NotFound
from core.history import export, files, holds, retention, sealing, verification
from core.history.checking import Expected, Verdict
from core.history.keys import SealKeys
from core.loading import load_plugins
from core.process import running_services
from core.services import Services
from core.settings import find_encryption_keys, load_settings

Answer = TypeVar("Answer")

_HEAD = re.compile(r"(\d{1,18}):(\d{1,18}):([0-9a-f]{64})\Z")
_FLUSH_BYTES = 1 << 20


class Noted(click.ParamType[Expected]):
    """A head that was noted: firm, number and hash of a link, with colons between them."""

    name = "firm:number:hash"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Expected:
        """Return the head; wrong use where it is none."""
        match = _HEAD.match(str(value))
        if match is None:
            raise click.BadParameter("must be FIRM:NUMBER:HASH, as `history verify` prints it", ctx=ctx, param=param)
        return Expected(int(match[1]), int(match[2]), bytes.fromhex(match[3]))


@click.group(epilog="Example: clio-service history verify --firm 1")
def history() -> None:
    """Verify, export, hold and purge the history of changes."""


def _with_services(work: Callable[[Services], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with running_services(load_settings(), load_plugins()) as services:
            return await work(services)

    return asyncio.run(run())


@history.command(epilog="Example: clio-service history verify --firm 1 --expect 1:42:9f86d081...")
@click.option("--firm", type=int, help="One firm; all unless given.")
@click.option("--from", "since", type=click.IntRange(1), default=1, help="Number of the first link to check.")
@click.option("--expect", "expected", type=Noted(), multiple=True, help="A head noted earlier; repeat for several.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="Verify an export instead of the database; - reads stdin.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(*, firm: int | None, since: int, expected: tuple[Expected, ...], file: Path | None, as_json: bool) -> int:
    """Compute every seal of the history again. Exit status 1 where anything is broken.

    Note the heads it prints elsewhere, and pass them with --expect the next time: links cut off at the end together
    with their changes do not show otherwise.
    """
    if file is not None:
        if firm is not None or since != 1:
            raise click.UsageError("--file takes neither --firm nor --from")
        verdicts = [_verify_file(file, expected)]
    elif any(each.number < since for each in expected):
        raise click.UsageError("--expect names a link before --from, which would not be checked")
    else:
        verdicts = _with_services(lambda services: _verify(services, firm, since, expected))
    if as_json:
        click.echo(json.dumps([each.as_json() for each in verdicts], indent=2))
    else:
        click.echo("\n".join(line for each in verdicts for line in _as_text(each)) or "there is no history")
    return 1 if any(each.broken for each in verdicts) else 0


async def _verify(services: Services, firm: int | None, since: int, expected: tuple[Expected, ...]) -> list[Verdict]:
    firms = await verification.firms_with_history(services)
    if firm is not None and firm not in firms:
        raise NotFound(f"there is no firm {firm}; there are: {firms}")
    wanted = firms if firm is None else [firm]
    # A noted head must be looked for, though its firm be gone altogether.
    wanted = [*wanted, *sorted({each.firm for each in expected} - set(wanted))]
    verdicts = []
    for place, each in enumerate(wanted, start=1):
        told = f"firm {each} ({place}/{len(wanted)})"
        verdict = await verification.verify_firm(
            services, each, since=since, expected=expected, progress=_progress(told)
        )
        verdicts.append(verdict)
    return verdicts


def _progress(told: str) -> Callable[[int, int], None]:
    def show(links: int, changes: int) -> None:
        click.echo(f"{told}: {links} links, {changes} changes checked", err=True)

    return show


def _verify_file(file: Path, expected: tuple[Expected, ...]) -> Verdict:
    keys = find_encryption_keys()
    if not keys:
        click.echo("ENCRYPTION_KEYS is not set: the codes of the links are not checked", err=True)
    with click.open_file(str(file), "rb") as lines:
        return files.verify_lines(lines, keys=SealKeys(keys) if keys else None, expected=expected)


def _as_text(verdict: Verdict) -> Iterator[str]:
    state = "BROKEN" if verdict.broken else "intact"
    head = f"{verdict.firm}:{verdict.number}:{verdict.hash.hex()}" if verdict.number else "none"
    yield (
        f"firm {verdict.firm}: {state}; {verdict.links} links, {verdict.changes} changes verified,"
        f" {verdict.unsealed} not sealed yet; head {head}"
    )
    for each in verdict.breaks:
        yield f"  {f'link {each.number}' if each.number else 'chain'}: {each.flaw}: {each.detail}"
    if verdict.broken > len(verdict.breaks):
        yield f"  and {verdict.broken - len(verdict.breaks)} more"


@history.command("export", epilog="Example: clio-service history export --firm 1 -o history.jsonl")
@click.option("--firm", type=int, required=True, help="The firm.")
@click.option("--resource", help="One resource, such as contact.")
@click.option("--record", type=int, help="Clio's id of one record; needs --resource.")
@click.option("--from", "since", type=Instant(), help="Recorded then or later: an instant, or an age such as 30d.")
@click.option("--until", type=Instant(), help="Recorded earlier than that.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file; stdout unless given.")
def export_history(
    *,
    firm: int,
    resource: str | None,
    record: int | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    output: Path | None,
) -> int:
    """Write changes as JSON Lines, oldest first; of a whole firm with its chain, so that the file can be verified.

    A file is there only once it is complete.
    """
    if record is not None and resource is None:
        raise click.UsageError("--record needs --resource: ids are those of one resource")
    wanted = export.Wanted(firm=firm, resource=resource, clio_id=record, since=since, until=until)
    try:
        with _output(output) as stream:
            written = _with_services(lambda services: _export(services, wanted, stream))
    except BrokenPipeError:
        # Whoever read has enough; what is still buffered must not raise again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    click.echo(f"{written.changes} changes and {written.links} links exported", err=True)
    return 0


async def _export(services: Services, wanted: export.Wanted, stream: BinaryIO) -> export.Exported:
    written = export.Exported()
    shown = waiting = 0
    async with contextlib.aclosing(export.export_lines(services, wanted, written)) as lines:
        async for line in lines:
            waiting += stream.write(line.encode() + b"\n")
            if waiting >= _FLUSH_BYTES:
                stream.flush()
                waiting = 0
            if written.changes >= shown + 100_000:
                shown = written.changes
                click.echo(f"{shown} changes exported", err=True)
    stream.flush()
    return written


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """Yield stdout, or a file beside the one wanted that takes its place once it is whole and on disk."""
    if path is None:
        yield sys.stdout.buffer
        return
    folder = path.absolute().parent
    try:
        number, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise click.UsageError(f"cannot write to {folder}: {error.strerror}") from error
    try:
        with os.fdopen(number, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@history.command(epilog="Example: clio-service history purge --keep-days 365 --firm 1 --yes")
@click.option("--keep-days", type=click.IntRange(30), help="Days to keep; HISTORY_KEEP_DAYS unless given.")
@click.option("--firm", type=int, help="One firm; all unless given.")
@click.option("--reason", help="Why; kept in the chain.")
@click.option("--yes", is_flag=True, help="Purge; without it, only what would go is shown.")
def purge(*, keep_days: int | None, firm: int | None, reason: str | None, yes: bool) -> None:
    """Purge history that is older, by whole months; firms under a legal hold are left out.

    The mirror stays as it is.
    """
    days = keep_days or load_settings().history_keep_days
    if days is None:
        raise click.UsageError("say how many days to keep: --keep-days, or the setting HISTORY_KEEP_DAYS")
    why = reason or f"clio-service history purge --keep-days {days}"

    async def run(services: Services) -> dict[str, Any]:
        if firm is not None and firm not in await verification.firms_with_history(services):
            raise NotFound(f"there is no firm {firm}")
        if not yes:
            found = await retention.due(services, keep_days=days, firm=firm)
            return {"would_purge": [{"firm": each, "changes": changes} for each, changes in found]}
        done = await retention.purge(services, keep_days=days, reason=why, firm=firm)
        return {"firms": done.firms, "changes": done.changes, "partitions": done.dropped, "deleted": done.deleted}

    click.echo(json.dumps(_with_services(run)))
    if not yes:
        click.echo("nothing was purged: pass --yes", err=True)


@history.command("seal", epilog="Example: clio-service history seal")
def seal_now() -> None:
    """Seal now what no worker has sealed yet, so that the next export or head has it."""
    done = _with_services(lambda services: sealing.seal_all(services, turn_s=0))
    click.echo(json.dumps({"changes": done.changes, "links": done.links}))


@history.group(epilog='Example: clio-service history hold place --firm 1 --reason "Doe v. Roe"')
def hold() -> None:
    """Keep a firm's history and raw deliveries from being purged."""


def _user() -> str:
    """Who runs the command: the user's name, or the number of one who has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


@hold.command("place", epilog='Example: clio-service history hold place --firm 1 --reason "Doe v. Roe"')
@click.option("--firm", type=int, required=True, help="The firm.")
@click.option("--reason", required=True, help="Why; kept for ever.")
@click.option("--by", default=_user, show_default="the user of this machine", help="Who orders it.")
def place(firm: int, reason: str, by: str) -> None:
    """Place a legal hold; prints its number."""
    number = _with_services(lambda services: holds.place_hold(services, firm, reason=reason, by=by))
    click.echo(json.dumps({"hold": number, "firm": firm}))


@hold.command("release", epilog='Example: clio-service history hold release 3 --reason "settled" --yes')
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why; kept for ever.")
@click.option("--by", default=_user, show_default="the user of this machine", help="Who orders it.")
@click.option("--yes", is_flag=True, help="Needed: what it kept may be purged afterwards.")
def release(number: int, reason: str, by: str, *, yes: bool) -> None:
    """End a legal hold."""
    if not yes:
        raise click.UsageError("what the hold keeps may be purged afterwards: pass --yes")
    firm = _with_services(lambda services: holds.release_hold(services, number, reason=reason, by=by))
    click.echo(json.dumps({"hold": number, "firm": firm}))


@hold.command("list", epilog="Example: clio-service history hold list --all")
@click.option("--firm", type=int, help="One firm; all unless given.")
@click.option("--all", "released", is_flag=True, help="Released ones, too.")
def list_holds(firm: int | None, *, released: bool) -> None:
    """List legal holds as JSON."""
    found = _with_services(lambda services: holds.list_holds(services, firm, released=released))
    click.echo(json.dumps(found, default=datetime.datetime.isoformat, indent=2))
