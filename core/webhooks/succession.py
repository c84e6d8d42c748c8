"""One endpoint following another without a gap: the new one is enabled before the old one is let go.

While both are there Clio delivers each change to both, and both verify. The old one takes what is still under way to it
for as long as Clio retries, and answers 410 only then.
"""

import asyncio
import datetime
from collections.abc import Callable, Sequence
from typing import TypeAlias

import asyncpg

from core.coverage.ledger import RETRY_HORIZON
from core.db.engine import Database
from core.errors import ClioNotFound
from core.logging import get_logger
from core.resource import Resource
from core.webhooks.endpoints import read_endpoint
from core.webhooks.states import move
from core.webhooks.subscription import PENDING_MAX, Subscriber, Subscription

log = get_logger(__name__)

Find: TypeAlias = Callable[[asyncpg.Record], Subscription | None]
"""Finds what Clio lists of an endpoint."""

ROTATED = "ROTATED"

RETIRING = RETRY_HORIZON + datetime.timedelta(minutes=3)
"""How long an old endpoint still takes deliveries."""

HANDSHAKE_PAUSES_S = (0.2, 1.0, 2.0)
"""Waits between looks at a new subscription whose handshake is open; after the last, `maintain` goes on."""


async def look_after(
    database: Database, subscriber: Subscriber, resource: Resource, rows: Sequence[asyncpg.Record], find: Find
) -> int | None:
    """See to it that one endpoint of a resource is live, and end those it follows; return its id, None while it rests.

    `rows` are all its endpoints that are not retired, oldest first.

    Raises:
        ClioError: Clio refused, or could not be asked; the rows say where they stand.
    """
    now = datetime.datetime.now(datetime.UTC)
    rest = []
    for row in rows:
        if row["state"] != "retiring":
            rest.append(row)
        elif row["updated_at"] < now - RETIRING:
            await subscriber.retire(row, reason=row["error_code"] or ROTATED)
    if not rest:
        return await subscriber.ensure(resource, None, None)
    *older, newest = rest
    serving = [row for row in older if _serves(subscriber, row, find(row))]
    for row in older:
        if row not in serving[-1:]:
            await subscriber.retire(row, reason="DUPLICATE")
    if not serving:
        return await subscriber.ensure(resource, newest, find(newest))
    return await _follow(database, subscriber, resource, serving[-1], newest, find)


def _serves(subscriber: Subscriber, row: asyncpg.Record, found: Subscription | None) -> bool:
    is_enabled = found is not None and row["state"] == found.status == "enabled"
    return is_enabled and subscriber.why_replace(row, found) is None


async def rotate(database: Database, subscriber: Subscriber, resource: Resource, old: asyncpg.Record) -> int:
    """Give a resource whose endpoint is enabled another one, with a key and secret of its own; return the new id.

    A handshake that stays open for more than a few seconds is left to `maintain`; the old endpoint serves until then.
    About five requests.

    Raises:
        ClioError: Clio refused, or did not answer; the old endpoint serves as before.
    """
    endpoint, found = await subscriber.create(resource)
    for pause_s in HANDSHAKE_PAUSES_S:
        if found.status != "pending":
            break
        await asyncio.sleep(pause_s)
        found = await subscriber.take_in(endpoint, await subscriber.look(found.id), confirm=True)
    if found.status == "enabled":
        await _hand_over(database, subscriber, resource, old, endpoint, found)
    return endpoint


async def _follow(
    database: Database,
    subscriber: Subscriber,
    resource: Resource,
    old: asyncpg.Record,
    new: asyncpg.Record,
    find: Find,
) -> int | None:
    """Go on with a succession that an earlier turn began, or give it up."""
    found = find(new)
    is_overdue = new["created_at"] < datetime.datetime.now(datetime.UTC) - PENDING_MAX
    if found is not None and new["state"] != "failed" and found.status != "suspended":
        found = await subscriber.take_in(new["id"], found, confirm=True)
        if found.status == "enabled":
            await _hand_over(database, subscriber, resource, old, new["id"], found)
            return int(new["id"])
    if found is None or is_overdue or new["state"] == "failed":
        log.warning("webhook_succession_failed", resource=resource.name, endpoint=new["id"], code=new["error_code"])
        await subscriber.retire(new, reason="SUCCESSION_FAILED")
    return await subscriber.ensure(resource, old, find(old))


async def _hand_over(
    database: Database,
    subscriber: Subscriber,
    resource: Resource,
    old: asyncpg.Record,
    endpoint: int,
    found: Subscription,
) -> None:
    """Let a proven endpoint take over, once more seeing that the old one is still enabled: so nothing was missed."""
    known = await read_endpoint(database, old["id"])
    try:
        before = await subscriber.look(old["clio_webhook_id"])
    except ClioNotFound:
        before = None
    if before is not None and before.status == "enabled" and known is not None and known["silent_at"] is None:
        await subscriber.prove(resource, old["id"], before)
    await subscriber.prove(resource, endpoint, found)
    await move(database.pool, old["id"], "retiring", error_code=ROTATED)
    log.info("webhook_rotated", resource=resource.name, endpoint=endpoint, retiring=old["id"])
