"""How a peer is driven: a line on standard input asks for a pass, a line of JSON on standard output tells about it.

Imports nothing but the standard library: a peer may live in a virtual environment of its own.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path


def drive(one_pass: Callable[[], int]) -> None:
    """Make a pass for each line that comes, until none comes. `one_pass` returns how many records it brought."""
    print(peak_bytes(), flush=True)
    for _ in sys.stdin:
        cpu_s, started = time.process_time(), time.perf_counter()
        records = one_pass()
        told = {
            "records": records,
            "seconds": time.perf_counter() - started,
            "cpu_s": time.process_time() - cpu_s,
            "peak_bytes": peak_bytes(),
        }
        print(json.dumps(told), flush=True)


def given(name: str) -> str:
    """Return what the command told this peer; KeyError where it did not."""
    return os.environ[f"BENCH_{name}"]


def peak_bytes() -> int:
    """Return the most memory that was resident so far. Source: proc(5), VmHWM; elsewhere, getrusage(2)."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
