"""Free TCP ports on loopback, below the range from which systems take ports for outgoing connections.

A server that has to come back on its port could otherwise find a stranger's outgoing connection there.
"""

import secrets
import socket

from core.embedded.errors import EmbeddedServerError

HOST = "127.0.0.1"
LOWEST, HIGHEST = 15_000, 32_000
ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """Return the preferred port if it is free, else a random free one.

    Raises:
        EmbeddedServerError: no free port was found.
    """
    if preferred is not None and is_free(preferred):
        return preferred
    for _ in range(ATTEMPTS):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        if is_free(port):
            return port
    raise EmbeddedServerError(f"no free port on {HOST} in {ATTEMPTS} attempts: stop some servers on this machine")
