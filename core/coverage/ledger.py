"""The ledger itself: stretches of Clio's time that are covered, and holes.

A webhook covers from one look at its enabled subscription to the next; an incremental run covers from its
`updated_since` to its start; a backfill all before its start. All times are Clio's (`core.clio.clock`): what a run asks
for, when a subscription expires and when a record changed are told in them, and only they can be compared.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from core.db.engine import Database, Executor
from core.logging import get_logger
from core.sync.firm_schedule import is_awake_sql

log = get_logger(__name__)

RETRY_HORIZON = datetime.timedelta(minutes=62)
"""How long Clio keeps sending a delivery: after 2, 4, 8, 16 and 32 minutes. Source: Clio support, webhook retries."""

HORIZON = RETRY_HORIZON - datetime.timedelta(minutes=7)
"""The longest time without a look at a subscription that leaves no hole, if it is enabled before and after."""

NOT_WATCHED = "NOT_WATCHED"
"""The reason of a hole in which nobody looked for longer than the horizon: the service was down, or polls failed."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One resource of one firm."""

    firm: int
    resource: str


async def prove(
    database: Database, model: Model, endpoint: int, *, at: datetime.datetime, ahead: datetime.timedelta
) -> None:
    """Note that Clio called the subscription of an endpoint enabled at `at`, and so since it last did.

    A delivery proves as much as a look does. Where another endpoint was looked at before, or the last proof is too long
    ago, a hole is found between then and now. `ahead` is how far Clio's clock is ahead of ours. The caller holds the
    firm's lock. One statement where the webhook goes on.
    """
    if await database.pool.fetchval(_STILL_PROVEN, endpoint, at, HORIZON, ahead) is not None:
        return
    async with database.transaction() as connection:
        last_until = await connection.fetchval(_PROVEN_UNTIL, model.firm, model.resource)
        await connection.execute(_BEGIN_WEBHOOK, model.firm, model.resource, at, endpoint)
        if last_until is not None and at > last_until:
            await find_hole(connection, model, from_at=last_until, until_at=at, reason=NOT_WATCHED)


_STILL_PROVEN = """
UPDATE coverage_interval SET until_at = greatest(until_at, $2), proofs = proofs + 1
WHERE endpoint = $1 AND is_open AND CASE WHEN $2 - until_at <= $3::interval THEN true ELSE (
    SELECT max(step.length) <= $3::interval FROM (
        SELECT told.at - lag(told.at, 1, until_at) OVER (ORDER BY told.at) AS length FROM (
            SELECT received_at + $4::interval AS at FROM webhook_delivery AS delivery
            WHERE delivery.endpoint = $1 AND received_at > until_at - $4::interval
            UNION ALL SELECT $2
        ) AS told WHERE told.at <= $2
    ) AS step
) END
RETURNING id"""

_PROVEN_UNTIL = """
SELECT max(until_at) FROM coverage_interval WHERE firm = $1 AND resource = $2 AND basis = 'webhook'"""

_BEGIN_WEBHOOK = """
WITH ended AS (
    UPDATE coverage_interval SET is_open = false WHERE firm = $1 AND resource = $2 AND is_open
)
INSERT INTO coverage_interval (firm, resource, basis, from_at, until_at, is_open, endpoint)
VALUES ($1, $2, 'webhook', $3, $3, true, $4)"""


async def lapse(
    database: Database,
    model: Model,
    endpoint: int,
    *,
    at: datetime.datetime,
    reason: str,
    held_until: datetime.datetime | None = None,
) -> None:
    """Note that an endpoint covers no longer, as found at `at`; there is a hole since it last did.

    `held_until` is up to when it is known to have held, such as its expiry, if somebody looked shortly before.
    """
    async with database.transaction() as connection:
        ended = await connection.fetchrow(
            """UPDATE coverage_interval SET is_open = false, until_at = CASE
                WHEN $2::timestamptz BETWEEN until_at AND until_at + $3::interval THEN $2 ELSE until_at END
            WHERE endpoint = $1 AND basis = 'webhook' AND is_open RETURNING until_at""",
            endpoint,
            held_until,
            HORIZON,
        )
        if ended is not None and at > ended["until_at"]:
            await find_hole(connection, model, from_at=ended["until_at"], until_at=at, reason=reason)


async def disprove(
    database: Database, model: Model, endpoint: int, *, since: datetime.datetime, at: datetime.datetime, reason: str
) -> None:
    """Take back what an endpoint was believed to cover after `since`: something changed then that it never told."""
    async with database.transaction() as connection:
        ended = await connection.fetchrow(
            """UPDATE coverage_interval SET is_open = false, until_at = greatest(from_at, least(until_at, $2))
            WHERE endpoint = $1 AND basis = 'webhook' AND is_open RETURNING until_at""",
            endpoint,
            since,
        )
        from_at = since if ended is None else ended["until_at"]
        if at > from_at:
            await find_hole(connection, model, from_at=from_at, until_at=at, reason=reason)


async def close_open(database: Database, endpoints: list[int]) -> None:
    """Note that endpoints cover no longer, without a hole: somebody wanted it so, or another one covers instead."""
    await database.pool.execute(
        "UPDATE coverage_interval SET is_open = false WHERE endpoint = ANY ($1::bigint[]) AND is_open", endpoints
    )


async def find_unwatched(
    database: Database, firm: int, patience: Mapping[str, datetime.timedelta], *, at: datetime.datetime
) -> None:
    """Find holes in resources that nothing has covered for longer than is usual, polled ones too. One statement.

    `patience` says by resource how long is usual; less than the horizon never is a hole. A resource that was never
    covered has none: its backfill is still to come. Nor has a firm that rests, or did so until a short while ago: its
    next run reads from where the last one ended, as after any other time between polls.
    """
    rows = await database.pool.fetch(
        _UNWATCHED, firm, at, list(patience), [max(each, HORIZON) for each in patience.values()]
    )
    for row in rows:
        model = Model(firm=firm, resource=row["resource"])
        await find_hole(database.pool, model, from_at=row["until_at"], until_at=at, reason=NOT_WATCHED)


