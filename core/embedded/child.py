"""Child processes that never outlive their parent, however it ends: `kill -9` included.

On Linux the kernel sends the death signal (PR_SET_PDEATHSIG); elsewhere a watchdog process looks four times a second.
The child is the program itself, with no process in between, in a session of its own: Ctrl-C in a terminal reaches the
parent alone, which then ends its children in the order it wants.

Spawn from the main thread. The kernel takes the death of the *thread* that spawned for the death of the parent.
"""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from core.embedded import exec_child
from core.embedded.accounts import Account
from core.embedded.errors import EmbeddedServerError

logger = logging.getLogger(__name__)

GENTLE_THEN_HARD = ((signal.SIGTERM, 10.0),)
FIRST_POLL_S, LAST_POLL_S = 0.005, 0.1
"""How often an end is looked for: soon after it was asked for, then ever less; no thread and no signal handler."""


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    user: Account | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program that gets `death_signal` as soon as this process is gone.

    Args:
        argv: the program, looked up on PATH unless it has a slash, and its arguments; never a secret.
        env: the whole environment; our own when None.
        stdin: where it reads from; nothing by default.
        stdout: where it writes to; what we write to when None.
        stderr: the same as stdout when None and stdout is given.
        death_signal: what it is sent when we end without having ended it.
        user: whom it becomes before it starts; needs root. The program may lie in a folder that user cannot enter.
        cwd: its working folder, entered before it becomes `user`.
        pass_fds: descriptors that stay open in it.

    Raises:
        EmbeddedServerError: there is no such program.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise EmbeddedServerError(f"{argv[0]} cannot be run: install it, or check that it is executable")
    if threading.current_thread() is not threading.main_thread():
        logger.warning("%s is started from a thread: it ends when that thread does", Path(program).name)
    ids = (-1, -1) if user is None else (user.uid, user.gid)
    launcher = [sys.executable, "-I", "-S", exec_child.__file__]
    binding = [str(number) for number in (os.getpid(), int(death_signal), *ids)]
    return subprocess.Popen(  # noqa: S603 - the callers name their own programs; no shell is involved
        [*launcher, *binding, "--", program, *argv[1:]],
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.STDOUT if stderr is None and stdout is not None else stderr,
        cwd=cwd,
        pass_fds=pass_fds,
        start_new_session=True,
    )


async def wait_ended(process: subprocess.Popen[bytes], *, timeout_s: float | None = None) -> int | None:
    """Return the exit status once the process has ended; None when `timeout_s` passed first."""
    started, pause_s = time.monotonic(), FIRST_POLL_S
    while True:
        status = process.poll()
        if status is not None:
            return status
        if timeout_s is not None and time.monotonic() - started > timeout_s:
            return None
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LAST_POLL_S)


async def end(
    process: subprocess.Popen[bytes], steps: Sequence[tuple[signal.Signals, float]] = GENTLE_THEN_HARD
) -> int:
    """End a child: each signal in turn with its patience in seconds, then SIGKILL; return its exit status.

    A cancelled call kills the child before it passes the cancellation on, so nothing is ever left running.
    """
    try:
        for step, patience_s in steps:
            if process.poll() is None:
                process.send_signal(step)
                await wait_ended(process, timeout_s=patience_s)
    finally:
        if process.poll() is None:
            process.kill()
        status = process.wait()
    return status
