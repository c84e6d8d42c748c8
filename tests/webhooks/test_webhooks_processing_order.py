"""Whose delivery is next, and what goes with it: firms in turn, records whole, fetches apart."""

import datetime

from core.errors import ClioForbidden, ClioRateLimited, ClioUnavailable
from core.webhooks import claims
from core.webhooks.failures import ATTEMPTS_MAX, DELAY_MAX_S, GRANT_DELAY_MAX_S, judge
from core.webhooks.processing import process_deliveries
from tests.webhooks.webhook_scene import Scene, contact_event, hint


async def test_a_backlog_of_one_firm_holds_up_no_other(scene: Scene, firm: int) -> None:
    busy, quiet = await scene.endpoint(firm), await scene.endpoint(firm + 1)
    for number in range(1, 60):
        await scene.post(busy, contact_event("updated", number))
    await scene.post(quiet, contact_event("updated", 1))
    taken = await claims.claim(scene.services.database, batch=10, lease_s=30)
    assert {each.firm for each in taken} == {firm, firm + 1}
    assert len(taken) == 10
    assert [each.record_clio_id for each in taken if each.firm == firm] == list(range(1, 10))


async def test_what_is_due_about_a_record_is_claimed_together(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for second in range(5):
        for number in (1, 2, 3):
            await scene.post(endpoint, contact_event("updated", number, second=second))
    taken = await claims.claim(scene.services.database, batch=2, lease_s=30)
    assert [each.record_clio_id for each in taken] == [1, 2] * 5
    assert [each.record_clio_id for each in await claims.claim(scene.services.database, batch=2, lease_s=30)] == [3] * 5
    assert await claims.claim(scene.services.database, batch=2, lease_s=30) == []


async def test_many_events_of_a_record_are_one_write(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for second in range(40):
        await scene.post(endpoint, contact_event("updated", 11, second=second, title=f"title {second}"))
    assert await process_deliveries(scene.services, batch=10) == 40
    assert await scene.changes(11) == ["created"]
    row = await scene.contact(11)
    assert row is not None
    assert row["title"] == "title 39"


async def test_fetches_of_a_record_are_kept_apart_and_none_is_lost(scene: Scene, firm: int) -> None:
    endpoint, services = await scene.endpoint(firm), scene.services
    services.settings = services.settings.model_copy(update={"webhook_fetch_spacing_s": 30.0})
    clio_id = await scene.create(title="first")
    await scene.settle(endpoint, hint("created", clio_id))
    await scene.edit(clio_id, title="second")
    for number in range(3):
        await scene.settle(endpoint, hint("updated", clio_id, nickname=number))
    assert await scene.fetches(clio_id) == 1
    rows = (await scene.deliveries())[1:]
    assert {(row["status"], row["attempts"]) for row in rows} == {("received", 0)}
    now = datetime.datetime.now(datetime.UTC)
    assert all(row["not_before_at"] <= now + datetime.timedelta(seconds=30) for row in rows)
    await services.redis.delete(f"webhooks:fetched:{firm}:contact:{clio_id}")
    await scene.due_now()
    assert await process_deliveries(services) == 3
    row = await scene.contact(clio_id)
    assert row is not None
    assert (row["title"], await scene.fetches(clio_id)) == ("second", 2)


async def test_a_child_whose_parent_has_not_come_is_kept_and_met_by_it(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.settle(endpoint, contact_event("created", 12, company={"id": 11, "etag": None, "name": "Moreau & Co"}))
    child = await scene.contact(12)
    assert child is not None
    assert (child["company_clio_id"], await scene.contact(11)) == (11, None)
    await scene.settle(endpoint, contact_event("created", 11, type="Company"))
    assert await scene.contact(11) is not None
    assert {row["status"] for row in await scene.deliveries()} == {"processed"}


async def test_waits_grow_by_class_of_error_and_are_capped() -> None:
    passing, person = ClioUnavailable("away"), ClioForbidden("no")
    limit = ClioRateLimited("slow", retry_after_s=40)
    for attempt in range(1, ATTEMPTS_MAX + 1):
        wanted = min(5 * 3 ** (attempt - 1), DELAY_MAX_S)
        assert wanted / 2 <= judge(passing, attempt=attempt, factor=1).delay_s <= wanted
        wanted = min(900 * 2 ** (attempt - 1), GRANT_DELAY_MAX_S)
        assert wanted / 2 <= judge(person, attempt=attempt, factor=1).delay_s <= wanted
        limited = judge(limit, attempt=attempt, factor=1)
        assert 40 <= limited.delay_s <= 45
        assert (limited.status, limited.counts) == ("failed", False)
    assert [judge(passing, attempt=each, factor=1).status for each in (ATTEMPTS_MAX - 1, ATTEMPTS_MAX)] == [
        "failed",
        "dead",
    ]
    assert len({judge(passing, attempt=5, factor=1).delay_s for _ in range(10)}) > 1