_UNWATCHED = f"""
SELECT known.resource, max(known.until_at) AS until_at FROM coverage_interval AS known
JOIN unnest($3::text[], $4::interval[]) AS usual (resource, patience) USING (resource)
WHERE known.firm = $1 AND NOT EXISTS (
    SELECT FROM firm WHERE id = $1 AND (NOT {is_awake_sql("firm")} OR awake_since >= now() - usual.patience)
)
GROUP BY known.resource, usual.patience HAVING max(known.until_at) < $2::timestamptz - usual.patience"""


async def find_hole(
    database: Executor, model: Model, *, from_at: datetime.datetime, until_at: datetime.datetime, reason: str
) -> None:
    """Note a hole; one that begins where a known one does is that one, and lasts longer."""
    found = await database.fetchrow(_FIND_HOLE, model.firm, model.resource, from_at, until_at, reason)
    if found is not None:
        tell = log.warning if found["is_new"] else log.debug
        tell(
            "coverage_hole_found" if found["is_new"] else "coverage_hole_lasts",
            firm=model.firm,
            resource=model.resource,
            reason=reason,
            from_at=from_at.isoformat(),
            until_at=until_at.isoformat(),
        )


_FIND_HOLE = """
INSERT INTO coverage_hole AS known (firm, resource, from_at, until_at, reason) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (firm, resource, from_at) DO UPDATE SET
    until_at = EXCLUDED.until_at, run = NULL, swept_at = NULL, reconciliation = NULL, closed_at = NULL
WHERE EXCLUDED.until_at > known.until_at
RETURNING (known.xmax = 0) AS is_new"""

COVERED_BY_RUN = """touching AS (
    DELETE FROM coverage_interval AS known USING finished
    WHERE finished.kind <> 'reconcile' AND known.firm = finished.firm AND known.resource = finished.resource
      AND known.basis = CASE finished.kind WHEN 'backfill' THEN 'backfill' ELSE 'poll' END
      AND (finished.kind = 'backfill' OR (known.until_at >= finished.since_at
           AND known.from_at <= finished.high_water_at + $3::interval))
    RETURNING known.*
), covered AS (
    INSERT INTO coverage_interval (firm, resource, basis, from_at, until_at, proofs, run)
    SELECT finished.firm, finished.resource, CASE finished.kind WHEN 'backfill' THEN 'backfill' ELSE 'poll' END,
           least(finished.since_at, min(touching.from_at)),
           greatest(finished.high_water_at + $3::interval, max(touching.until_at)),
           coalesce(sum(touching.proofs), 0) + 1, finished.id
    FROM finished LEFT JOIN touching ON true
    WHERE finished.kind = 'backfill'
       OR (finished.kind = 'incremental' AND finished.since_at <= finished.high_water_at + $3::interval)
    GROUP BY finished.firm, finished.resource, finished.kind, finished.since_at, finished.high_water_at, finished.id
)"""
"""What a run that succeeded covers, in the statement that ends it: `finished` is the run, $3 how far Clio is ahead.

Stretches that touch become one, so a resource that is polled day after day has one row.
"""

_SWEPT = """
UPDATE coverage_hole AS hole SET swept_at = now(), run = known.run
FROM coverage_interval AS known
WHERE hole.firm = $1 AND hole.closed_at IS NULL AND hole.swept_at IS NULL
  AND known.firm = hole.firm AND known.resource = hole.resource
  AND coalesce(known.from_at, '-infinity') <= hole.from_at AND known.until_at >= hole.until_at
RETURNING hole.resource, hole.from_at, hole.until_at, hole.run"""

_CLOSED = """
UPDATE coverage_hole AS hole SET closed_at = now(), reconciliation = compared.id
FROM coverage_hole AS swept
LEFT JOIN LATERAL (
    SELECT id FROM sync_run
    WHERE firm = swept.firm AND resource = swept.resource AND kind = 'reconcile' AND state = 'succeeded'
      AND high_water_at + $2::interval >= swept.until_at ORDER BY id LIMIT 1
) AS compared ON true
WHERE hole.id = swept.id AND swept.firm = $1 AND swept.swept_at IS NOT NULL AND swept.closed_at IS NULL
  AND (compared.id IS NOT NULL OR NOT swept.resource = ANY ($3::text[]) OR EXISTS (
      SELECT FROM coverage_interval AS known
      WHERE known.firm = swept.firm AND known.resource = swept.resource AND known.basis = 'webhook'
        AND known.from_at <= swept.from_at AND known.until_at >= swept.until_at
  ))
RETURNING hole.resource, hole.from_at, hole.until_at, hole.run, hole.reconciliation"""


async def settle_holes(database: Database, firm: int, *, ahead: datetime.timedelta, with_list: list[str]) -> None:
    """Mark the holes of a firm that runs have covered by now, and those whose deletions were looked for since.

    `with_list` are the resources that can be reconciled; of any other, a hole is closed when it has been read. One that
    deliveries have since shown to be none, while Clio itself could not be asked, is closed without a run.
    """
    for row in await database.pool.fetch(_SWEPT, firm):
        log.info("coverage_hole_swept", firm=firm, **_plain(dict(row)))
    for row in await database.pool.fetch(_CLOSED, firm, ahead, with_list):
        log.info("coverage_hole_closed", firm=firm, **_plain(dict(row)))


def _plain(row: dict[str, object]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime.datetime) else value for name, value in row.items()}
