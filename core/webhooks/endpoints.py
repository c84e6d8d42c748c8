"""Rows of `webhook_endpoint`: making them, their secrets, and finding one by the key in its address."""

import asyncio
import datetime
import re
import secrets as random_secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from core.db.cipher import Cipher
from core.db.engine import CONNECT_ERRORS, Database
from core.errors import DatabaseUnavailable
from core.webhooks.states import AWAITING_HANDSHAKE, EndpointState

CACHE_S = 5.0
"""How long an endpoint is remembered: what another process retires is refused here within this time."""

REFRESH_S = 1.0
"""An endpoint younger than this in the cache is not read again because a signature did not fit."""

POOL_WAIT_S = 5.0
"""Longest wait for a free connection; Clio gives a delivery about ten seconds."""

ASKED_AT_ONCE = 2
"""Look-ups of keys under way in one process: strangers who try keys take no more of the pool than that."""

REMEMBERED_MAX = 10_000
"""The newest so many endpoints are known without being asked for: about a thousand firms."""

KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a key can look like; anything else is not worth a question to the database."""

_COLUMNS = """id, firm, resource, model, endpoint_key, clio_webhook_id, state, secret, offered_secret, events, fields,
expires_at, error_code, refusals, silent_at, created_at, updated_at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What the receiver needs to know of an endpoint. `secrets` are the keys a delivery may be signed with."""

    id: int
    firm: int
    resource: str
    model: str
    state: EndpointState
    secrets: tuple[bytes, ...]


def secret_purpose(endpoint: int) -> str:
    """Return the purpose under which the signing secret of an endpoint is encrypted."""
    return f"webhook_secret:{endpoint}"


def offered_secret_purpose(endpoint: int) -> str:
    """Return the purpose under which the secret that a handshake offered is encrypted."""
    return f"webhook_offered_secret:{endpoint}"


async def insert_endpoint(
    database: Database, cipher: Cipher, *, firm: int, resource: str, model: str, events: Sequence[str], fields: str
) -> int:
    """Make the row of an endpoint with a fresh key and secret, in state `creating`, and return its id."""
    async with database.transaction() as connection:
        endpoint: int = await connection.fetchval("SELECT nextval(pg_get_serial_sequence('webhook_endpoint', 'id'))")
        sealed = cipher.encrypt(random_secrets.token_urlsafe(32), purpose=secret_purpose(endpoint))
        await connection.execute(
            """INSERT INTO webhook_endpoint (id, firm, resource, model, endpoint_key, secret, events, fields)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
            endpoint,
            firm,
            resource,
            model,
            random_secrets.token_urlsafe(32),
            sealed,
            list(events),
            fields,
        )
    return endpoint


async def read_endpoint(database: Database, endpoint: int) -> asyncpg.Record | None:
    """Return the row of an endpoint."""
    return await database.pool.fetchrow(f"SELECT {_COLUMNS} FROM webhook_endpoint WHERE id = $1", endpoint)


async def live_endpoints(database: Database, firm: int) -> list[asyncpg.Record]:
    """Return the rows of a firm that are not retired, oldest first."""
    return await database.pool.fetch(
        f"SELECT {_COLUMNS} FROM webhook_endpoint WHERE firm = $1 AND state <> 'retired' ORDER BY id", firm
    )


async def ended_by_hand(database: Database, firm: int, reason: str) -> set[str]:
    """Return the resources of a firm whose latest endpoint was retired for a reason."""
    rows = await database.pool.fetch(
        """SELECT resource FROM (
            SELECT DISTINCT ON (resource) resource, state, error_code FROM webhook_endpoint
            WHERE firm = $1 ORDER BY resource, id DESC
        ) AS latest WHERE state = 'retired' AND error_code = $2""",
        firm,
        reason,
    )
    return {row["resource"] for row in rows}


async def store_subscription(
    database: Database,
    cipher: Cipher,
    endpoint: int,
    *,
    clio_webhook_id: int,
    expires_at: datetime.datetime | None,
    secret: str | None,
    fields: str | None = None,
    events: Sequence[str] | None = None,
) -> None:
    """Keep what Clio says of a subscription; what is None stays as it was.

    `secret` becomes the key of its deliveries, `fields` and `events` are those it was last given.
    """
    sealed = cipher.encrypt(secret, purpose=secret_purpose(endpoint)) if secret else None
    await database.pool.execute(
        """UPDATE webhook_endpoint
        SET clio_webhook_id = $2, expires_at = $3, secret = coalesce($4, secret),
            fields = coalesce($5, fields), events = coalesce($6, events), updated_at = now()
        WHERE id = $1""",
        endpoint,
        clio_webhook_id,
        expires_at,
        sealed,
        fields,
        None if events is None else list(events),
    )


