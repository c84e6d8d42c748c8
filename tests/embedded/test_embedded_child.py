"""Children bound to the life of their parent."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.embedded import exec_child
from core.embedded.child import end, spawn, wait_ended
from core.embedded.errors import EmbeddedServerError
from core.embedded.processes import is_running
from tests.embedded.embedded_parents import REPOSITORY

SPAWNING = """
import time
from core.embedded.child import spawn
print(spawn(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""
WATCHED = """
import os, signal
from core.embedded import exec_child
exec_child._start_watchdog(os.getppid(), signal.SIGTERM)
os.execvp("sleep", ["sleep", "60"])
"""
WATCHING = f"""
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", {WATCHED!r}]).pid, flush=True)
time.sleep(60)
"""


def gone(pid: int, within_s: float = 3.0) -> bool:
    deadline = time.monotonic() + within_s
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


@pytest.mark.parametrize("script", [SPAWNING, WATCHING], ids=["kernel", "watchdog"])
def test_child_ends_when_its_parent_is_killed(script: str) -> None:
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=REPOSITORY) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        assert is_running(pid)
        parent.kill()
    assert gone(pid)


async def test_child_is_the_program_itself_in_a_session_of_its_own(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as stream:
        process = spawn(
            [sys.executable, "-c", "import os, signal; print(os.getpid(), os.getsid(0), os.environ['A'], os.getcwd())"],
            env={"A": "b"},
            stdout=stream,
            cwd=tmp_path,
        )
    assert await wait_ended(process, timeout_s=10) == 0
    assert output.read_text().split() == [str(process.pid), str(process.pid), "b", str(tmp_path)]


async def test_child_that_ignores_the_gentle_signal_is_killed() -> None:
    process = spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        assert await wait_ended(process, timeout_s=0.05) is None
        assert await end(process, [(signal.SIGTERM, 0.2)]) == -signal.SIGKILL


async def test_child_does_not_inherit_what_python_ignores() -> None:
    process = spawn(["sh", "-c", "kill -PIPE $$; sleep 60"])
    assert await wait_ended(process, timeout_s=5) == -signal.SIGPIPE


def test_missing_program_is_named() -> None:
    with pytest.raises(EmbeddedServerError, match=r"no-such-program cannot be run: install it"):
        spawn(["no-such-program"])


def test_program_does_not_start_when_the_parent_is_already_gone() -> None:
    former = str(os.getpid() + 1)
    launcher = [sys.executable, "-I", "-S", exec_child.__file__, former, str(int(signal.SIGTERM)), "-1", "-1", "--"]
    finished = subprocess.run([*launcher, "/bin/echo", "started"], capture_output=True, text=True, check=False)
    assert finished.returncode == exec_child.CANNOT_START
    assert finished.stdout == ""
    assert "cannot run /bin/echo: the parent process has already ended" in finished.stderr


def test_spawning_from_a_thread_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    thread = threading.Thread(target=lambda: spawn(["true"]).wait())
    thread.start()
    thread.join()
    assert "true is started from a thread: it ends when that thread does" in caplog.text
