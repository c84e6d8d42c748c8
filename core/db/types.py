"""What a statement can be run on, and how every connection is prepared."""

import json
from typing import Any, TypeAlias

import asyncpg

# The stubs make these classes generic; asyncpg itself does not.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Executor: TypeAlias = "Pool | Connection"
"""What a statement can be run on: a pool, or the connection of an open transaction."""


async def prepare(connection: Connection) -> None:
    """Let jsonb columns arrive as Python values."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=_encode_json, decoder=json.loads, schema="pg_catalog")


def _encode_json(value: Any) -> str:
    """Encode a parameter of a json type; text is taken as JSON already encoded."""
    return value if isinstance(value, str) else json.dumps(value)
