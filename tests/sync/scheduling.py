"""Firms and runs as rows, for tests of who is scheduled: nothing here asks Clio."""

import datetime
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from core.services import Services
from core.sync import runs
from core.sync.runs import Run


async def add_firms(services: Services, count: int) -> list[int]:
    """Add connected firms without a grant; return their numbers."""
    rows = await services.database.pool.fetch(
        """INSERT INTO firm (region, clio_account_id, name)
           SELECT 'us', 1000 + place, '' FROM generate_series(1, $1) AS place RETURNING id""",
        count,
    )
    return [row["id"] for row in rows]


async def queue(services: Services, firm: int, resources: Iterable[str], *, kind: str = "incremental") -> list[int]:
    """Queue a run of each resource; return their ids."""
    rows = await services.database.pool.fetch(
        """INSERT INTO sync_run (firm, resource, kind, since_at)
           SELECT $1, resource, $3, now() FROM unnest($2::text[]) AS resource RETURNING id""",
        firm,
        list(resources),
        kind,
    )
    return [row["id"] for row in rows]


async def take(
    services: Services, *, most: int, most_bulk: int | None = None, firm_most: int = 2, owner: str = "test"
) -> list[Run]:
    return await runs.take_due(
        services.database,
        owner=owner,
        lease_s=60,
        firm_most=firm_most,
        most=most,
        most_bulk=most if most_bulk is None else most_bulk,
    )


async def finish(services: Services, taken: Sequence[Run]) -> None:
    await services.database.pool.execute(
        "UPDATE sync_run SET state = 'succeeded', finished_at = now() WHERE id = ANY ($1::bigint[])",
        [run.id for run in taken],
    )


async def clear(services: Services) -> None:
    await services.database.pool.execute("TRUNCATE firm, sync_run, sync_cursor")


async def read_before(
    services: Services, firm: int, resource: str, *, ended_s: float = 0, pace: float = 1.0, state: str = "succeeded"
) -> None:
    """Let a resource of a firm have been read in full long ago, and polled so many seconds ago."""
    await services.database.pool.execute(
        """INSERT INTO sync_cursor (firm, resource, high_water_at, backfilled_at, fields, pace)
           VALUES ($1, $2, now(), now(), 'id', $3)
           ON CONFLICT (firm, resource) DO UPDATE SET pace = EXCLUDED.pace, look_at = now()""",
        firm,
        resource,
        pace,
    )
    await services.database.pool.execute(
        """INSERT INTO sync_run (firm, resource, kind, state, finished_at)
           VALUES ($1, $2, 'incremental', $4, now() - make_interval(secs => $3))""",
        firm,
        resource,
        ended_s,
        state,
    )


async def cursor(services: Services, firm: int, resource: str) -> asyncpg.Record:
    row = await services.database.pool.fetchrow(
        """SELECT *, extract(epoch FROM next_at - now())::float8 AS left_s FROM sync_cursor
           WHERE firm = $1 AND resource = $2""",
        firm,
        resource,
    )
    assert row is not None
    return row


async def queued(services: Services) -> list[tuple[int, str, str]]:
    rows = await services.database.pool.fetch(
        "SELECT firm, resource, kind FROM sync_run WHERE state = 'queued' ORDER BY id"
    )
    return [(row["firm"], row["resource"], row["kind"]) for row in rows]


async def set_firm(services: Services, firm: int, **values: Any) -> None:
    """Write columns of a firm; an interval stands for an instant so far from now."""
    for name, value in values.items():
        at = "now() + $2::interval" if isinstance(value, datetime.timedelta) else "$2"
        await services.database.pool.execute(f"UPDATE firm SET {name} = {at} WHERE id = $1", firm, value)


names = itertools.count()
"""Numbers for names of resources, since a firm has one run of a resource at a time."""


def resources(count: int) -> list[str]:
    return [f"resource{next(names)}" for _ in range(count)]
