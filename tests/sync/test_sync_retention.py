"""Runs do not pile up: polls that succeeded go after their days, and nothing that anything rests on does."""

from typing import Any

import pytest

from core.history import holds
from core.services import Services
from core.sync.retention import delete_polls
from tests.sync.scheduling import add_firms


@pytest.fixture
async def firms(services: Services) -> list[int]:
    """Two firms, each with a contact poll of now, whose polls are kept for ten days."""
    services.settings = services.settings.model_copy(update={"sync_run_keep_days": 10})
    found = await add_firms(services, 2)
    for firm in found:
        await run(services, firm, days=0)
    return found


async def run(services: Services, firm: int, *, days: int, **values: Any) -> int:
    """Insert a run that ended so many days ago, before the others; return its id."""
    row = {"firm": firm, "resource": "contact", "kind": "incremental", "state": "succeeded", **values}
    places = ", ".join(f"${number}" for number in range(2, len(row) + 2))
    found: int = await services.database.pool.fetchval(
        f"""INSERT INTO sync_run (id, finished_at, {", ".join(row)})
            SELECT (SELECT coalesce(min(id), 1000) - 1 FROM sync_run), now() - make_interval(days => $1), {places}
            RETURNING id""",
        days,
        *row.values(),
    )
    return found


async def left(services: Services) -> set[int]:
    rows = await services.database.pool.fetch("SELECT id FROM sync_run WHERE finished_at < now() - interval '1 day'")
    return {row["id"] for row in rows}


async def test_polls_that_succeeded_go_after_their_days_and_other_runs_stay(
    services: Services, firms: list[int]
) -> None:
    one, two = firms
    await run(services, one, days=11)
    await run(services, two, days=4000, records_created=3)
    kept = {await run(services, one, days=9)}
    kept |= {await run(services, one, days=4000, state=state) for state in ("failed", "partial", "cancelled")}
    kept |= {await run(services, one, days=4000, kind=kind) for kind in ("backfill", "reconcile")}
    assert await delete_polls(services) == 2
    assert await left(services) == kept
    assert await delete_polls(services) == 0


async def test_the_latest_of_a_resource_stays_for_the_next_is_due_by_it(services: Services, firms: list[int]) -> None:
    await run(services, firms[0], days=30, resource="user")
    latest = await run(services, firms[0], days=20, resource="matter")
    await services.database.pool.execute("UPDATE sync_run SET id = 2000 WHERE id = $1", latest)
    await run(services, firms[0], days=30, resource="matter")
    compared = await run(services, firms[0], days=1, resource="matter", kind="reconcile")
    await services.database.pool.execute("UPDATE sync_run SET id = 3000 WHERE id = $1", compared)
    assert await delete_polls(services) == 1
    rows = await services.database.pool.fetch(
        "SELECT resource FROM sync_run WHERE finished_at < now() - interval '9 days'"
    )
    assert sorted(row["resource"] for row in rows) == ["matter", "user"]


async def test_what_coverage_rests_on_stays(services: Services, firms: list[int]) -> None:
    reads, covers, other = [await run(services, firms[0], days=20) for _ in range(3)]
    pool = services.database.pool
    await pool.execute(
        """INSERT INTO coverage_interval (firm, resource, basis, from_at, until_at, run)
           VALUES ($1, 'contact', 'poll', now() - interval '30 days', now() - interval '20 days', $2)""",
        *(firms[0], covers),
    )
    await pool.execute(
        """INSERT INTO coverage_hole (firm, resource, from_at, until_at, reason, found_at, run)
           VALUES ($1, 'contact', now() - interval '40 days', now() - interval '30 days', 'SILENT', now(), $2)""",
        *(firms[0], reads),
    )
    assert await delete_polls(services) == 1
    assert await left(services) == {reads, covers}
    assert other not in await left(services)


async def test_a_firm_under_a_legal_hold_keeps_every_run(services: Services, firms: list[int]) -> None:
    held, _ = await run(services, firms[0], days=20), await run(services, firms[1], days=20)
    await holds.place_hold(services, firms[0], reason="for the test", by="the test")
    assert await delete_polls(services) == 1
    assert await left(services) == {held}


async def test_a_turn_deletes_no_more_than_it_may_and_no_days_keep_for_ever(
    services: Services, firms: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await run(services, firms[0], days=20)
    kept = services.settings
    services.settings = kept.model_copy(update={"sync_run_keep_days": 0})
    assert await delete_polls(services) == 0
    services.settings = kept
    monkeypatch.setattr("core.sync.retention.BATCH", 2)
    assert await delete_polls(services, turn_max=3) == 4
    assert await delete_polls(services) == 1
