"""What a worker does besides runs and deliveries, seen from outside: each of its turns reaches what it is there for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.history import sealing
from core.jobs.worker import WorkerProcess
from core.services import Services
from core.testing.driving import until


@pytest.fixture
async def waiting(services: Services, firm: int) -> Services:
    """A service in which something waits for every turn."""
    pool = services.database.pool
    await pool.execute(
        """INSERT INTO change (firm, resource, clio_id, operation, seen_at, recorded_at, source, after)
        VALUES ($1, 'contact', 2, 'created', now(), now() - interval '90 days', 'backfill', '{}')""",
        firm,
    )
    await sealing.seal_all(services)
    services.settings = services.settings.model_copy(update={"history_keep_days": 30})
    await pool.execute(
        """INSERT INTO tombstone (firm, resource, clio_id, seen_at, evidence, source)
        VALUES ($1, 'contact', 1, now() - interval '2 days', '{}', 'webhook')""",
        firm,
    )
    await pool.execute(
        """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, after)
        VALUES ($1, 'contact', 1, 'created', now(), 'backfill', '{}')""",
        firm,
    )
    await pool.execute(
        """INSERT INTO reconciliation_report (run, firm, resource, held, decision)
        VALUES (4711, $1, 'contact', 1, 'approved')""",
        firm,
    )
    await pool.execute(
        """INSERT INTO sync_run (firm, resource, kind, state, finished_at)
        SELECT $1, 'contact', 'incremental', 'succeeded', now() - make_interval(days => days)
        FROM unnest(ARRAY[31, 0]) AS days""",
        firm,
    )
    await pool.execute(f"DROP TABLE {await last_partition(services)}")
    return services


async def last_partition(services: Services) -> str:
    return str(
        await services.database.pool.fetchval(
            "SELECT to_char(now() AT TIME ZONE 'UTC' + interval '3 months', '\"change_\"YYYY_MM')"
        )
    )


@pytest.fixture
async def at_work(waiting: Services) -> AsyncIterator[Services]:
    stop = asyncio.Event()
    working = asyncio.create_task(WorkerProcess(waiting).run(stop))
    yield waiting
    stop.set()
    await working


@pytest.mark.parametrize(
    "done",
    [
        "NOT EXISTS (SELECT FROM tombstone)",
        "EXISTS (SELECT FROM history_seal WHERE kind = 'changes' AND recorded_until_at > now() - interval '30 days')",
        "EXISTS (SELECT FROM history_seal WHERE kind = 'purge')",
        "NOT EXISTS (SELECT FROM sync_run WHERE finished_at < now() - interval '30 days')",
        "EXISTS (SELECT FROM sync_run WHERE approves = 4711 AND by_hand)",
        "to_regclass(to_char(now() AT TIME ZONE 'UTC' + interval '3 months', '\"change_\"YYYY_MM')) IS NOT NULL",
    ],
    ids=[
        "forgets tombstones",
        "seals history",
        "purges history",
        "deletes old polls",
        "asks for what was approved",
        "makes partitions ahead",
    ],
)
async def test_a_worker_sees_to(at_work: Services, done: str) -> None:
    async def is_done() -> bool:
        return bool(await at_work.database.pool.fetchval(f"SELECT {done}"))

    await until(is_done, timeout_s=45)
