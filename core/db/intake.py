"""Sessions for taking in what must not wait: deliveries never queue behind queries for a connection."""

import asyncpg

from core.db.sessions import Sessions, leave_as_it_is
from core.db.types import Connection

INTAKE_SETTINGS = {
    "application_name": "clio-service-intake",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
}
"""One short statement over and over, planned once: with plans that fit its table empty or full."""

INTAKE_SESSIONS = 2
CONNECT_WITHIN_S = 5.0
STATEMENT_WITHIN_S = 5.0
"""Clio gives a delivery a short time, which it does not publish."""


class IntakeSessions(Sessions):
    """At most two sessions, connected when they are first asked for."""

    @classmethod
    async def open(cls, url: str) -> "IntakeSessions":
        """Make the pool; nothing is connected yet."""
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=INTAKE_SESSIONS,
            max_inactive_connection_lifetime=0,
            init=_commit_to_disk,
            reset=leave_as_it_is,
            command_timeout=STATEMENT_WITHIN_S,
            timeout=CONNECT_WITHIN_S,
            server_settings=INTAKE_SETTINGS,
        )
        return cls(pool, INTAKE_SESSIONS)


async def _commit_to_disk(connection: Connection) -> None:
    """Let a commit mean what it says, whatever the database's own default is; what waits for replicas still does."""
    await connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
