"""What is due: runs nobody works on, and resources to look at again. Any worker may run it, at any time."""

from typing import TYPE_CHECKING

from core.logging import get_logger
from core.sync import runs
from core.webhooks.coverage import coverage_sql

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)


async def wake_due_runs(services: "Services") -> int:
    """Wake a worker for every run that is due: queued, or held by a worker that went silent; return how many."""
    rows = await services.database.pool.fetch(
        """SELECT id, attempt FROM sync_run
           WHERE not_before_at <= now()
             AND (state = 'queued' OR (state = 'running' AND lease_until < now()))
           ORDER BY id LIMIT 1000"""
    )
    for row in rows:
        await services.queue.wake_sync(row["id"], attempt=row["attempt"])
    return len(rows)


async def finish_cancelled(services: "Services") -> None:
    """End the runs whose cancelling their worker did not live to see."""
    await services.database.pool.execute(
        """UPDATE sync_run SET state = 'cancelled', finished_at = now(), lease_owner = NULL, lease_until = NULL
           WHERE state = 'running' AND cancel_requested AND lease_until < now()"""
    )


_DUE = f"""
SELECT firm.id FROM firm
LEFT JOIN LATERAL (
    SELECT state, finished_at, finished_at + make_interval(
        secs => CASE state WHEN 'failed' THEN 10 ELSE 1 END * $2) AS due_at, finished_at + make_interval(
        secs => CASE state WHEN 'failed' THEN 10 ELSE 1 END * $3) AS due_uncovered_at
    FROM sync_run WHERE firm = firm.id AND resource = $1 ORDER BY id DESC LIMIT 1
) AS latest ON true
WHERE firm.state = 'connected'
  AND (latest.state IS NULL OR latest.due_at < now() OR (latest.due_uncovered_at < now() AND NOT EXISTS (
      SELECT FROM (
          SELECT * FROM webhook_endpoint WHERE firm = firm.id AND resource = $1 AND state <> 'retired'
          ORDER BY id DESC LIMIT 1
      ) AS endpoint
      WHERE {coverage_sql("endpoint")} IN ('delivering', 'unproven')
  )))"""


async def request_due_polls(services: "Services") -> int:
    """Ask for an incremental run of every resource whose last run is longer ago than its polling interval.

    The interval is `poll_uncovered_s` for firms to which the resource's webhook delivers nothing, though it might. A
    resource whose latest run failed waits ten intervals; a firm that is not connected is left alone.
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
