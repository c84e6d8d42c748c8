"""Finishing a coroutine that was begun without a task.

Most that is sent never waits, and waking a task for each frame costs as much as the frame: so `send` is begun where the
frame is made, and only where it has to wait for the reader does a task go on with it. What is begun like this must wait
for plain futures alone, as the coroutine of uvicorn's `send` does, and must not care which task runs it.
"""

import types
from collections.abc import Coroutine, Generator
from typing import Any


class Begun:
    """A coroutine that has been begun, and now waits for something; one task must `finish` or `close` it."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    @types.coroutine
    def finish(self) -> Generator[Any, Any, None]:
        """Wait for what it waits for, and for the rest of it."""
        try:
            yield self._waits_for
        except BaseException as error:
            self._coroutine.throw(error)
            raise
        yield from self._coroutine

    def close(self) -> None:
        """Give it up."""
        self._coroutine.close()
