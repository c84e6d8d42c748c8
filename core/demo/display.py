"""Progress of the backfill: live bars in a terminal, plain lines anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn


class Display(Protocol):
    """Shows what the demo is doing."""

    def say(self, text: str) -> None:
        """Show one line."""

    def runs(self, runs: list[dict[str, Any]]) -> None:
        """Show how far the sync runs are."""


class PlainDisplay:
    """A line when something changed; for logs and scripts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, str] = {}

    def say(self, text: str) -> None:
        """Print one line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def runs(self, runs: list[dict[str, Any]]) -> None:
        """Print a line for each run that moved."""
        for run in runs:
            total = run["recordsTotal"] if run["recordsTotal"] is not None else "?"
            line = f"backfill {run['resource']}: {run['recordsSeen']}/{total} {run['state']}"
            if self._shown.get(run["resource"]) != line:
                self._shown[run["resource"]] = line
                self.say(line)


class LiveDisplay:
    """Bars that move in place."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def say(self, text: str) -> None:
        """Print one line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def runs(self, runs: list[dict[str, Any]]) -> None:
        """Move the bars."""
        for run in runs:
            name = str(run["resource"])
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(name, total=None, state=run["state"], eta="")
            total = run["recordsSeen"] if run["state"] == "succeeded" else run["recordsTotal"]
            eta = "" if run["etaS"] is None else f"about {run['etaS']:.0f} s left"
            self._progress.update(
                self._bars[name], completed=run["recordsSeen"], total=total, state=run["state"], eta=eta
            )


@contextmanager
def open_display(console: Console) -> Iterator[Display]:
    """Yield the display that suits a console: bars in a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield PlainDisplay(console)
        return
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TextColumn("{task.fields[eta]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield LiveDisplay(progress)
