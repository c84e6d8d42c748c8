"""Following runs to their end: progress on stderr, and work on those that no worker does."""

import asyncio
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from core.commands.display import ShownRun, open_display
from core.errors import NotFound
from core.logging import configure_logging
from core.services import Services
from core.sync import engine
from core.sync.progress import eta_of, rate_of

LOOK_S = 0.5

_ROWS = """
SELECT *, finished_at IS NULL AND NOT cancel_requested AND not_before_at <= now()
          AND (state IN ('queued', 'throttled') OR (state = 'running' AND lease_until < now())) AS is_due
FROM sync_run WHERE id = ANY ($1::bigint[]) ORDER BY array_position($1::bigint[], id)"""


async def connected_firms(services: Services, firm: int | None) -> list[int]:
    """Return the connected firms, or the one that is named.

    Raises:
        NotFound: it is not connected.
    """
    rows = await services.database.pool.fetch("SELECT id FROM firm WHERE state = 'connected' ORDER BY id")
    firms = [row["id"] for row in rows]
    if firm is not None and firm not in firms:
        raise NotFound(f"there is no connected firm {firm}; there are: {firms}")
    return firms if firm is None else [firm]


async def follow(services: Services, run: int) -> dict[str, Any]:
    """Follow one run to its end, as `follow_all` does; return its row."""
    [row] = await follow_all(services, [run], at_once=1)
    return row


async def follow_all(services: Services, runs: Sequence[int], *, at_once: int) -> list[dict[str, Any]]:
    """Show the progress of runs on stderr until all have ended; return their rows, in the order given.

    Works on `at_once` of them itself where no worker does, and gives those back when it is cancelled.
    """
    owner = f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"
    working: dict[int, asyncio.Task[str]] = {}
    console = Console(stderr=True)
    with open_display(console) as display, _logs_above(console):
        try:
            while True:
                rows = [dict(row) for row in await services.database.pool.fetch(_ROWS, list(runs))]
                display.runs([shown(row) for row in rows])
                if all(row["finished_at"] is not None for row in rows):
                    return rows
                for row in rows:
                    if row["is_due"] and row["id"] not in working and len(working) < at_once:
                        task = asyncio.create_task(engine.work_on(services, row["id"], owner=owner))
                        working[row["id"]] = task
                await _until_something_ends(working)
        finally:
            for task in working.values():
                task.cancel()
            await asyncio.gather(*working.values(), return_exceptions=True)


@contextmanager
def _logs_above(console: Console) -> Iterator[None]:
    """In a terminal, let warnings alone through, above the bars: meanwhile stderr is rich's own."""
    if not console.is_terminal:
        yield
        return
    configure_logging("warning")
    try:
        yield
    finally:
        configure_logging()


async def _until_something_ends(working: dict[int, asyncio.Task[str]]) -> None:
    if not working:
        await asyncio.sleep(LOOK_S)
        return
    await asyncio.wait(working.values(), timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
    ended = [working.pop(run).result() for run, task in list(working.items()) if task.done()]
    if "busy" in ended:
        await asyncio.sleep(LOOK_S)  # a run that somebody else has, or that must wait, is no reason to hurry


def shown(row: dict[str, Any]) -> ShownRun:
    """Return a run's row as people see it."""
    return ShownRun(
        name=f"firm {row['firm']}: {row['kind']} {row['resource']}",
        state=row["state"],
        seen=row["records_seen"],
        total=row["records_total"],
        detail=", ".join(_details(row)),
        is_over=row["finished_at"] is not None,
    )


def _details(row: dict[str, Any]) -> list[str]:
    run = SimpleNamespace(**row)
    details = [run.error_code] if run.error_code else []
    if run.state in {"queued", "throttled"} and run.error_code:
        details.append(f"again at {run.not_before_at:%H:%M:%S} UTC")
    if run.requests:
        details.append(f"{run.requests} requests")
    if run.records_seen and (rate := rate_of(run)) is not None:
        details.append(f"{rate:g} records/s")
    if (eta := eta_of(run)) is not None:
        details.append(f"about {eta:.0f} s left")
    return details
