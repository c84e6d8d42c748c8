"""What is due: resources to look at again. Any worker may ask, at any time; each call is a statement or two."""

from typing import TYPE_CHECKING

from core.resource import Resource
from core.sync import requesting
from core.sync.firm_schedule import is_awake_sql
from core.sync.pace import COMPARE_JITTER, FAILED, POLL_JITTER, jittered_sql, told_sql

if TYPE_CHECKING:
    from core.services import Services

LOOK_S = 300.0
"""The longest time between two looks at when a resource is due: so late it tells that a webhook delivers no longer."""

MOST_LOOKED_AT = 5000
"""Resources looked at by one statement; the rest has its turn at the next, those that have waited longest first."""

_LOOK = f"""
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::float8[], $3::float8[]) AS declared (resource, poll_s, uncovered_s)
), awake AS MATERIALIZED (
    SELECT id FROM firm WHERE {is_awake_sql("firm")}
), known AS MATERIALIZED (
    SELECT seen.id, seen.firm, seen.resource, seen.pace FROM sync_cursor AS seen
    WHERE look_at <= now() AND resource = ANY ($1) AND firm IN (SELECT id FROM awake) AND NOT EXISTS (
        SELECT FROM sync_run AS active WHERE active.firm = seen.firm AND active.resource = seen.resource
            AND active.state IN ('queued', 'running', 'throttled')
    )
    ORDER BY look_at LIMIT {MOST_LOOKED_AT} FOR UPDATE SKIP LOCKED
), unread AS (
    SELECT NULL::bigint, awake.id, wanted.resource, 1::float8 FROM awake CROSS JOIN wanted
    WHERE NOT EXISTS (SELECT FROM sync_cursor WHERE firm = awake.id AND resource = wanted.resource)
      AND NOT EXISTS (
        SELECT FROM sync_run AS active WHERE active.firm = awake.id AND active.resource = wanted.resource
            AND active.state IN ('queued', 'running', 'throttled')
    )
    LIMIT {MOST_LOOKED_AT}
), weighed AS (
    SELECT looked.id, looked.firm, looked.resource, latest.finished_at, latest.id AS seed,
        CASE WHEN told IN ('delivering', 'unproven') THEN poll_s ELSE uncovered_s END * CASE
            WHEN latest.state IN ('failed', 'partial') THEN {FAILED}
            WHEN told = 'delivering' THEN greatest(1, pace)
            WHEN told = 'unproven' THEN least(1, pace)
            ELSE pace END AS interval_s,
        CASE WHEN latest.state IN ('failed', 'partial') THEN 'failed'
            WHEN told = 'delivering' THEN 'covered'
            WHEN pace < 1 THEN 'busy'
            WHEN pace > 1 AND told IS DISTINCT FROM 'unproven' THEN 'idle'
            ELSE 'steady' END AS reason
    FROM (SELECT * FROM known UNION ALL SELECT * FROM unread) AS looked
    JOIN wanted USING (resource)
    CROSS JOIN LATERAL (SELECT {told_sql("looked.firm", "looked.resource")} AS told OFFSET 0) AS webhook
    LEFT JOIN LATERAL (
        SELECT id, state, finished_at FROM sync_run AS run
        WHERE run.firm = looked.firm AND run.resource = looked.resource AND run.kind <> 'reconcile'
        ORDER BY id DESC LIMIT 1
    ) AS latest ON true
), judged AS MATERIALIZED (
    SELECT *, coalesce(finished_at + {jittered_sql("interval_s", seed="seed", jitter=POLL_JITTER)}, now()) AS due_at
    FROM weighed
), noted AS (
    UPDATE sync_cursor SET interval_s = judged.interval_s, next_at = judged.due_at, reason = judged.reason,
        look_at = least(judged.due_at, now() + make_interval(secs => {LOOK_S}))
    FROM judged WHERE sync_cursor.id = judged.id
)
SELECT firm, resource FROM judged WHERE due_at <= now()
ORDER BY due_at, firm, array_position($1, resource)"""


async def request_due_polls(services: "Services") -> int:
    """Ask for an incremental run of every resource whose last run is longer ago than its interval; return how many.

    The interval is `poll_s`, or `poll_uncovered_s` for firms to which the resource's webhook delivers nothing, times
    its pace (`core.sync.pace`), less up to 15 % by chance. Reconcile runs do not count, and none is asked for beside
    one. A resource whose latest run failed or ended short waits ten intervals; a firm that rests or is not connected is
    left alone. Two statements, however many firms and resources there are.
    """
    resources, factor = services.registry.resources, services.settings.poll_factor
    rows = await services.database.pool.fetch(
        _LOOK,
        [each.name for each in resources],
        [each.poll_s * factor for each in resources],
        [_uncovered_s(each) * factor for each in resources],
    )
    return (
        len(await requesting.request_polls(services, [(row["firm"], row["resource"]) for row in rows])) if rows else 0
    )


def _uncovered_s(resource: Resource) -> float:
    return resource.poll_s if resource.webhook is None else min(resource.poll_s, resource.poll_uncovered_s)


_SEED = "coalesce(latest.id, hashtextextended(known.firm || known.resource, 0))"

_COMPARABLE = f"""
SELECT DISTINCT ON (known.firm) known.firm, known.resource
FROM unnest($1::text[], $2::float8[]) WITH ORDINALITY AS declared (resource, reconcile_s, place)
JOIN sync_cursor AS known USING (resource)
JOIN firm ON firm.id = known.firm AND {is_awake_sql("firm")}
LEFT JOIN LATERAL (
    SELECT id, finished_at FROM sync_run AS run
    WHERE run.firm = known.firm AND run.resource = known.resource AND run.kind = 'reconcile' ORDER BY id DESC LIMIT 1
) AS latest ON true
WHERE coalesce(latest.finished_at, known.backfilled_at)
      < now() - {jittered_sql("reconcile_s", seed=_SEED, jitter=COMPARE_JITTER)}
  AND NOT EXISTS (
      SELECT FROM sync_run AS active
      WHERE active.firm = known.firm AND active.state IN ('queued', 'running', 'throttled')
        AND (active.resource = known.resource OR active.kind = 'reconcile')
  )
ORDER BY known.firm, declared.place"""


async def request_due_reconciliations(services: "Services") -> int:
    """Ask for a reconcile run of every resource that was last compared longer ago than its interval; return how many.

    Without one, the interval begins with the backfill. It is `reconcile_s` less up to a quarter by chance, so that what
    was once due together is soon spread over the day. A firm compares one resource after the other, so that its other
    runs find a worker; one that rests or is not connected is left alone. Two statements.
    """
    resources = [each for each in services.registry.resources if each.has_list]
    rows = await services.database.pool.fetch(
        _COMPARABLE, [each.name for each in resources], [each.reconcile_s for each in resources]
    )
    return (
        len(await requesting.request_comparisons(services, [(row["firm"], row["resource"]) for row in rows]))
        if rows
        else 0
    )
