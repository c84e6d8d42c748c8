"""What PostgreSQL and Redis have in common: one child process on one port of loopback, its log, start and end."""

import asyncio
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from core.embedded.child import end, wait_ended
from core.embedded.errors import EmbeddedServerError, ServerExited
from core.embedded.lock import FolderLock
from core.embedded.logfile import LogFile
from core.embedded.ports import free_port
from core.embedded.state import State

READY_WITHIN_S, READY_POLL_S = 60.0, 0.01
"""The first is long, because after a power cut PostgreSQL replays its log before it is ready."""
PORT_ATTEMPTS = 5
HELD_RETRY_S, HELD_PATIENCE_S = 0.2, 10.0


def environment() -> dict[str, str]:
    """Return the whole environment of a server: none of our secrets, and nothing that would configure it."""
    needed_by_python = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **needed_by_python}


class Server(ABC):
    """One embedded server of one data folder."""

    name: ClassVar[str]
    title: ClassVar[str]
    setting: ClassVar[str]
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(self, data_dir: Path, state: State, lock: FolderLock) -> None:
        self.data_dir = data_dir
        self.state = state
        self.lock = lock
        self.log = LogFile(data_dir / f"{self.name}.log")
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with its password, for clients; never logged."""

    @abstractmethod
    async def prepare(self) -> None:
        """Find the program and set the data folder up; called once, before the first start."""

    @abstractmethod
    def launch(self, output: int) -> subprocess.Popen[bytes]:
        """Start the process on `port`, its output going to that descriptor."""

    @abstractmethod
    async def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Return whether this very process, and no other server on the port, takes connections."""

    @abstractmethod
    def clear_remains(self) -> None:
        """End what a killed process left running; called once the process itself is gone."""

    async def start(self) -> None:
        """Start on a free port, the last one if possible; another one when somebody is quicker.

        Raises:
            EmbeddedServerError: the server does not get ready; names its log.
        """
        last = self.state.access(self.name).port
        for attempt in range(PORT_ATTEMPTS):
            self.port = free_port(last if attempt == 0 else None)
            try:
                await self.start_on_port()
            except ServerExited as error:
                if not error.port_taken or attempt == PORT_ATTEMPTS - 1:
                    raise
            else:
                self.state.keep_port(self.name, self.port)
                return

    async def start_on_port(self) -> None:
        """Start on `port` as it is, so that addresses handed out before stay good.

        Raises:
            ServerExited: it ended instead; sessions of a killed PostgreSQL were waited for.
            EmbeddedServerError: it was not ready in time.
        """
        patience_ends = time.monotonic() + HELD_PATIENCE_S
        while True:
            try:
                await self._start_once()
            except ServerExited as error:
                if not error.still_held or time.monotonic() > patience_ends:
                    raise
                await asyncio.sleep(HELD_RETRY_S)
            else:
                return

    async def stop(self) -> None:
        """End the process if it runs; it leaves its data as after any orderly end."""
        process, self.process = self.process, None
        if process is not None:
            await end(process, self.stop_steps)
            self.clear_remains()
            self.lock.note_server(self.name, None)

    async def _start_once(self) -> None:
        output = self.log.open()
        try:
            process = self.process = self.launch(output)
        finally:
            os.close(output)
        self.lock.note_server(self.name, process.pid)
        deadline = time.monotonic() + READY_WITHIN_S
        while not await self.is_ready(process):
            if process.poll() is not None:
                raise ServerExited(self.failure(), output=self.log.since_opened())
            if time.monotonic() > deadline:
                await end(process, self.stop_steps)
                raise EmbeddedServerError(
                    f"embedded {self.title} was not ready within {READY_WITHIN_S:.0f} s: read {self.log.path}"
                )
            await asyncio.sleep(READY_POLL_S)

    async def ended(self) -> None:
        """Wait until the process, once started, has ended."""
        if self.process is not None:
            await wait_ended(self.process)

    def failure(self) -> str:
        """Return the message for an end that nobody asked for."""
        status = None if self.process is None else self.process.returncode
        if status is not None and status < 0:
            cause = f"was ended by {signal.Signals(-status).name}"
        else:
            cause = f"ended with status {status} ({self.log.reason()})"
        return f"embedded {self.title} {cause}: read {self.log.path}, or set {self.setting} to a server of your own"
