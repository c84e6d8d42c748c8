"""One id per request: taken from `X-Request-Id` or made, bound to every log line, and sent back over HTTP."""

import re
import secrets

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")


def request_id_of(sent: str) -> str:
    """Return the id of a request whose header says `sent`: that, when it is short and plain, else one that is made."""
    return sent if _ACCEPTED.match(sent) else secrets.token_hex(16)
