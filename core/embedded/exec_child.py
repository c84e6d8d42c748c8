"""A launcher that becomes the program it is told to run: same process id, bound to the life of its parent.

Run by `core.embedded.child` as a script: `python -I -S exec_child.py PARENT SIGNAL UID GID -- PROGRAM ARGUMENTS`.
It does between fork and exec what `preexec_fn` cannot do safely in a process with threads. Order matters: Linux forgets
the death signal when the user changes, so the user comes first, and a parent that was gone before the signal was asked
for would never send it, so that is checked last. Import at the top alone: the new user may not reach the
library. Start-up takes about 20 ms; keep the imports few.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
CANNOT_START = 126
"""Exit status when the program could not be run; the reason is on stderr."""


def main(arguments: Sequence[str]) -> None:
    """Bind this process to its parent and replace it by the program; returns only by raising."""
    parent, death_signal, uid, gid = (int(argument) for argument in arguments[:4])
    command = list(arguments[5:])
    descriptor = -1
    if uid >= 0:
        descriptor = os.open(command[0], os.O_RDONLY)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # Python ignores both at start, and a program would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    tie_to_parent(parent, death_signal)
    # A descriptor still runs a program in a folder that the new user may not enter, such as /root.
    by_descriptor = descriptor >= 0 and not os.access(command[0], os.X_OK)
    program: int | str = descriptor if by_descriptor else command[0]
    os.execve(program, command, os.environ)  # noqa: S606 - to become the program, with no shell, is the point


def tie_to_parent(parent: int, death_signal: int) -> None:
    """Have `death_signal` sent to this process when process `parent`, which started it, ends in any way."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    else:
        _start_watchdog(parent, death_signal)
    if os.getppid() != parent:
        raise ProcessLookupError("the parent process has already ended")


def _start_watchdog(parent: int, death_signal: int) -> None:
    """Fork twice, so that neither the parent nor the program has an unknown child, and watch both from there."""
    program = os.getpid()
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return
    try:
        if os.fork() == 0:
            os.setsid()
            watch(parent, program, death_signal)
    finally:
        os._exit(0)


def watch(parent: int, program: int, death_signal: int, *, interval_s: float = 0.25) -> None:
    """Return once `program` has ended, having sent it `death_signal` if `parent` ended first."""
    while _exists(program):
        if not _exists(parent):
            os.kill(program, death_signal)
            return
        time.sleep(interval_s)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as problem:
        sys.stderr.write(f"cannot run {sys.argv[6]}: {problem}\n")
        sys.exit(CANNOT_START)
