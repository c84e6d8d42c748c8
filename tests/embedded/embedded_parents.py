"""Parents that hold embedded servers in an interpreter of their own, and a way to see whether anything is left."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.embedded.processes import is_running
from core.embedded.state import State

REPOSITORY = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("hold_servers.py")


@dataclass
class Parent:
    """An interpreter that runs `EmbeddedServers` on a folder."""

    process: subprocess.Popen[str]
    database_url: str
    redis_url: str
    pids: dict[str, int]


@contextmanager
def hold_servers(data_dir: Path, *, through: Sequence[str] = ()) -> Iterator[Parent]:
    """Run a parent on the folder, by a command that runs it as somebody else if wanted; kill it at the end."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*through, sys.executable, str(SCRIPT), str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd="/") as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, "the parent ended before its servers were ready"
            yield Parent(process, **json.loads(line))
        finally:
            process.kill()


def stopped_cluster(data_dir: Path) -> Path:
    """Make what a start looks at before it starts anything: a folder that passes for a stopped PostgreSQL."""
    folder = data_dir / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("16\n")
    State(data_dir).access("postgres")
    return folder


def nothing_left(data_dir: Path, pids: Sequence[int], *, within_s: float = 5.0) -> bool:
    """Return whether the processes are gone and no other one, such as a backend, still holds the folder's lock."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not any(is_running(pid) for pid in pids) and _is_unlocked(data_dir / "embedded.lock"):
            return True
        time.sleep(0.02)
    return False


def _is_unlocked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
