"""One parent per data folder: a lock that the servers inherit, so it is held until the last of them has ended.

After a `kill -9` of the parent the kernel keeps the lock for as long as a server still writes to the folder: whoever
comes next waits for exactly that. The file is never removed; its content only tells who to name in a refusal.
"""

import asyncio
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any, Self

from core.embedded.errors import EmbeddedServerError
from core.embedded.processes import is_running, started_at

FILE_NAME = "embedded.lock"
LEFTOVER_PATIENCE_S = 15.0
POLL_S = 0.02


class FolderLock:
    """The exclusive right to run servers on one data folder; made by `acquire`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self.descriptor = descriptor
        self._servers: dict[str, int] = {}

    @classmethod
    async def acquire(cls, data_dir: Path, *, patience_s: float = LEFTOVER_PATIENCE_S) -> Self:
        """Take the lock; wait for servers whose parent was killed, but for no living parent.

        Raises:
            EmbeddedServerError: names the process that holds the folder.
        """
        path = data_dir / FILE_NAME
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedServerError(
                f"{path} cannot be opened ({error.strerror}): run as its owner, or set DATA_DIR to another folder"
            ) from error
        try:
            await _lock(descriptor, path, patience_s)
        except BaseException:
            os.close(descriptor)
            raise
        lock = cls(path, descriptor)
        lock.note_server("", None)
        return lock

    def note_server(self, name: str, pid: int | None) -> None:
        """Record which process serves now, for the message that a refused second parent gets."""
        if pid is None:
            self._servers.pop(name, None)
        else:
            self._servers[name] = pid
        holder = {"pid": os.getpid(), "started": started_at(os.getpid()), "servers": self._servers}
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(holder).encode(), 0)

    def release(self) -> None:
        """Give the folder up; servers that inherited the lock keep it until they end."""
        os.close(self.descriptor)


async def _lock(descriptor: int, path: Path, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_holder(path)
            _refuse_living_parent(holder, path.parent)
            if time.monotonic() > deadline:
                raise EmbeddedServerError(_describe_leftovers(holder, path.parent)) from None
            await asyncio.sleep(POLL_S)
        else:
            return


def _read_holder(path: Path) -> dict[str, Any]:
    """Return what the holder wrote; nothing when it is about to write."""
    try:
        holder: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return holder


def _refuse_living_parent(holder: dict[str, Any], data_dir: Path) -> None:
    pid = holder.get("pid")
    if pid is None or not is_running(pid) or started_at(pid) != holder["started"]:
        return
    raise EmbeddedServerError(
        f"data folder {data_dir} is in use by process {pid}: stop that process, or set DATA_DIR to another folder"
    )


def _describe_leftovers(holder: dict[str, Any], data_dir: Path) -> str:
    running = [f"{name} {pid}" for name, pid in holder.get("servers", {}).items() if is_running(pid)]
    named = ", ".join(running) or "processes started by it"
    return (
        f"data folder {data_dir} is still in use by servers of process {holder.get('pid')}, which is gone: "
        f"end {named}, or set DATA_DIR to another folder"
    )
