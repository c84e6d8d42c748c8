"""Questions about processes that are not our children; exact on Linux, careful elsewhere."""

import os
import signal
from pathlib import Path

PROC = Path("/proc")
STATE_FIELD, START_FIELD = 0, 19
"""Places in /proc/PID/stat counted after the command name, which may itself hold spaces."""


def is_running(pid: int) -> bool:
    """Return whether the process exists and is not a zombie that only waits to be collected."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    fields = _stat_fields(pid)
    return not fields or fields[STATE_FIELD] != "Z"


def started_at(pid: int) -> str | None:
    """Return when the process started, in ticks since boot; None where the system does not tell."""
    fields = _stat_fields(pid)
    return fields[START_FIELD] if fields else None


def works_in(pid: int, folder: Path) -> bool:
    """Return whether the running process has `folder` as its working folder; True where the system does not tell."""
    if not PROC.joinpath("self").exists():
        return True
    try:
        return (PROC / str(pid) / "cwd").samefile(folder)
    except OSError:
        return False


def kill_all(program: str, folder: Path) -> list[int]:
    """Kill every process of that program name which works in the folder; return whom. Linux only, elsewhere nobody."""
    killed = []
    for entry in PROC.glob("[0-9]*"):
        pid = int(entry.name)
        try:
            ours = (entry / "exe").readlink().name.removesuffix(" (deleted)") == program and works_in(pid, folder)
            if ours:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return killed


def _stat_fields(pid: int) -> list[str]:
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
