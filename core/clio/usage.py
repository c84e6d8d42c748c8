"""What one piece of work asked of Clio: how many requests it sent, and how fast they were answered."""

from dataclasses import dataclass


@dataclass
class Usage:
    """A tally that a client keeps while it works. `latency_s` is the shortest answer so far, None before the first."""

    latency_s: float | None = None
    _uncounted: int = 0

    def sent(self) -> None:
        """Count a request that leaves, whatever becomes of it."""
        self._uncounted += 1

    def unsent(self) -> None:
        """Take one back that found no connection."""
        self._uncounted -= 1

    def answered(self, after_s: float) -> None:
        """Take in how long an answer took, from the request to its last byte, without the wait for the budget."""
        self.latency_s = after_s if self.latency_s is None else min(self.latency_s, after_s)

    def take(self) -> int:
        """Return the requests that nobody has taken yet: whoever writes them down gives back what was not written."""
        taken, self._uncounted = self._uncounted, 0
        return taken

    def give_back(self, taken: int) -> None:
        """Count requests again that could not be written down."""
        self._uncounted += taken
