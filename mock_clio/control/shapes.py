"""Bodies that the control interface takes."""

from datetime import datetime

import msgspec

from mock_clio.settings import Access


class RateLimitBody(msgspec.Struct, forbid_unknown_fields=True):
    """PUT rate-limit."""

    limit: int


class ClockBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """PUT clock: jump to a moment, stop or restart time; what is left out stays."""

    at: datetime | None = None
    frozen: bool | None = None


class AdvanceBody(msgspec.Struct, forbid_unknown_fields=True):
    """POST clock/advance."""

    seconds: float


class TrafficBody(msgspec.Struct, forbid_unknown_fields=True):
    """POST traffic."""

    per_minute: float


class EditBody(msgspec.Struct, forbid_unknown_fields=True):
    """POST traffic/edits: make edits at once, without waiting."""

    count: int = 1


class SendBody(msgspec.Struct, forbid_unknown_fields=True):
    """POST deliveries: send a body of one's own, signed as any other."""

    webhook_id: int
    body: str


class TokenBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST tokens: issue tokens without the OAuth dance."""

    client_id: str
    user_id: int | None = None
    """The user who grants; null means the account owner."""
    lifetime: int | None = None
    """Seconds; null means the usual."""
    permissions: dict[str, Access] | None = None
    """Access by permission name; null means the application's."""


class ExpireBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST tokens/expire: end access tokens, refresh tokens staying good. Name one of the three."""

    token_id: int | None = None
    access_token: str | None = None
    client_id: str | None = None
    in_seconds: float = 0.0


class RevokeBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST tokens/revoke and POST deauthorize: end a user's grant, or every user's."""

    client_id: str
    user_id: int | None = None


class ResetBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST reset: seed the firm anew, with another seed or size if given."""

    seed: int | None = None
    users: int | None = None
    contacts: int | None = None
    matters: int | None = None
    documents: int | None = None
    activities: int | None = None
