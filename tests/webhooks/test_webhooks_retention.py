"""Clean-up of the raw log: by outcome, in small steps, around whoever works on it."""

import pytest

from core.services import Services
from core.webhooks import retention
from core.webhooks.retention import delete_settled
from tests.webhooks.webhook_scene import Scene, contact_event


@pytest.fixture
def short(services: Services) -> None:
    """Keep processed deliveries for ten days and dead ones for thirty."""
    kept = {"webhook_keep_processed_days": 10, "webhook_keep_dead_days": 30}
    services.settings = services.settings.model_copy(update=kept)


async def _aged(scene: Scene, firm: int, rows: list[tuple[str, int]]) -> None:
    """Make deliveries of a status and so many days of age each, and one of now."""
    endpoint = await scene.endpoint(firm)
    for number, (status, days) in enumerate(rows, start=1):
        await scene.post(endpoint, contact_event("updated", number))
        await scene.services.database.pool.execute(
            """UPDATE webhook_delivery SET status = $2::text, received_at = now() - make_interval(days => $3),
               processed_at = CASE WHEN $2::text IN ('processed', 'dead') THEN now() - make_interval(days => $3) END
               WHERE record_clio_id = $1""",
            number,
            status,
            days,
        )
    await scene.settle(endpoint, contact_event("updated", 99))


async def _left(scene: Scene) -> set[int]:
    return {row["record_clio_id"] for row in await scene.deliveries()}


@pytest.mark.usefixtures("short")
async def test_each_outcome_has_its_days_and_what_is_not_settled_stays(scene: Scene, firm: int) -> None:
    await _aged(
        scene,
        firm,
        [("processed", 11), ("processed", 9), ("dead", 31), ("dead", 29), ("received", 400), ("failed", 400)],
    )
    assert await delete_settled(scene.services) == 2
    assert await _left(scene) == {2, 4, 5, 6, 99}
    assert await delete_settled(scene.services) == 0


async def test_nothing_younger_than_two_days_goes_and_no_days_keep_for_ever(scene: Scene, firm: int) -> None:
    services = scene.services
    await _aged(scene, firm, [("processed", 3), ("processed", 1), ("dead", 4000)])
    kept = {"webhook_keep_processed_days": 1, "webhook_keep_dead_days": 0}
    services.settings = services.settings.model_copy(update=kept)
    assert await delete_settled(services) == 1
    assert await _left(scene) == {2, 3, 99}


@pytest.mark.usefixtures("short")
async def test_the_latest_delivery_of_an_endpoint_stays_for_its_coverage(scene: Scene, firm: int) -> None:
    await _aged(scene, firm, [("processed", 50), ("processed", 40)])
    await scene.services.database.pool.execute("DELETE FROM webhook_delivery WHERE record_clio_id = 99")
    assert await delete_settled(scene.services) == 1
    assert await _left(scene) == {2}


@pytest.mark.usefixtures("short")
async def test_it_goes_step_by_step_around_what_somebody_holds(
    scene: Scene, firm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    await _aged(scene, firm, [("processed", 20 + number) for number in range(6)])
    async with scene.services.database.transaction() as connection:
        await connection.execute("SELECT FROM webhook_delivery WHERE record_clio_id = 3 FOR UPDATE")
        assert await delete_settled(scene.services) == 5
    assert await _left(scene) == {3, 99}
    assert await delete_settled(scene.services, turn_max=0) == 0
    assert await delete_settled(scene.services) == 1