async def store_offered_secret(database: Database, cipher: Cipher, endpoint: int, secret: str) -> bool:
    """Keep the secret of a handshake, while the endpoint awaits one; return whether it still did.

    Raises:
        TimeoutError: no connection was free in time.
    """
    sealed = cipher.encrypt(secret, purpose=offered_secret_purpose(endpoint))
    async with database.pool.acquire(timeout=POOL_WAIT_S) as connection:
        stored = await connection.fetchval(
            """UPDATE webhook_endpoint SET offered_secret = $2, updated_at = now()
            WHERE id = $1 AND state = ANY ($3::text[]) RETURNING id""",
            endpoint,
            sealed,
            sorted(AWAITING_HANDSHAKE),
        )
    return stored is not None


def own_secret(cipher: Cipher, row: asyncpg.Record) -> str | None:
    """Return the signing secret of a row, decrypted; None where there is none."""
    if row["secret"] is None:
        return None
    return cipher.decrypt(row["secret"], purpose=secret_purpose(row["id"]))


def offered_secret(cipher: Cipher, row: asyncpg.Record) -> str | None:
    """Return the secret that a handshake offered, decrypted; None where none came."""
    if row["offered_secret"] is None:
        return None
    return cipher.decrypt(row["offered_secret"], purpose=offered_secret_purpose(row["id"]))


class EndpointDirectory:
    """Finds endpoints by key, remembering those that exist, secrets decrypted, for a few seconds.

    An unknown key is asked of the database every time and never remembered, so strangers cannot fill the cache and a
    new endpoint is known at once. What cannot be a key is asked like one, so that both take the same time. While the
    database is away, what is remembered is good for as long as that takes.
    """

    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database = database
        self._cipher = cipher
        self._found: dict[str, tuple[float, Endpoint]] = {}
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)

    async def find(self, key: str, *, younger_than_s: float = CACHE_S) -> Endpoint | None:
        """Return the endpoint with this key, at most that many seconds old; None if there is none.

        Raises:
            DatabaseUnavailable: the pool is not open. TimeoutError, OSError and asyncpg's errors pass through.
            DecryptionFailed: its secret cannot be read with the configured keys.
        """
        remembered = self._found.get(key)
        now = time.monotonic()
        if remembered and now - remembered[0] < younger_than_s:
            return remembered[1]
        try:
            endpoint = await self._read(key if KEY.fullmatch(key) else "")
        except (*CONNECT_ERRORS, asyncpg.PostgresError, DatabaseUnavailable, TimeoutError):
            if remembered is None or younger_than_s < CACHE_S:
                raise
            return remembered[1]
        if endpoint is None:
            self._found.pop(key, None)
        else:
            self._found[key] = (now, endpoint)
        return endpoint

    def forget(self, key: str) -> None:
        """Read this endpoint anew when it is next asked for."""
        self._found.pop(key, None)

    async def remember_all(self) -> None:
        """Read every endpoint that takes deliveries, so that each is known when the database goes away.

        One statement; raises what `find` does.
        """
        rows = await self._database.pool.fetch(
            f"SELECT {_COLUMNS} FROM webhook_endpoint WHERE state <> 'retired' ORDER BY id DESC LIMIT $1",
            REMEMBERED_MAX,
            timeout=POOL_WAIT_S,
        )
        now = time.monotonic()
        self._found = {row["endpoint_key"]: (now, self._endpoint(row)) for row in rows}

    async def _read(self, key: str) -> Endpoint | None:
        async with self._asking, self._database.pool.acquire(timeout=POOL_WAIT_S) as connection:
            row = await connection.fetchrow(
                f"SELECT {_COLUMNS} FROM webhook_endpoint WHERE endpoint_key = $1", key, timeout=POOL_WAIT_S
            )
        return None if row is None else self._endpoint(row)

    def _endpoint(self, row: asyncpg.Record) -> Endpoint:
        candidates = [own_secret(self._cipher, row)]
        if row["state"] in AWAITING_HANDSHAKE:
            candidates.append(offered_secret(self._cipher, row))
        return Endpoint(
            id=row["id"],
            firm=row["firm"],
            resource=row["resource"],
            model=row["model"],
            state=row["state"],
            secrets=tuple(secret.encode() for secret in candidates if secret),
        )
