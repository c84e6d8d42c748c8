"""The end of a token, for connections that outlive it."""

import asyncio
import datetime
from collections.abc import Callable

from core.auth.principal import Principal
from core.errors import TokenExpired
from schema.live.selection import error_text

LONGEST_TIMER_S = 86_400.0
MARGIN_S = 0.001


class Expiry:
    """Calls once when a token has expired, with the last result of what it had let in."""

    def __init__(self, principal: Principal, call: Callable[[str], None]) -> None:
        self._principal = principal
        self._call = call
        self._timer: asyncio.TimerHandle | None = None
        self._look()

    def cancel(self) -> None:
        """Do not call any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = datetime.datetime.now(datetime.UTC)
        left_s = (self._principal.expires_at - now).total_seconds()
        if left_s <= 0:
            error = TokenExpired("the bearer token expired during the subscription: connect again with another")
            self._call(error_text(error))
            return
        self._timer = asyncio.get_running_loop().call_later(min(left_s + MARGIN_S, LONGEST_TIMER_S), self._look)
