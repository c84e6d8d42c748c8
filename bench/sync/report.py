"""What was measured, as tables."""

import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- figures of `python -m bench sync --publish` -->", "<!-- end of the figures of sync -->"


@dataclass(frozen=True)
class Setting:
    """What a table holds for. `latency_ms` is that of each answer of the mock."""

    resource: str
    records: int
    latency_ms: int
    rounds: int

    def __str__(self) -> str:
        return f"sync: {self.resource}, {self.records:,} records, {self.latency_ms} ms a request"


@dataclass(frozen=True)
class Sample:
    """One pass of one peer. `cpu_s` is of its own process, `peak_bytes` since it started.

    `database_cpu_s` is of all processes of PostgreSQL meanwhile; None where it cannot be read.
    """

    records: int
    seconds: float
    cpu_s: float
    peak_bytes: int
    database_cpu_s: float | None = None

    @property
    def per_second(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU a record, in its own process."""
        return 1e6 * self.cpu_s / self.records

    @property
    def database_us(self) -> float:
        """Microseconds of CPU a record, in PostgreSQL; 0 where they are not known."""
        return 1e6 * (self.database_cpu_s or 0.0) / self.records


@dataclass
class Found:
    """The passes of all peers in one setting: of each peer, a pair for each round."""

    setting: Setting
    titles: dict[str, str]
    rounds: dict[str, list[tuple[Sample, Sample]]] = field(default_factory=dict)

    def add(self, peer: str, first: Sample, second: Sample) -> None:
        """Keep the two passes of a round."""
        self.rounds.setdefault(peer, []).append((first, second))

    def ratio(self, peer: str, to: str, which: int) -> float | None:
        """Return the median of the rounds' own ratios of speed; None where the other was not measured."""
        if to not in self.rounds:
            return None
        pairs = zip(self.rounds[peer], self.rounds[to], strict=True)
        return statistics.median(mine[which].per_second / theirs[which].per_second for mine, theirs in pairs)


@dataclass(frozen=True)
class Held:
    """What one process of ours held at most during a backfill of so many records, and before it began."""

    records: int
    before_bytes: int
    peak_bytes: int


def lines(found: Sequence[Found], held: Sequence[Held]) -> Iterator[str]:
    """Yield the lines of the tables, Markdown."""
    yield f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}."
    for each in found:
        yield from _table(each)
    if held:
        yield "\nMemory of our process, MB:\n"
        yield "| records of the backfill | before it | at most |"
        yield "|---|---|---|"
        for one in held:
            yield f"| {one.records:,} | {one.before_bytes / 1e6:.0f} | {one.peak_bytes / 1e6:.0f} |"


def _table(found: Found) -> Iterator[str]:
    setting = found.setting
    yield (
        f"\n{setting.records:,} records of {setting.resource}, {setting.latency_ms} ms a request, "
        f"{setting.rounds} rounds:\n"
    )
    yield (
        "| | records/s, empty table | x dlt / lists as JSON / CSV | of the limit | records/s, second pass "
        "| x dlt / lists as JSON / CSV | of the limit "
        "| CPU us a record: peer + PostgreSQL, both passes | MB at most |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for peer, rounds in found.rounds.items():
        cells = [found.titles[peer]]
        for which in (0, 1):
            passes = [samples[which] for samples in rounds]
            cells.append(f"{statistics.median(one.per_second for one in passes):,.0f}")
            *dlt, limit = [_told(found.ratio(peer, to, which)) for to in ("dlt", "dlt_json", "dlt_csv", "limit")]
            cells += [" / ".join(dlt), limit]
        costs = []
        for which in (0, 1):
            own = statistics.median(samples[which].cpu_us for samples in rounds)
            database = statistics.median(samples[which].database_us for samples in rounds)
            costs.append(f"{own:.0f} + {database:.0f}")
        cells.append(", ".join(costs))
        cells.append(f"{max(samples[1].peak_bytes for samples in rounds) / 1e6:.0f}")
        yield f"| {' | '.join(cells)} |"


def _told(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def publish(told: Sequence[str], page: Path = PAGE) -> None:
    """Replace what stands between the marks of the page; ValueError where it has lost them."""
    text = page.read_text(encoding="utf-8")
    start, stop = text.index(BEGIN) + len(BEGIN), text.index(END)
    page.write_text(f"{text[:start]}\n" + "\n".join(told) + f"\n\n{text[stop:]}", encoding="utf-8")
