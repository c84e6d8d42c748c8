"""Keeps one embedded server running: it comes back on the same port with the same data, or the caller is told."""

import asyncio
import logging
import time
from collections import deque

from core.embedded.errors import EmbeddedServerError
from core.embedded.server import Server

logger = logging.getLogger(__name__)

RESTARTS, WINDOW_S = 5, 60.0
"""More restarts than that within the window mean that restarting does not help."""
FIRST_DELAY_S = 0.1


async def keep_running(server: Server) -> None:
    """Restart the server whenever it ends, after 0.1 s and twice as long for each further time in the window.

    Runs until cancelled; cancel it before the server is stopped.

    Raises:
        EmbeddedServerError: it ended too often.
    """
    restarts: deque[float] = deque()
    while True:
        await server.ended()
        while restarts and restarts[0] < time.monotonic() - WINDOW_S:
            restarts.popleft()
        if len(restarts) >= RESTARTS:
            raise EmbeddedServerError(
                f"{server.failure()}; restarting it {RESTARTS} times within {WINDOW_S:.0f} s did not help"
            )
        logger.warning("%s; restarting it", server.failure())
        server.clear_remains()
        await asyncio.sleep(FIRST_DELAY_S * 2 ** len(restarts))
        restarts.append(time.monotonic())
        try:
            await server.start_on_port()
        except EmbeddedServerError as error:
            logger.warning("%s", error)
        else:
            logger.warning("embedded %s runs again on port %d", server.title, server.port)
