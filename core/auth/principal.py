"""Who calls, and what they may: the scopes and the firms of one bearer token."""

import datetime
from dataclasses import dataclass
from typing import Literal

from core.errors import Forbidden

Scope = Literal["read", "write", "admin"]

SCOPES: frozenset[str] = frozenset({"read", "write", "admin"})
"""`read` asks, `write` changes, `admin` does either and looks after the service."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The bearer of a token. `firms` None means every firm, for operators; an empty set means none."""

    subject: str
    firms: frozenset[int] | None
    scopes: frozenset[str]
    expires_at: datetime.datetime

    def require_scope(self, scope: Scope) -> None:
        """Let a call go on that needs `scope`; `admin` includes the other two.

        Raises:
            Forbidden: names the scope the token lacks.
        """
        if scope not in self.scopes and "admin" not in self.scopes:
            held = ", ".join(sorted(self.scopes)) or "none"
            raise Forbidden(f"the token needs the scope {scope!r} and has: {held}")

    def may_see(self, firm: int) -> bool:
        """Tell whether the firm is one of the bearer's; nothing is asked of the database."""
        return self.firms is None or firm in self.firms

    def allowed_firms(self, requested: int | None) -> frozenset[int] | None:
        """Return the firms a statement may read: the one requested, else all of the bearer's; None for every firm.

        Raises:
            Forbidden: the requested firm is not one of the bearer's, whether it exists or not.
        """
        if requested is None:
            return self.firms
        if not self.may_see(requested):
            raise Forbidden(f"the token does not carry firm {requested}")
        return frozenset({requested})

    def has_expired(self, now: datetime.datetime) -> bool:
        """Tell whether the token is past its time; for connections that outlive a request."""
        return now >= self.expires_at
