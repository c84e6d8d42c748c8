"""CPU time of other processes, read off /proc: unlike rates, hardly moved by what else runs on the machine."""

import os
from pathlib import Path

PROC = Path("/proc")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def spent_s(pid: int, *, parent_of: int) -> tuple[float, float] | None:
    """Return seconds of CPU so far: of a process, and of all children of another; None where there is no /proc.

    Children that have ended no longer count, so compare two readings only while the same ones live.
    """
    if not (PROC / "self" / "stat").exists():
        return None
    own = children = 0.0
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            found, parent, seconds = _read(entry)
            own += seconds if found == pid else 0.0
            children += seconds if parent == parent_of else 0.0
    return own, children


def spent_with_siblings_s(pid: int) -> float | None:
    """Return seconds of CPU so far of all children that a process's parent has or had, as of a whole PostgreSQL."""
    if not (PROC / str(pid) / "stat").exists():
        return None
    _, parent, _ = _read(PROC / str(pid))
    fields = (PROC / str(parent) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    ended_s = (int(fields[13]) + int(fields[14])) * TICK_S
    found = spent_s(0, parent_of=parent)
    return None if found is None else found[1] + ended_s


def _read(entry: Path) -> tuple[int, int, float]:
    """Return id, parent and CPU seconds of a process; zeros for one that has just ended. Source: proc(5), stat."""
    try:
        fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0, 0.0
    return int(entry.name), int(fields[1]), (int(fields[11]) + int(fields[12])) * TICK_S
