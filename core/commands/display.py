"""Progress of sync runs: live bars in a terminal, plain lines anywhere else."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

LINE_S = 5.0
"""How long a run that only moves on waits for its next plain line."""

MOST_BARS = 20
"""More runs than this have a bar only while they are worked on, and leave a line behind."""


@dataclass(frozen=True, kw_only=True)
class ShownRun:
    """A run as people see it. `total` is None where it is not known; `detail` is anything else, or empty."""

    name: str
    state: str
    seen: int
    total: int | None
    detail: str
    is_over: bool

    def __str__(self) -> str:
        total = "?" if self.total is None else self.total
        return f"{self.name}: {self.seen}/{total} {self.state}" + (f", {self.detail}" if self.detail else "")


class Display(Protocol):
    """Shows how runs get on."""

    def say(self, text: str) -> None:
        """Show one line."""

    def runs(self, runs: Sequence[ShownRun]) -> None:
        """Show how far the runs are."""


class PlainDisplay:
    """A line when a run's state changed, and now and then while it moves on; for logs and scripts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[str, int, float]] = {}

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def runs(self, runs: Sequence[ShownRun]) -> None:
        """Print a line for each run that moved."""
        now = time.monotonic()
        for run in runs:
            state, seen, at = self._shown.get(run.name, ("", -1, 0.0))
            if run.state != state or (run.seen != seen and now - at >= LINE_S):
                self._shown[run.name] = (run.state, run.seen, now)
                self.say(str(run))


class LiveDisplay:
    """Bars that move in place."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        self._over: set[str] = set()

    def say(self, text: str) -> None:
        """Print one line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def runs(self, runs: Sequence[ShownRun]) -> None:
        """Move the bars."""
        for run in runs:
            if run.name in self._over:
                continue
            if run.name not in self._bars:
                if len(self._bars) >= MOST_BARS and run.state == "queued":
                    continue
                self._bars[run.name] = self._progress.add_task(run.name, total=None, state="", detail="")
            total = run.seen if run.state == "succeeded" else run.total
            self._progress.update(
                self._bars[run.name], completed=run.seen, total=total, state=run.state, detail=run.detail
            )
            if run.is_over and len(runs) > MOST_BARS:
                self._over.add(run.name)
                self._progress.remove_task(self._bars.pop(run.name))
                self.say(str(run))


@contextmanager
def open_display(console: Console) -> Iterator[Display]:
    """Yield the display that suits a console: bars in a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield PlainDisplay(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield LiveDisplay(progress)
