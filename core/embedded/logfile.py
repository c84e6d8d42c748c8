"""The log of one server: appended to by the server itself, started anew when it has grown too long."""

import os
from pathlib import Path

LARGEST_BYTES = 10_000_000


class LogFile:
    """A log that only we and root can read; the server gets it as its output and needs no right to the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = 0

    def open(self) -> int:
        """Return a descriptor to append to, which the caller closes; a long log is first moved to `.1`."""
        if self.path.exists() and self.path.stat().st_size > LARGEST_BYTES:
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._mark = os.fstat(descriptor).st_size
        return descriptor

    def since_opened(self) -> str:
        """Return what was written since `open` was last called."""
        with self.path.open("rb") as file:
            file.seek(self._mark)
            return file.read().decode("utf-8", errors="replace")

    def reason(self) -> str:
        """Return the one line since `open` that best says what went wrong, without its time stamp."""
        lines = [line.strip() for line in self.since_opened().splitlines() if line.strip()]
        severe = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        line = (severe or lines or ["nothing was logged"])[-1]
        for marker in ("FATAL:", "PANIC:", " # ", " * "):
            line = line.rpartition(marker)[2]
        return line.strip()
