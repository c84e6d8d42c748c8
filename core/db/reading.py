"""Sessions for queries from outside: they write nothing, stop at a time limit, and are lent at little cost."""

from typing import Any, Protocol

import asyncpg

from core.db.sessions import Sessions, leave_as_it_is
from core.db.types import prepare

READING_SETTINGS = {
    "application_name": "clio-service-read",
    "default_transaction_read_only": "on",
    "TimeZone": "UTC",
    "jit": "off",
}
"""What is written as JSON has its instants in UTC; plans of prepared statements may be kept."""

MOST_STATEMENTS = 256
"""Prepared statements kept by each session; the oldest go."""


class Reading(Protocol):
    """What runs statements from outside: sessions, or what changes the statements on their way there."""

    async def fetch(self, text: str, *values: Any) -> list[asyncpg.Record]:
        """Run a statement and return its rows."""
        ...


class ReadingSessions(Sessions):
    """At most `size` sessions that cannot write."""

    @classmethod
    async def open(cls, url: str, *, size: int, timeout_s: float) -> "ReadingSessions":
        """Connect; `timeout_s` is the longest a statement may run.

        Raises:
            What asyncpg does where the server cannot be reached.
        """
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            init=prepare,
            reset=leave_as_it_is,
            command_timeout=timeout_s + 5,
            timeout=10,
            statement_cache_size=MOST_STATEMENTS,
            max_cacheable_statement_size=0,
            server_settings={**READING_SETTINGS, "statement_timeout": str(round(timeout_s * 1000))},
        )
        return cls(pool, size)
