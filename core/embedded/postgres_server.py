"""Embedded PostgreSQL: a cluster in `<data_dir>/postgres`, served by a child of ours on 127.0.0.1 with a password.

The role `clio` owns the database `clio` and may create databases; it is no superuser, and the superuser cannot log in.
There is no Unix socket, so no lock file outside the data folder.

Under root the server runs as an account without rights, which need not be able to enter the folders above the data
folder (a checkout under /root, a temporary folder of a test): on Linux it gets the opened folder as a descriptor and
is told `-D /proc/self/fd/N`. Data therefore always stays where it was asked for.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from core.embedded.accounts import Account, open_folder, own_folder, server_account
from core.embedded.child import end, spawn, wait_ended
from core.embedded.errors import EmbeddedServerError
from core.embedded.lock import FolderLock
from core.embedded.ports import HOST
from core.embedded.postgres_programs import find_postgres, reachable_postgres
from core.embedded.processes import is_running, kill_all, works_in
from core.embedded.server import Server, environment
from core.embedded.state import State

logger = logging.getLogger(__name__)

ROLE = DATABASE = "clio"
LOCALES = ("C.UTF-8", "C")
"""Order is by byte in both; the first also knows case beyond ASCII. Not every system has it."""
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "clio-embedded",
    # Statements and details of errors hold rows of clients: they stay out of the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
INIT_WITHIN_S = 120.0
FOREIGN_PATIENCE_S, FOREIGN_POLL_S = 1.0, 0.05
READY_LINE = 7


class PostgresServer(Server):
    """PostgreSQL of one data folder."""

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    setting: ClassVar[str] = "DATABASE_URL"
    # Fast shutdown, then immediate shutdown (recovery at the next start), then SIGKILL.
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]] = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))

    def __init__(self, data_dir: Path, state: State, lock: FolderLock, *, durable: bool) -> None:
        super().__init__(data_dir, state, lock)
        self._folder = data_dir / self.name
        self._durable = durable
        self._settings = SETTINGS if durable else SETTINGS | NOT_DURABLE
        self._account: Account | None = None
        self._install = Path()

    @property
    def url(self) -> str:
        """`postgresql://` with role, password and database."""
        return f"postgresql://{ROLE}:{self.state.access(self.name).password}@{HOST}:{self.port}/{DATABASE}"

    async def prepare(self) -> None:
        """Find the programs, make the cluster if there is none, and see to what a killed server left behind."""
        self._account = server_account(self._folder)
        self._install = await reachable_postgres(find_postgres(), self._account)
        if not self._folder.exists():
            await self._initialise()
        elif not self.state.known(self.name):
            raise EmbeddedServerError(
                f"{self._folder} exists but its password is gone: restore embedded.json beside it, or remove the folder"
            )
        self._refuse_other_version()
        await self._clear_stale_pid()

    def launch(self, output: int) -> subprocess.Popen[bytes]:
        """Run the postmaster in the foreground; SIGINT, its fast shutdown, when we are gone."""
        options = _as_options({**self._settings, "port": str(self.port)})
        return self._spawn(self._folder, output, ["postgres"], options, death_signal=signal.SIGINT)

    async def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Return whether the pid file is of this process and says that it takes connections."""
        try:
            lines = (self._folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > READY_LINE and lines[0] == str(process.pid) and lines[READY_LINE].strip() == "ready"

    def clear_remains(self) -> None:
        """Kill sessions that outlived a killed postmaster: a busy one would go on until its statement ends."""
        killed = kill_all("postgres", self._folder)
        if killed:
            logger.warning("killed %d sessions of embedded PostgreSQL whose server was gone", len(killed))

    async def _initialise(self) -> None:
        """Make the cluster beside its place and rename it when complete, so that half a cluster is never used."""
        staging = self._folder.with_name(f"{self.name}.new")
        if staging.exists():
            shutil.rmtree(staging)
        own_folder(staging, self._account)
        self._check(await self._initdb(staging), "initdb")
        password = self.state.access(self.name).password
        statements = (
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        )
        options = [*_as_options({**self._settings, "exit_on_error": "on"}), "postgres"]
        self._check(await self._run(staging, ["postgres", "--single"], options, statements), "the first set-up")
        staging.rename(self._folder)

    async def _initdb(self, staging: Path) -> int:
        """Return the exit status of `initdb` with the first locale that this system has."""
        arguments = ["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        arguments += ["--auth-local=peer", "--auth-host=scram-sha-256"]
        arguments += [] if self._durable else ["--no-sync"]
        for locale in LOCALES[:-1]:
            status = await self._run(staging, ["initdb"], [*arguments, f"--lc-ctype={locale}"])
            if status == 0 or "invalid locale" not in self.log.since_opened():
                return status
        return await self._run(staging, ["initdb"], [*arguments, f"--lc-ctype={LOCALES[-1]}"])

    async def _run(self, folder: Path, program: list[str], arguments: list[str], statements: Sequence[str] = ()) -> int:
        """Run a program on the folder to its end; statements go through its input, never onto its command line."""
        output = self.log.open()
        try:
            process = self._spawn(
                folder, output, program, arguments, death_signal=signal.SIGKILL, stdin=subprocess.PIPE
            )
        finally:
            os.close(output)
        try:
            _feed(process, "".join(f"{statement}\n" for statement in statements))
            await wait_ended(process, timeout_s=INIT_WITHIN_S)
        finally:
            status = await end(process)
        return status

    def _spawn(
        self,
        folder: Path,
        output: int,
        program: list[str],
        arguments: list[str],
        *,
        death_signal: signal.Signals,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start `program -D folder arguments` as the server's account, with the lock and the opened folder."""
        with open_folder(folder, self._account) as data:
            return spawn(
                [str(self._install / "bin" / program[0]), *program[1:], "-D", data.argument, *arguments],
                env=environment(),
                stdin=stdin,
                stdout=output,
                death_signal=death_signal,
                user=self._account,
                cwd=Path("/"),
                pass_fds=(self.lock.descriptor, *data.descriptors),
            )

    def _check(self, status: int, step: str) -> None:
        if status != 0:
            raise EmbeddedServerError(
                f"embedded PostgreSQL could not be set up: {step} ended with status {status} ({self.log.reason()}); "
                f"read {self.log.path}, or set DATABASE_URL to a server of your own"
            )

    def _refuse_other_version(self) -> None:
        stored = (self._folder / "PG_VERSION").read_text(encoding="utf-8").strip()
        control = (self._install / "share" / "postgresql" / "postgres.bki").read_text(encoding="utf-8")
        ours = control.partition("\n")[0].removeprefix("# PostgreSQL ")
        if stored != ours:
            raise EmbeddedServerError(
                f"{self._folder} was written by PostgreSQL {stored} and this is {ours}: "
                "dump it with the old version, or set DATA_DIR to another folder"
            )

    async def _clear_stale_pid(self) -> None:
        """Remove the pid file of a dead server, whose number another process may have by now.

        Raises:
            EmbeddedServerError: a server that is not ours works on the folder.
        """
        pid_file = self._folder / "postmaster.pid"
        if not pid_file.exists():
            return
        first = pid_file.read_text(encoding="utf-8").partition("\n")[0].strip()
        pid = int(first) if first.isdigit() else None
        deadline = time.monotonic() + FOREIGN_PATIENCE_S
        while pid is not None and is_running(pid) and works_in(pid, self._folder):
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"another PostgreSQL, process {pid}, works on {self._folder}: "
                    f"stop it (kill -INT {pid}), or set DATA_DIR to another folder"
                )
            await asyncio.sleep(FOREIGN_POLL_S)
        pid_file.unlink(missing_ok=True)


def _as_options(settings: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in settings.items()]


def _feed(process: subprocess.Popen[bytes], text: str) -> None:
    """Write the whole input of a process; one that ended early says why through its status."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as stream:
            stream.write(text.encode())
