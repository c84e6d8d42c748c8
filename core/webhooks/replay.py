"""Replay: deliveries of the raw log that were settled, or wait for another attempt, are opened again as they stand.

The row itself becomes `received` once more, so no delivery is written anew, none passes dedupe, and whatever holds for
one that has just come holds for a replayed one: newer only, once, and read from Clio where its payload cannot tell.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.db.types import Executor
from core.errors import BadInput, NotFound, ServiceError
from core.logging import get_logger
from core.redis_pool import REDIS_ERRORS

if TYPE_CHECKING:
    from core.registry import Registry
    from core.services import Services

log = get_logger(__name__)

REPLAYABLE = ("processed", "failed", "dead")
"""What can be replayed; the others are on their way already."""

REPLAY_MAX = 10_000
"""So many deliveries at most are opened by one replay."""

REOPEN_BATCH = 500

REOPEN_PACE_S = 0.5
"""One batch falls due so long after the one before it, so that live deliveries pass between."""


class ReplayTooLarge(ServiceError):
    """A replay's filter matches more deliveries than may be opened at once."""

    code = "REPLAY_TOO_LARGE"

    def __init__(self) -> None:
        super().__init__(
            f"the filter matches more than {REPLAY_MAX} deliveries: narrow it by time, model or record and replay the "
            "parts one after the other, or rebuild the resource with `clio-service replay --rebuild`"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFilter:
    """Which deliveries; all that is given must hold, and None does not ask. `received_before` is exclusive."""

    firms: Sequence[int]
    statuses: Sequence[str] | None = None
    models: Sequence[str] | None = None
    events: Sequence[str] | None = None
    resources: Sequence[str] | None = None
    record_clio_ids: Sequence[int] | None = None
    error_codes: Sequence[str] | None = None
    received_from: datetime.datetime | None = None
    received_before: datetime.datetime | None = None

    def arguments(self) -> list[object]:
        """Return the parameters $1 to $9 of `MATCHES`.

        Raises:
            BadInput: a status cannot be replayed, or the time range is empty.
        """
        statuses = list(REPLAYABLE if self.statuses is None else self.statuses)
        if wrong := sorted(set(statuses) - set(REPLAYABLE)):
            raise BadInput(f"deliveries cannot be replayed that are {', '.join(wrong)}: {', '.join(REPLAYABLE)} can")
        if self.received_from and self.received_before and self.received_from >= self.received_before:
            raise BadInput("the time range is empty: its end must be later than its beginning")
        lists = (self.models, self.events, self.resources, self.record_clio_ids, self.error_codes)
        return [
            list(self.firms),
            statuses,
            *(None if each is None else list(each) for each in lists),
            self.received_from,
            self.received_before,
        ]


MATCHES = """
firm = ANY ($1::bigint[]) AND status = ANY ($2::text[])
AND ($3::text[] IS NULL OR model = ANY ($3)) AND ($4::text[] IS NULL OR event = ANY ($4))
AND ($5::text[] IS NULL OR resource = ANY ($5)) AND ($6::bigint[] IS NULL OR record_clio_id = ANY ($6))
AND ($7::text[] IS NULL OR error_code = ANY ($7))
AND ($8::timestamptz IS NULL OR received_at >= $8) AND ($9::timestamptz IS NULL OR received_at < $9)"""
"""The condition of a filter; statements are planned with their values, so what was not asked costs nothing."""

_COUNT = f"""
SELECT status, model, count(*)::int AS count
FROM (SELECT status, model FROM webhook_delivery WHERE {MATCHES} LIMIT {REPLAY_MAX} + 1) AS found
GROUP BY status, model ORDER BY status, model"""

_IDS = f"SELECT id FROM webhook_delivery WHERE {MATCHES} ORDER BY id LIMIT {REPLAY_MAX} + 1"

_REOPEN = f"""
WITH open AS (
    SELECT id, firm, model, event, body, status, attempts, received_at, processed_at, replayed_at FROM webhook_delivery
    WHERE id = ANY ($1::bigint[]) AND status IN {REPLAYABLE}
    ORDER BY id
    FOR UPDATE SKIP LOCKED
)
UPDATE webhook_delivery AS again
SET status = 'received', attempts = 0, lapses = 0, outcome = NULL, processed_at = NULL, lease_until = NULL,
    error_code = NULL, error_message = NULL, replays = replays + 1, replayed_at = now(),
    not_before_at = now() + make_interval(secs => $2)
FROM open WHERE again.id = open.id
RETURNING open.*"""
"""Returns the rows as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """How many deliveries of one status and model a filter matches."""

    status: str
    model: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay found and opened. A delivery in somebody else's hands at that moment is matched, not opened."""

    matched: Sequence[Matched]
    reopened: int


def resources_of(registry: "Registry", plugin: str) -> list[str]:
    """Return the names of a plugin's resources.

    Raises:
        NotFound: no such plugin is loaded; the message names those that are.
    """
    for each in registry.plugins:
        if each.name == plugin:
            return [resource.name for resource in each.resources]
    raise NotFound(f"there is no plugin {plugin!r}; there are: {', '.join(each.name for each in registry.plugins)}")


async def count_matches(database: Executor, wanted: ReplayFilter) -> list[Matched]:
    """Return how many deliveries a filter matches, by status and model, in that order. One statement.

    Raises:
        BadInput: as `ReplayFilter.arguments` raises it.
        ReplayTooLarge: they are more than `REPLAY_MAX`.
    """
    rows = await database.fetch(_COUNT, *wanted.arguments())
    if sum(row["count"] for row in rows) > REPLAY_MAX:
        raise ReplayTooLarge
    return [Matched(status=row["status"], model=row["model"], count=row["count"]) for row in rows]


async def replay(services: "Services", wanted: ReplayFilter) -> Replayed:
    """Open every delivery that a filter matches again, in order of receipt, and wake the workers.

    One UPDATE for each 500, in a transaction of its own. They fall due a thousand a second, in that order.

    Raises:
        BadInput: as `ReplayFilter.arguments` raises it.
        ReplayTooLarge: they are more than `REPLAY_MAX`; none was opened.
    """
    matched = await count_matches(services.database.pool, wanted)
    ids = [row["id"] for row in await services.database.pool.fetch(_IDS, *wanted.arguments())]
    if len(ids) > REPLAY_MAX:
        raise ReplayTooLarge
    reopened = 0
    for number, start in enumerate(range(0, len(ids), REOPEN_BATCH)):
        reopened += await reopen(services, ids[start : start + REOPEN_BATCH], delay_s=number * REOPEN_PACE_S)
    log.info("webhook_deliveries_replayed", firms=list(wanted.firms), matched=len(ids), reopened=reopened)
    return Replayed(matched=matched, reopened=reopened)


async def reopen(services: "Services", ids: Iterable[int], *, delay_s: float) -> int:
    """Open deliveries again, due after `delay_s`, and return how many; those locked or on their way are left alone."""
    rows = await services.database.pool.fetch(_REOPEN, list(ids), delay_s)
    for row in rows:
        services.webhook_recorder.reopened(row)
    if rows:
        try:
            await services.queue.wake_deliveries()
        except REDIS_ERRORS as error:
            log.warning("webhook_wake_failed", error=type(error).__name__)
    return len(rows)
