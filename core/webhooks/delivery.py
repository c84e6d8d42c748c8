"""A delivery, and the one statement that writes deliveries: from the inbox, and from what waited in Redis."""

import datetime
from collections.abc import Sequence
from typing import TypeAlias

import asyncpg
import msgspec

from core.db.intake import IntakeSessions
from core.metrics.recorder import WebhookRecorder

SAME_WITHIN_S = 75 * 60
"""A body that comes again within this time is the same delivery; later it is another.

Clio sends a delivery again after 2, 4, 8, 16 and 32 minutes, 62 in all, and every try may take a while until it is
given up. Source: Clio support article 360050277853.
"""

ROW_ERRORS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DeadlockDetectedError,
    ValueError,
)
"""What rows cause and not the connection: one by one, the good ones go in. What asyncpg cannot encode is a ValueError,
and a deadlock with a worker that settles the same deliveries takes more than one row."""

_INSERT = f"""
WITH written AS (
    INSERT INTO webhook_delivery AS kept
        (endpoint, firm, resource, model, event, record_clio_id, digest, body, headers, received_at, receipts, copy)
    SELECT came.endpoint, came.firm, came.resource, came.model, came.event, came.record, came.digest, came.body,
        came.headers::jsonb, came.received_at, came.receipts,
        coalesce((
            SELECT latest.copy + (latest.received_at < came.received_at - interval '{SAME_WITHIN_S} s')::int
            FROM webhook_delivery AS latest
            WHERE latest.endpoint = came.endpoint AND latest.digest = came.digest
            ORDER BY latest.copy DESC LIMIT 1
        ), 0)
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::bytea[],
            $9::text[], $10::timestamptz[], $11::int[])
        AS came (endpoint, firm, resource, model, event, record, digest, body, headers, received_at, receipts)
    ON CONFLICT (endpoint, digest, copy) DO UPDATE SET receipts = kept.receipts + excluded.receipts
    RETURNING endpoint, digest, received_at, xmax
)
SELECT endpoint, digest, received_at FROM written WHERE xmax <> 0"""
"""Which copy a delivery is, is read and written in one statement: two that choose the same one meet in the conflict.

Returns the rows that were there before: such a one was locked for the update, and `xmax` says so.
"""

Repeats: TypeAlias = dict[tuple[int, bytes], datetime.datetime]
"""Of deliveries that were there before: by endpoint and digest, when they first came."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A delivery whose signature was right. `digest` is sha256 of the body; with the endpoint it says which it is.

    `headers` is a JSON object of those request headers that hold no secret.
    """

    endpoint: int
    firm: int
    resource: str
    model: str
    event: str
    record_clio_id: int | None
    digest: bytes
    body: bytes
    headers: str = "{}"
    received_at: datetime.datetime


async def write(sessions: IntakeSessions, deliveries: Sequence[Delivery]) -> Repeats:
    """Commit deliveries; one that is there already adds to the receipts of its row, and is returned. One statement.

    All must have come within `SAME_WITHIN_S`. Raises what asyncpg does; `ROW_ERRORS` are about rows.
    """
    receipts: dict[tuple[int, bytes], int] = {}
    first: dict[tuple[int, bytes], Delivery] = {}
    for delivery in deliveries:
        key = (delivery.endpoint, delivery.digest)
        first.setdefault(key, delivery)
        receipts[key] = receipts.get(key, 0) + 1
    # In one order for all writers: two statements that meet the same rows would deadlock otherwise.
    keys = sorted(first)
    rows = [first[key] for key in keys]
    known = await sessions.fetch(
        _INSERT,
        [row.endpoint for row in rows],
        [row.firm for row in rows],
        [row.resource for row in rows],
        [row.model for row in rows],
        [row.event for row in rows],
        [row.record_clio_id for row in rows],
        [row.digest for row in rows],
        [row.body for row in rows],
        [row.headers for row in rows],
        [row.received_at for row in rows],
        [receipts[key] for key in keys],
    )
    return {(row["endpoint"], row["digest"]): row["received_at"] for row in known}


def count(
    recorder: WebhookRecorder, deliveries: Sequence[Delivery], repeats: Repeats, *, committed_at: float | None
) -> None:
    """Count what `write` committed, and what of it came again.

    `committed_at` (seconds since 1970) tells how long it took to take them in; None for those that waited in Redis.
    """
    first_at = dict(repeats)
    for d in deliveries:
        key = (d.endpoint, d.digest)
        if key in first_at:
            recorder.repeated(d.firm, d.model, d.event, d.body, first_at[key].timestamp())
        else:
            first_at[key] = d.received_at
            began_at = d.received_at.timestamp()
            ingest_s = None if committed_at is None else committed_at - began_at
            recorder.received(d.firm, d.model, d.event, d.body, began_at, ingest_s=ingest_s)
