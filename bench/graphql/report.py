"""What was measured, as a table for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.graphql.cases import CASES, LIST
from bench.graphql.rounds import Cell
from bench.graphql.servers import GENERIC

PACKAGES = ("asyncpg", "litestar", "strawberry-graphql", "graphql-core", "uvicorn", "uvloop")


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

    def cell(self, server: str, case: str, connections: int) -> Cell | None:
        """Return one cell; None where it was not measured."""
        wanted = (server, case, connections)
        return next((cell for cell in self.cells if (cell.server, cell.case, cell.connections) == wanted), None)

    def ratio(self, cell: Cell, to: str) -> float | None:
        """Return the rate as a share of another server's in the same case; None where that one is absent."""
        other = self.cell(to, cell.case, cell.connections)
        return None if other is None else cell.per_second / other.per_second

    def write(self, path: Path) -> None:
        """Write it all as JSON."""
        found = {
            "conditions": self.conditions,
            "servers": [asdict(weight) for weight in self.weights],
            "cells": [asdict(cell) for cell in self.cells],
        }
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    def lines(self) -> Iterator[str]:
        """Yield the report as Markdown tables."""
        titles = {weight.server: weight.title for weight in self.weights}
        for case in CASES:
            for connections in sorted({cell.connections for cell in self.cells if cell.case == case.name}):
                yield f"\n{case.name}, {case.title}, {connections} connection{'s' if connections > 1 else ''}\n"
                yield "| | answers/s | spread | p50 ms | p99 ms | of the limit | x PostGraphile | CPU us |"
                yield "|---|---|---|---|---|---|---|---|"
                for server, title in titles.items():
                    cell = self.cell(server, case.name, connections)
                    if cell is not None:
                        yield self._line(cell, title)
        yield from self._list_lines(titles)
        yield "\n| | start s | memory MB, idle | after the run |\n|---|---|---|---|"
        for weight in self.weights:
            if weight.server.endswith(GENERIC):
                continue
            memory = f"{weight.idle_bytes / 1e6:.0f} | {weight.loaded_bytes / 1e6:.0f}"
            yield f"| {weight.title} | {weight.start_s:.2f} | {memory} |"
        yield "\nCPU us: microseconds of CPU for each answer, in the server + PostgreSQL + the client."

    def _list_lines(self, titles: Mapping[str, str]) -> Iterator[str]:
        yield f"\n{LIST.name}, {LIST.title}, 1 connection\n"
        yield "| | seconds | of the limit | x PostGraphile |\n|---|---|---|---|"
        for server, title in titles.items():
            cell = self.cell(server, LIST.name, 1)
            if cell is not None:
                yield f"| {title} | {cell.p50_s:.3f} | {self._ratios(cell)} |"

    def _line(self, cell: Cell, title: str) -> str:
        rate = f"{cell.per_second:,.0f}" if cell.per_second >= 100 else f"{cell.per_second:.1f}"
        times = f"{cell.p50_s * 1e3:.1f} | {cell.p99_s * 1e3:.1f}"
        return f"| {title} | {rate} | {cell.spread:.2f} | {times} | {self._ratios(cell)} | {_costs(cell)} |"

    def _ratios(self, cell: Cell) -> str:
        ratios = [self.ratio(cell, to) for to in ("limit", "postgraphile")]
        return " | ".join("" if ratio is None else f"{ratio:.2g}" if ratio < 1 else f"{ratio:.2f}" for ratio in ratios)


def _costs(cell: Cell) -> str:
    costs = (cell.server_us, cell.database_us, cell.client_us)
    return " + ".join("?" if cost is None else f"{cost:.0f}" for cost in costs)


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
