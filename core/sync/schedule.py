"""What is due: runs nobody works on, and resources to look at again. Any worker may run it, at any time."""

from typing import TYPE_CHECKING

from core.logging import get_logger
from core.sync import runs
from core.webhooks.coverage import coverage_sql

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)


async def wake_due_runs(services: "Services") -> int:
    """Wake a worker for every run that is due: waiting, or held by a worker that went silent; return how many."""
    rows = await services.database.pool.fetch(
        """SELECT id, attempt FROM sync_run
           WHERE not_before_at <= now()
             AND (state IN ('queued', 'throttled') OR (state = 'running' AND lease_until < now()))
           ORDER BY id LIMIT 1000"""
    )
    for row in rows:
        await services.queue.wake_sync(row["id"], attempt=row["attempt"])
    return len(rows)


_DUE = f"""
SELECT firm.id FROM firm
LEFT JOIN LATERAL (
    SELECT state, finished_at, CASE state WHEN 'failed' THEN 10 ELSE 1 END AS intervals
    FROM sync_run
    WHERE firm = firm.id AND resource = $1 AND kind <> 'reconcile' ORDER BY id DESC LIMIT 1
) AS latest ON true
WHERE firm.state = 'connected'
  AND NOT EXISTS (
      SELECT FROM sync_run WHERE firm = firm.id AND resource = $1 AND state IN ('queued', 'running', 'throttled')
  )
  AND (latest.state IS NULL
       OR latest.finished_at < now() - make_interval(secs => $2 * latest.intervals)
       OR (latest.finished_at < now() - make_interval(secs => $3 * latest.intervals) AND NOT EXISTS (
           SELECT FROM webhook_endpoint AS endpoint
           WHERE endpoint.firm = firm.id AND endpoint.resource = $1 AND endpoint.state = 'enabled'
             AND {coverage_sql("endpoint")} IN ('delivering', 'unproven')
       )))"""


async def request_due_polls(services: "Services") -> int:
    """Ask for an incremental run of every resource whose last run is longer ago than its polling interval.

    The interval is `poll_uncovered_s` for firms to which the resource's webhook delivers nothing. Reconcile runs do not
    count, and none is asked for beside one. A resource whose latest run failed waits ten intervals; a firm that is not
    connected is left alone.
    """
    asked = 0
    for resource in services.registry.resources:
        uncovered_s = resource.poll_s if resource.webhook is None else min(resource.poll_s, resource.poll_uncovered_s)
        rows = await services.database.pool.fetch(
            _DUE,
            resource.name,
            resource.poll_s * services.settings.poll_factor,
            uncovered_s * services.settings.poll_factor,
        )
        firms = [row["id"] for row in rows]
        if firms:
            asked += len(await runs.request_runs(services, firms=firms, resource=resource.name, full=False))
    return asked


async def request_due_reconciliations(services: "Services") -> int:
    """Ask for a reconcile run of every resource that was last compared longer ago than its interval; return how many.

    Without one, the interval begins with the backfill. A firm compares one resource after the other, so that its other
    runs find a worker.
    """
    asked = 0
    for resource in services.registry.resources:
        if not resource.has_list:
            continue
        rows = await services.database.pool.fetch(
            """SELECT firm.id FROM firm
               JOIN sync_cursor ON sync_cursor.firm = firm.id AND sync_cursor.resource = $1
               LEFT JOIN LATERAL (
                   SELECT finished_at FROM sync_run
                   WHERE firm = firm.id AND resource = $1 AND kind = 'reconcile' ORDER BY id DESC LIMIT 1
               ) AS latest ON true
               WHERE firm.state = 'connected'
                 AND coalesce(latest.finished_at, sync_cursor.backfilled_at) < now() - make_interval(secs => $2)
                 AND NOT EXISTS (
                     SELECT FROM sync_run
                     WHERE firm = firm.id AND state IN ('queued', 'running', 'throttled')
                       AND (resource = $1 OR kind = 'reconcile')
                 )""",
            resource.name,
            resource.reconcile_s,
        )
        firms = [row["id"] for row in rows]
        if firms:
            asked += len(await runs.request_reconciliations(services, firms=firms, resource=resource.name))
    return asked
