"""What was measured, as tables for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.graphql.cases import CASES, LIST
from bench.graphql.rounds import LIST_CONNECTIONS, Cell
from bench.graphql.servers import GENERIC

PACKAGES = ("asyncpg", "litestar", "strawberry-graphql", "graphql-core", "uvicorn", "uvloop")
PUBLISHED = 16
"""Connections at which the CPU of an answer is told, and the chart drawn."""


@dataclass(frozen=True)
class Weight:
    """What one server's process costs. `start_s` is from its start to its first answer."""

    server: str
    title: str
    start_s: float
    idle_bytes: int
    loaded_bytes: int


@dataclass(frozen=True)
class Report:
    """One run."""

    conditions: dict[str, Any]
    weights: Sequence[Weight]
    cells: Sequence[Cell]

    @classmethod
    def read(cls, path: Path) -> "Report":
        """Return the report of an earlier run, as `write` left it."""
        found = json.loads(path.read_text(encoding="utf-8"))
        weights = [Weight(**each) for each in found["servers"]]
        return cls(found["conditions"], weights, [Cell(**each) for each in found["cells"]])

    def write(self, path: Path) -> None:
        """Write it all as JSON."""
        found = {
            "conditions": self.conditions,
            "servers": [asdict(weight) for weight in self.weights],
            "cells": [asdict(cell) for cell in self.cells],
        }
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    def cell(self, server: str, case: str, connections: int) -> Cell | None:
        """Return one cell; None where it was not measured."""
        wanted = (server, case, connections)
        return next((cell for cell in self.cells if (cell.server, cell.case, cell.connections) == wanted), None)

    def lines(self) -> Iterator[str]:
        """Yield the report as Markdown tables."""
        for connections in sorted({cell.connections for cell in self.cells if cell.case == CASES[0].name}):
            yield from self._rates(connections)
        yield from self._costs()

    def _rates(self, connections: int) -> Iterator[str]:
        names = [case.name for case in CASES]
        shown = [f"{name} (p50 / p99 ms)" for name in names]
        title = f"Answers a second, {connections} connection{'' if connections == 1 else 's'}:"
        yield from _table(title, ["", *shown, f"of the limit, {' / '.join(names)}", "x PostGraphile"])
        for weight in self.weights:
            cells = [self.cell(weight.server, name, connections) for name in names]
            ratios = [self._ratios(cells, to) for to in ("limit", "postgraphile")]
            yield _row([weight.title, *(_told(cell, _rate) for cell in cells), *ratios])
        spreads = [cell.spread for cell in self.cells if cell.connections == connections and cell.case != LIST.name]
        yield f"\nSpread of rounds, (largest - least) / median: {_median(spreads):.2f}, at worst {max(spreads):.2f}."

    def _costs(self) -> Iterator[str]:
        heads = [f"CPU {case.name}" for case in CASES]
        title = f"Costs; CPU in microseconds of an answer at {PUBLISHED} connections, server + database + client:"
        yield from _table(title, ["", "start s", "MB idle", "MB after the run", f"{LIST.name} s", *heads])
        for weight in self.weights:
            shared = weight.server.endswith(GENERIC)
            memory = (weight.start_s, weight.idle_bytes / 1e6, weight.loaded_bytes / 1e6)
            told = [""] * 3 if shared else [f"{memory[0]:.2f}", *(f"{size:.0f}" for size in memory[1:])]
            long = _told(self.cell(weight.server, LIST.name, LIST_CONNECTIONS), lambda cell: f"{cell.p50_s:.3f}")
            cells = [self.cell(weight.server, case.name, PUBLISHED) for case in CASES]
            yield _row([weight.title, *told, long, *(_told(cell, _cpu) for cell in cells)])

    def _ratios(self, cells: Sequence[Cell | None], to: str) -> str:
        others = [cell and self.cell(to, cell.case, cell.connections) for cell in cells]
        pairs = zip(cells, others, strict=True)
        found = [one.ratio(other) if one and other else None for one, other in pairs]
        return " / ".join("?" if ratio is None else f"{ratio:.2f}" for ratio in found)


def _table(title: str, heads: Sequence[str]) -> Iterator[str]:
    yield f"\n{title}\n"
    yield _row(heads)
    yield _row(["---"] * len(heads))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _told(cell: Cell | None, write: Callable[[Cell], str]) -> str:
    return "" if cell is None else write(cell)


def _rate(cell: Cell) -> str:
    rate = f"{cell.per_second:,.0f}" if cell.per_second >= 100 else f"{cell.per_second:.1f}"
    return f"{rate} ({cell.p50_s * 1e3:.1f} / {cell.p99_s * 1e3:.1f})"


def _cpu(cell: Cell) -> str:
    costs = (cell.server_us, cell.database_us, cell.client_us)
    return " + ".join("?" if cost is None else f"{cost:,.0f}" for cost in costs)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def conditions(*, database: str, rows: dict[str, int], sizes: dict[str, int], **more: Any) -> dict[str, Any]:
    """Return what the figures hold for."""
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "database": database,
        "packages": {name: version(name) for name in PACKAGES},
        "rows": rows,
        "answer_bytes": sizes,
        **more,
    }
