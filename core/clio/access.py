"""What a request to Clio needs to be let in, and where a client gets it from."""

import datetime
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from core.clio.budget import RequestBudget
from core.clio.clock import ClioClock
from core.settings import Region, Settings

RENEW_BEFORE_S = 300
"""How long before its end an access token is renewed."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """A firm's access token, with the region and host it is good for, and the version of its row."""

    access_token: str = field(repr=False)
    base_url: str
    region: Region
    version: int
    expires_at: datetime.datetime

    @property
    def is_fresh(self) -> bool:
        """Whether it is far enough from its end."""
        return self._left_s() > RENEW_BEFORE_S

    @property
    def is_alive(self) -> bool:
        """Whether Clio should still take it."""
        return self._left_s() > 0

    def _left_s(self) -> float:
        return (self.expires_at - datetime.datetime.now(datetime.UTC)).total_seconds()


class AccessKeeper(Protocol):
    """Keeps the access of every firm: what a client asks of the accounts."""

    settings: Settings
    http: httpx.AsyncClient
    budget: RequestBudget
    clock: ClioClock

    async def access(self, firm: int) -> Access:
        """Return an access token that is good for a while."""

    async def renew(self, firm: int, *, refused_version: int) -> Access:
        """Replace the access token of a version that Clio refused."""
