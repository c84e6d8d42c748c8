"""The figures of some deliveries, whichever: counts and two histograms, that are summed with others of their kind.

Every figure belongs to the minute in which its delivery was first received, whenever it came about. So the figures of
a minute say what became of what was received in it, and counting anew from the raw log, which knows no other time of a
retry or a repeat, gives the same.
"""

from typing import TypeAlias

from asyncpg import Record

from core.metrics.histograms import Histogram, bucket_of

COUNTS = ("received", "duplicates", "body_bytes", "processed", "failures", "retries", "dead", "forged")

END_TO_END, INGEST = "e", "i"
"""First letter of a measure that is one bucket of a histogram; its number follows. No count begins so."""

NOT_IN_LOG = frozenset({"forged", INGEST})
"""Measures that the raw log does not hold: what is forged is not stored, nor is the time of a commit."""


Cell: TypeAlias = tuple[int, str, str, int | None, int]
"""What is counted together: firm, model, event, Clio's id of the user, and the minute of the first receipt since 1970.

A plain tuple, for one is made for every delivery.
"""


class Figures:
    """Counts of deliveries, and how long they took."""

    __slots__ = (*COUNTS, "end_to_end", "ingest")

    received: int
    duplicates: int
    body_bytes: int
    processed: int
    failures: int
    retries: int
    dead: int
    forged: int

    def __init__(self) -> None:
        for name in COUNTS:
            setattr(self, name, 0)
        self.end_to_end = Histogram()
        self.ingest = Histogram()

    @property
    def pending(self) -> int:
        """Deliveries that were received and are neither processed nor dead."""
        return max(0, self.received - self.processed - self.dead)

    @property
    def success_rate(self) -> float | None:
        """Processed over processed and dead, 0 to 1; None where nothing is settled."""
        settled = self.processed + self.dead
        return self.processed / settled if settled else None

    def add(self, measure: str, amount: int) -> None:
        """Count an amount of one measure, as `measures` names them; one that is not known is left out."""
        if measure in COUNTS:
            setattr(self, measure, getattr(self, measure) + amount)
        elif measure[:1] in (END_TO_END, INGEST) and measure[1:].isdecimal():
            histogram = self.end_to_end if measure[0] == END_TO_END else self.ingest
            histogram.add(int(measure[1:]), amount)

    def merge(self, other: "Figures") -> None:
        """Count what others counted."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.end_to_end.merge(other.end_to_end)
        self.ingest.merge(other.ingest)

    def measures(self) -> list[tuple[str, int]]:
        """Return every measure that is not 0."""
        found = [(name, getattr(self, name)) for name in COUNTS]
        found += [(f"{END_TO_END}{bucket}", amount) for bucket, amount in self.end_to_end.buckets.items()]
        found += [(f"{INGEST}{bucket}", amount) for bucket, amount in self.ingest.buckets.items()]
        return [(measure, amount) for measure, amount in found if amount]


def count_attempts(figures: Figures, row: Record, *, by: int = 1) -> None:
    """Count what a row of the raw log says of the attempts at its delivery, the same as was counted meanwhile.

    The attempt of a row that is being worked on counts once it is over. One whose worker died counts as failed here;
    while it happened nobody could tell.
    """
    status, attempts = row["status"], row["attempts"] - (row["status"] == "processing")
    figures.retries += by * max(0, attempts - 1)
    figures.failures += by * max(0, attempts - (status == "processed"))
    figures.dead += by * (status == "dead")
    figures.processed += by * (status == "processed")
    if status == "processed" and row["processed_at"] is not None:
        took = row["processed_at"] - (row["replayed_at"] or row["received_at"])
        figures.end_to_end.add(bucket_of(took.total_seconds()), by)


def is_in_log(measure: str) -> bool:
    """Whether the raw log tells this measure."""
    return measure not in NOT_IN_LOG and not measure.startswith(INGEST)
