"""Replay: rows of the raw log opened again, as they stand; and what that would change, shown without writing."""

import datetime
from typing import Any

import pytest

from core.errors import BadInput, NotFound
from core.webhooks import replay as replay_module
from core.webhooks.processing import process_deliveries
from core.webhooks.replay import Matched, ReplayFilter, ReplayTooLarge, replay, resources_of
from core.webhooks.replay_preview import FieldDifference, preview
from tests.webhooks.webhook_scene import Scene, contact_event, hint


async def _everything(scene: Scene) -> dict[str, list[Any]]:
    """All that a dry run could have written."""
    pool = scene.services.database.pool
    tables = ("contacts_contact", "change", "webhook_delivery")
    return {table: [dict(row) for row in await pool.fetch(f"SELECT * FROM {table} ORDER BY id")] for table in tables}


async def test_a_dead_letter_is_opened_again_as_the_same_row_and_applied(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.post(endpoint, contact_event("updated", 11, title="Partner"))
    await scene.services.database.pool.execute(
        "UPDATE webhook_delivery SET status = 'dead', attempts = 12, error_code = 'INTERNAL', processed_at = now()"
    )
    done = await replay(scene.services, ReplayFilter(firms=[firm], statuses=["dead"]))
    assert (done.matched, done.reopened) == ([Matched(status="dead", model="contact", count=1)], 1)
    [opened] = await scene.deliveries()
    assert (opened["status"], opened["attempts"], opened["error_code"], opened["processed_at"], opened["replays"]) == (
        "received",
        0,
        None,
        None,
        1,
    )
    assert opened["replayed_at"] is not None
    assert await process_deliveries(scene.services) == 1
    [row] = await scene.deliveries()
    assert (row["status"], row["outcome"], row["receipts"]) == ("processed", "created", 1)


async def test_a_replay_is_never_taken_for_a_repetition(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.settle(endpoint, contact_event("updated", 11, title="Partner"))
    await scene.services.database.pool.execute("DELETE FROM contacts_contact")
    for _ in range(2):
        assert (await replay(scene.services, ReplayFilter(firms=[firm]))).reopened == 1
        assert await process_deliveries(scene.services) == 1
    [row] = await scene.deliveries()
    assert (row["receipts"], row["replays"]) == (1, 2)
    contact = await scene.contact(11)
    assert contact is not None
    assert contact["title"] == "Partner"


async def test_replaying_the_whole_log_brings_nothing_older_back(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for second, title in enumerate(("Clerk", "Counsel", "Partner")):
        await scene.settle(endpoint, contact_event("updated", 11, second=second, title=title))
    await scene.settle(endpoint, contact_event("created", 12))
    await scene.settle(endpoint, hint("deleted", 12))
    before = (await _everything(scene))["change"]
    assert (await replay(scene.services, ReplayFilter(firms=[firm]))).reopened == 5
    assert await process_deliveries(scene.services) == 5
    contact, deleted = await scene.contact(11), await scene.contact(12)
    assert contact is not None
    assert deleted is not None
    assert (contact["title"], deleted["presence"]) == ("Partner", "deleted")
    assert (await _everything(scene))["change"] == before


@pytest.mark.parametrize(
    ("condition", "records"),
    [
        ({"statuses": ["dead"]}, {3}),
        ({"models": ["contact"], "events": ["deleted"]}, {2}),
        ({"record_clio_ids": [1, 3]}, {1, 3}),
        ({"error_codes": ["INTERNAL"]}, {3}),
        ({"resources": ["matter"]}, {4}),
        ({"models": ["matter"], "statuses": ["dead"]}, set()),
        ({"received_from": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)}, {2, 3, 4}),
        ({"received_before": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)}, {1}),
    ],
)
async def test_a_filter_opens_what_it_names_and_no_other(
    scene: Scene, firm: int, condition: dict[str, Any], records: set[int]
) -> None:
    endpoint, matters = await scene.endpoint(firm), await scene.endpoint(firm, resource="matter")
    other = await scene.endpoint(firm + 1)
    for number, event in ((1, "updated"), (2, "deleted"), (3, "updated")):
        await scene.post(endpoint, hint(event, number))
    await scene.post(matters, hint("updated", 4))
    await scene.post(other, hint("updated", 1))
    await scene.services.database.pool.execute(
        """UPDATE webhook_delivery SET status = CASE record_clio_id WHEN 3 THEN 'dead' ELSE 'processed' END,
           error_code = CASE record_clio_id WHEN 3 THEN 'INTERNAL' END,
           received_at = '2026-01-01Z'::timestamptz + make_interval(days => record_clio_id::int - 1)"""
    )
    assert (await replay(scene.services, ReplayFilter(firms=[firm], **condition))).reopened == len(records)
    opened = {(row["firm"], row["record_clio_id"]) for row in await scene.deliveries() if row["replays"]}
    assert opened == {(firm, record) for record in records}


async def test_what_is_on_its_way_is_not_replayed(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.post(endpoint, hint("updated", 1))
    assert (await replay(scene.services, ReplayFilter(firms=[firm]))).reopened == 0
    with pytest.raises(BadInput, match="cannot be replayed that are received"):
        await replay(scene.services, ReplayFilter(firms=[firm], statuses=["received"]))
    moment = datetime.datetime.now(datetime.UTC)
    with pytest.raises(BadInput, match="time range is empty"):
        await replay(scene.services, ReplayFilter(firms=[firm], received_from=moment, received_before=moment))


async def test_too_many_at_once_are_refused_and_none_is_opened(
    scene: Scene, firm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "REPLAY_MAX", 2)
    endpoint = await scene.endpoint(firm)
    for number in (1, 2, 3):
        await scene.settle(endpoint, contact_event("updated", number))
    with pytest.raises(ReplayTooLarge):
        await replay(scene.services, ReplayFilter(firms=[firm]))
    assert {row["status"] for row in await scene.deliveries()} == {"processed"}


async def test_many_are_opened_in_batches_that_fall_due_in_turn(
    scene: Scene, firm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "REOPEN_BATCH", 2)
    endpoint = await scene.endpoint(firm)
    for number in range(1, 6):
        await scene.settle(endpoint, contact_event("updated", number))
    assert (await replay(scene.services, ReplayFilter(firms=[firm]))).reopened == 5
    rows = await scene.deliveries()
    due = [row["not_before_at"] - row["replayed_at"] for row in rows]
    assert [round(each.total_seconds(), 1) for each in due] == [0.0, 0.0, 0.5, 0.5, 1.0]


async def test_a_row_that_somebody_holds_is_left_alone(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for number in (1, 2):
        await scene.settle(endpoint, contact_event("updated", number))
    async with scene.services.database.transaction() as connection:
        await connection.execute("SELECT FROM webhook_delivery WHERE record_clio_id = 1 FOR UPDATE")
        done = await replay(scene.services, ReplayFilter(firms=[firm]))
    assert (sum(each.count for each in done.matched), done.reopened) == (2, 1)


async def test_a_dry_run_shows_the_difference_and_changes_nothing(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for number in (11, 12, 13, 14):
        await scene.settle(endpoint, contact_event("updated", number, title="Clerk"))
    await scene.post(endpoint, contact_event("updated", 11, second=5, title="Partner"))
    await scene.post(endpoint, contact_event("updated", 12, title="as new, and different"))
    await scene.post(endpoint, hint("deleted", 13))
    await scene.post(endpoint, hint("updated", 15))
    await scene.post(endpoint, contact_event("created", 16, title="Counsel"))
    await scene.post(endpoint, b"{}")
    await scene.services.database.pool.execute(
        "UPDATE webhook_delivery SET status = 'dead', processed_at = now() WHERE status = 'received'"
    )
    await scene.clio.call("DELETE", "journal")
    before = await _everything(scene)
    shown = await preview(scene.services, ReplayFilter(firms=[firm], statuses=["dead"]))
    assert await _everything(scene) == before
    assert await scene.clio.requests() == []
    assert shown.complete
    assert shown.matched == [Matched(status="dead", model="contact", count=6)]
    assert [(each.clio_id, each.effect, each.deliveries, each.reason) for each in shown.records] == [
        (11, "updated", 1, None),
        (12, "needs_fetch", 1, None),
        (13, "deleted", 1, None),
        (15, "needs_fetch", 1, None),
        (16, "created", 1, None),
        (None, "dead", 1, "DELIVERY_MALFORMED"),
    ]
    assert FieldDifference(name="title", before="Clerk", after="Partner") in shown.records[0].fields
    assert shown.records[2].fields == [FieldDifference(name="presence", before="present", after="deleted")]
    assert FieldDifference(name="title", before=None, after="Counsel") in shown.records[4].fields
    whole = await preview(scene.services, ReplayFilter(firms=[firm]), first=1)
    assert (len(whole.records), whole.complete) == (1, False)


async def test_a_dry_run_says_what_the_replay_then_does(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for number in (11, 12):
        await scene.settle(endpoint, contact_event("updated", number, title="Clerk"))
    await scene.services.database.pool.execute("DELETE FROM contacts_contact WHERE clio_id = 12")
    wanted = ReplayFilter(firms=[firm])
    assert [each.effect for each in (await preview(scene.services, wanted)).records] == ["unchanged", "created"]
    await replay(scene.services, wanted)
    await process_deliveries(scene.services)
    assert [row["outcome"] for row in await scene.deliveries()] == ["unchanged", "created"]


async def test_a_record_that_cannot_be_written_hides_no_other(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.post(endpoint, contact_event("updated", 11))
    await scene.post(endpoint, contact_event("updated", 12, company={"id": 2**70}))
    await scene.services.database.pool.execute("UPDATE webhook_delivery SET status = 'dead'")
    shown = await preview(scene.services, ReplayFilter(firms=[firm]))
    assert [(each.clio_id, each.effect, each.reason) for each in shown.records] == [
        (11, "created", None),
        (12, "fails", "INTERNAL"),
    ]


async def test_a_plugin_names_its_resources(scene: Scene) -> None:
    assert "contact" in resources_of(scene.services.registry, "contacts")
    with pytest.raises(NotFound, match="there are: "):
        resources_of(scene.services.registry, "dragons")
