"""A client in node that goes on: it is given one line of JSON, and says one for each thing that happens."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from typing import Any

from tests.clients.node import FOLDER, Clients

HEARD_WITHIN_S = 20.0


class Talking:
    """A running program."""

    def __init__(self, running: asyncio.subprocess.Process) -> None:
        self._running = running

    async def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self._running.stdout is not None
        assert self._running.stderr is not None
        line = await asyncio.wait_for(self._running.stdout.readline(), HEARD_WITHIN_S)
        if not line:
            raise AssertionError((await self._running.stderr.read()).decode())
        said: dict[str, Any] = json.loads(line)
        return said

    async def has_ended(self) -> bool:
        """Wait for its end; tell whether it went well and said no more."""
        assert self._running.stdout is not None
        said = await asyncio.wait_for(self._running.stdout.read(), HEARD_WITHIN_S)
        return await self._running.wait() == 0 and said == b""


@contextlib.asynccontextmanager
async def talking(clients: Clients, program: str, **given: Any) -> AsyncIterator[Talking]:
    """Run a program of this folder until the block ends."""
    with tempfile.TemporaryDirectory(dir=clients.installed) as folder:
        pipe = asyncio.subprocess.PIPE
        running = await asyncio.create_subprocess_exec(
            *(clients.node.node, shutil.copy(FOLDER / program, folder)),
            cwd=folder,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        try:
            assert running.stdin is not None
            running.stdin.write(json.dumps(given).encode() + b"\n")
            yield Talking(running)
        finally:
            if running.returncode is None:
                running.kill()
            await running.communicate()
