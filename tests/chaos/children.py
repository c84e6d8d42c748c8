"""Processes of the service as a supervisor would run them: one that ends is started again, until it is stopped."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from core.embedded.child import end, spawn, wait_ended

ROOT = Path(__file__).parents[2]
RESTART_S = 0.2
OURS = (sys.executable, "-c", "from core.cli import main; main()")


class Child:
    """One process, its log, and every number it ever had."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.pids: list[int] = []
        self.ends: list[int] = []
        """Exit statuses: -9 where it was killed, others where it gave up by itself."""
        self._argv = argv
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and again whenever it ends."""
        self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Let it end in order, for good."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._process is not None:
            self.signal(signal.SIGCONT)
            await end(self._process, [(signal.SIGTERM, 10.0)])

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; return whether there was a process to take it."""
        if self._process is None or self._process.poll() is not None:
            return False
        self._process.send_signal(number)
        return True

    def _spawn(self) -> None:
        with self.log.open("ab") as output:
            self._process = spawn(self._argv, env=self._environment, stdout=output, cwd=ROOT)
        self.pids.append(self._process.pid)

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            status = await wait_ended(self._process)
            assert status is not None
            self.ends.append(status)
            await asyncio.sleep(RESTART_S)
            self._spawn()
