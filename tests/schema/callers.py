"""Callers, for what is tested below the transport."""

import datetime
from collections.abc import Collection

from core.auth.principal import Principal


def caller(firms: Collection[int] | None = (1,), scopes: Collection[str] = ("read",)) -> Principal:
    """Return the bearer of a token that never expires; firm 1 and the scope `read` unless given."""
    return Principal(
        subject="test",
        firms=None if firms is None else frozenset(firms),
        scopes=frozenset(scopes),
        expires_at=datetime.datetime.max.replace(tzinfo=datetime.UTC),
    )
