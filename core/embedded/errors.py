"""What embedded servers raise: one class, because every caller can only show it and stop."""

from core.errors import ServiceError


class EmbeddedServerError(ServiceError):
    """An embedded server cannot be started or kept running; the message names the thing and the next step."""

    code = "EMBEDDED_SERVER"


class ServerExited(EmbeddedServerError):
    """A server ended before it was ready. Raised by its start; `output` is what it logged meanwhile.

    `port_taken` and `still_held` tell two passing causes from a lasting one: another process has the port, and
    sessions of a killed server still hold its shared memory.
    """

    def __init__(self, message: str, *, output: str) -> None:
        super().__init__(message)
        self.port_taken = "Address already in use" in output
        self.still_held = "pre-existing shared memory block" in output
