"""Processing: coalescing, payloads against fetches, deletions, retries, dead letters, several workers."""

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.metrics.rebuild import rebuild
from core.registry import Registry
from core.services import Services
from core.webhooks import claims, processing
from core.webhooks.failures import ATTEMPTS_MAX
from core.webhooks.processing import CHANNEL, process_deliveries
from tests.webhooks.webhook_scene import NOON, Scene, contact_event, hint


async def test_the_same_delivery_ten_times_is_one_change(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for _ in range(5):
        await scene.post(endpoint, contact_event("updated", 11))
    assert await process_deliveries(scene.services) == 1
    for _ in range(5):
        await scene.post(endpoint, contact_event("updated", 11))
    assert await process_deliveries(scene.services) == 0
    [row] = await scene.deliveries()
    assert (row["receipts"], row["status"], row["outcome"]) == (10, "processed", "created")
    assert await scene.changes(11) == ["created"]


async def test_a_delivery_older_than_the_row_changes_nothing(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.settle(endpoint, contact_event("updated", 11, second=9, title="new"))
    before = await scene.contact(11)
    await scene.settle(endpoint, contact_event("updated", 11, second=3, title="old"))
    assert await scene.contact(11) == before
    assert [row["outcome"] for row in await scene.deliveries()] == ["created", "unchanged"]
    assert await scene.fetches(11) == 0


async def test_coalesced_payloads_leave_the_newest(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for second in (3, 1, 5, 2):
        await scene.post(endpoint, contact_event("updated", 11, second=second, title=f"title {second}"))
    assert await process_deliveries(scene.services) == 4
    row = await scene.contact(11)
    assert row is not None
    assert row["title"] == "title 5"
    assert await scene.changes(11) == ["created"]


async def test_records_arriving_together_are_all_written(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    for number in range(30):
        await scene.post(endpoint, contact_event("created", 100 + number))
    assert await process_deliveries(scene.services, batch=12) == 30
    assert {row["outcome"] for row in await scene.deliveries()} == {"created"}
    assert await scene.services.database.pool.fetchval("SELECT count(*) FROM contacts_contact") == 30


async def test_a_deletion_is_mirrored_and_no_late_payload_revives_it(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.settle(endpoint, contact_event("created", 11))
    await scene.settle(endpoint, hint("deleted", 11))
    await scene.settle(endpoint, contact_event("updated", 11, second=8, title="ghost"))
    row = await scene.contact(11)
    assert row is not None
    assert (row["presence"], row["title"]) == ("deleted", None)
    assert await scene.changes(11) == ["created", "deleted"]
    assert [row["outcome"] for row in await scene.deliveries()] == ["created", "deleted", "unchanged"]


async def test_a_creation_that_comes_after_its_deletion_makes_no_row(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.settle(endpoint, hint("deleted", 11))
    await scene.settle(endpoint, contact_event("created", 11))
    assert await scene.contact(11) is None
    assert {row["status"] for row in await scene.deliveries()} == {"processed"}


async def test_a_deletion_among_other_events_is_confirmed_by_one_fetch(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    alive = await scene.create(title="alive")
    for clio_id in (alive, 999_999):
        await scene.post(endpoint, contact_event("updated", clio_id))
        await scene.post(endpoint, hint("deleted", clio_id))
    await process_deliveries(scene.services)
    row = await scene.contact(alive)
    assert row is not None
    assert (row["presence"], row["title"]) == ("present", "alive")
    assert await scene.contact(999_999) is None
    assert [await scene.fetches(clio_id) for clio_id in (alive, 999_999)] == [1, 1]


async def test_many_incomplete_payloads_of_a_record_cost_one_fetch(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create(title="read from Clio")
    for number in range(20):
        await scene.post(endpoint, hint("updated", clio_id, nickname=number))
    assert await process_deliveries(scene.services) == 20
    row = await scene.contact(clio_id)
    assert row is not None
    assert row["title"] == "read from Clio"
    assert await scene.fetches(clio_id) == 1


async def test_a_payload_that_cannot_be_taken_as_data_is_fetched(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    spoiled: list[dict[str, Any]] = [
        {"updated_at": None},
        {"company": {"name": "no id"}},
        {"date_of_birth": "not a date"},
        {"is_client": [1]},
    ]
    for part in spoiled:
        clio_id = await scene.create(title="read from Clio")
        await scene.settle(endpoint, contact_event("updated", clio_id, **part))
        row = await scene.contact(clio_id)
        assert row is not None
        assert (row["title"], await scene.fetches(clio_id)) == ("read from Clio", 1)


async def test_two_payloads_of_the_same_second_are_settled_by_a_fetch(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create(title="the truth")
    for title in ("one", "other"):
        await scene.post(endpoint, contact_event("updated", clio_id, title=title))
    await process_deliveries(scene.services)
    row = await scene.contact(clio_id)
    assert row is not None
    assert (row["title"], await scene.fetches(clio_id)) == ("the truth", 1)


async def test_a_payload_as_new_as_the_row_and_different_is_settled_by_a_fetch(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create(title="first")
    await scene.settle(endpoint, hint("created", clio_id))
    stored = await scene.contact(clio_id)
    assert stored is not None
    second = int((stored["clio_updated_at"] - NOON).total_seconds())
    await scene.settle(endpoint, contact_event("updated", clio_id, second=second, title="as new"))
    row = await scene.contact(clio_id)
    assert row is not None
    assert (row["title"], await scene.fetches(clio_id)) == ("first", 2)


async def test_a_record_gone_at_clio_is_a_deletion(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create()
    await scene.settle(endpoint, hint("created", clio_id))
    await scene.delete(clio_id)
    await scene.settle(endpoint, hint("updated", clio_id))
    row = await scene.contact(clio_id)
    assert row is not None
    assert row["presence"] == "deleted"
    assert [each["outcome"] for each in await scene.deliveries()] == ["created", "deleted"]


async def test_a_fetch_that_fails_is_tried_again_and_succeeds(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create()
    await scene.clio.fail(status=503, prefix=f"/api/v4/contacts/{clio_id}", count=4)
    await scene.post(endpoint, hint("updated", clio_id))
    assert await process_deliveries(scene.services) == 0
    [failed] = await scene.deliveries()
    assert (failed["status"], failed["error_code"], failed["attempts"]) == ("failed", "CLIO_UNAVAILABLE", 1)
    assert failed["not_before_at"] > failed["received_at"]
    assert await process_deliveries(scene.services) == 0
    await scene.due_now()
    assert await process_deliveries(scene.services) == 1
    [done] = await scene.deliveries()
    assert (done["status"], done["outcome"], done["error_code"]) == ("processed", "created", None)


async def test_one_bad_record_holds_up_no_other(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    bad, good = await scene.create(), await scene.create()
    await scene.clio.fail(status=503, prefix=f"/api/v4/contacts/{bad}", count=4)
    await scene.post(endpoint, hint("updated", bad))
    await scene.post(endpoint, hint("updated", good))
    await scene.post(endpoint, contact_event("updated", 11))
    await scene.post(endpoint, contact_event("updated", 12, title="a byte", company={"id": 2**70}))
    await scene.post(endpoint, contact_event("updated", 13))
    with capture_logs() as lines:
        await process_deliveries(scene.services)
    assert "byte" not in repr(lines)
    statuses = {row["record_clio_id"]: row["status"] for row in await scene.deliveries()}
    assert statuses == {bad: "failed", good: "processed", 11: "processed", 12: "failed", 13: "processed"}
    assert not [row for row in await scene.deliveries() if "byte" in (row["error_message"] or "")]


async def test_a_limit_at_clio_defers_and_never_kills(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    ids = [await scene.create() for _ in range(3)]
    for clio_id in ids:
        await scene.post(endpoint, hint("updated", clio_id))
    await scene.services.database.pool.execute("UPDATE webhook_delivery SET attempts = $1", ATTEMPTS_MAX + 5)
    await scene.clio.fail(status=429, prefix="/api/v4/contacts", retry_after=1)
    assert await process_deliveries(scene.services) == 0
    rows = await scene.deliveries()
    assert {(row["status"], row["error_code"], row["attempts"]) for row in rows} == {
        ("failed", "CLIO_RATE_LIMITED", ATTEMPTS_MAX + 5)
    }
    assert sum([await scene.fetches(clio_id) for clio_id in ids]) == 1


async def test_after_the_last_attempt_a_delivery_is_dead(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create()
    await scene.clio.fail(status=503, prefix="/api/v4/contacts", count=4)
    await scene.post(endpoint, hint("updated", clio_id))
    await scene.services.database.pool.execute("UPDATE webhook_delivery SET attempts = $1", ATTEMPTS_MAX - 1)
    assert await process_deliveries(scene.services) == 1
    [row] = await scene.deliveries()
    assert (row["status"], row["error_code"]) == ("dead", "CLIO_UNAVAILABLE")
    await scene.due_now()
    assert await process_deliveries(scene.services) == 0


async def test_what_can_never_be_applied_is_a_dead_letter_with_its_reason(scene: Scene, firm: int) -> None:
    hopeless = [
        ("contact", b'{"data":{},"meta":{}}', "DELIVERY_MALFORMED"),
        ("contact", b'{"data":{"id":1},"meta":{"event":"merged"}}', "EVENT_UNKNOWN"),
        ("ghost", b'{"data":{"id":1},"meta":{"event":"updated"}}', "RESOURCE_NOT_LOADED"),
        ("user", b'{"data":{"id":1},"meta":{"event":"updated"}}', "RESOURCE_NOT_LOADED"),
    ]
    for resource, body, _ in hopeless:
        await scene.post(await scene.endpoint(firm, resource=resource), body)
    assert await process_deliveries(scene.services) == len(hopeless)
    rows = await scene.deliveries()
    assert {row["status"] for row in rows} == {"dead"}
    assert [(row["resource"], bytes(row["body"]), row["error_code"]) for row in rows] == hopeless


async def test_a_firm_without_a_grant_waits_long_and_others_go_on(scene: Scene, firm: int) -> None:
    endpoint, other = await scene.endpoint(firm), await scene.endpoint(firm + 1)
    await scene.post(other, hint("updated", 5))
    await scene.post(endpoint, contact_event("updated", 11))
    await process_deliveries(scene.services)
    rows = {row["firm"]: row for row in await scene.deliveries()}
    assert (rows[firm]["status"], rows[firm + 1]["status"]) == ("processed", "failed")
    waits = rows[firm + 1]["not_before_at"] - rows[firm + 1]["received_at"]
    assert waits.total_seconds() > 300


async def test_a_lapsed_lease_is_taken_over(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.post(endpoint, contact_event("updated", 11))
    await scene.services.database.pool.execute(
        """UPDATE webhook_delivery SET status = 'processing', attempts = 1, lease_until = now() - interval '1 s',
           not_before_at = now() - interval '1 s'"""
    )
    assert await process_deliveries(scene.services) == 1
    [row] = await scene.deliveries()
    assert (row["status"], row["attempts"], row["lease_until"]) == ("processed", 2, None)


async def test_a_worker_whose_lease_lapsed_settles_nothing_any_more(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.post(endpoint, contact_event("updated", 11))
    database = scene.services.database
    late = await claims.claim(database, batch=10, lease_s=0.0)
    [current] = await claims.claim(database, batch=10, lease_s=30.0)
    assert ([each.attempt for each in late], current.attempt) == ([1], 2)
    async with database.transaction() as connection:
        assert await claims.finish(connection, late, "updated") == []
    assert [row["status"] for row in await scene.deliveries()] == ["processing"]
    async with database.transaction() as connection:
        assert await claims.finish(connection, [current], "updated") == [current]


async def test_a_record_another_worker_is_at_is_left_alone(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    await scene.post(endpoint, contact_event("updated", 11))
    await scene.services.database.pool.execute(
        """UPDATE webhook_delivery SET status = 'processing', lease_until = now() + interval '1 h',
           not_before_at = now() + interval '1 h'"""
    )
    await scene.post(endpoint, contact_event("updated", 11, second=1))
    await scene.post(endpoint, contact_event("updated", 12))
    assert await process_deliveries(scene.services) == 1
    assert [row["status"] for row in await scene.deliveries()] == ["processing", "received", "processed"]


async def test_a_worker_that_is_stopped_gives_back_what_it_held(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create()
    await scene.clio.fail(delay=0.4, prefix="/api/v4/contacts")
    await scene.post(endpoint, hint("updated", clio_id))
    worker = asyncio.create_task(process_deliveries(scene.services))
    await scene.until_processing()
    worker.cancel()
    assert isinstance((await asyncio.gather(worker, return_exceptions=True))[0], asyncio.CancelledError)
    [row] = await scene.deliveries()
    assert (row["status"], row["attempts"]) == ("received", 0)


async def test_so_does_one_that_has_not_heard_yet_what_it_was_given(
    scene: Scene, firm: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it claims is committed, and the answer on its way, when it is told to stop."""
    taken = asyncio.Event()

    async def claim_slowly(*given: Any, **named: Any) -> list[claims.Claimed]:
        claimed = await claims.claim(*given, **named)
        taken.set()
        await asyncio.sleep(0.1)
        return claimed

    await scene.post(await scene.endpoint(firm), hint("updated", 1))
    monkeypatch.setattr(processing, "claim", claim_slowly)
    worker = asyncio.create_task(process_deliveries(scene.services))
    await taken.wait()
    assert [row["status"] for row in await scene.deliveries()] == ["processing"]
    worker.cancel()
    assert isinstance((await asyncio.gather(worker, return_exceptions=True))[0], asyncio.CancelledError)
    assert [(row["status"], row["attempts"]) for row in await scene.deliveries()] == [("received", 0)]


async def test_several_workers_settle_each_delivery_once(scene: Scene, firm: int, registry: Registry) -> None:
    endpoint = await scene.endpoint(firm)
    records, edits = 40, 8
    for second in range(edits):
        await asyncio.gather(
            *(
                scene.post(endpoint, contact_event("updated", 100 + number, second=second, title=f"title {second}"))
                for number in range(records)
            )
        )
    second_process = Services(scene.services.settings, registry)
    async with second_process.open(), scene.services.redis.pubsub() as listener:
        await listener.subscribe(CHANNEL)
        settled = await asyncio.gather(
            *(process_deliveries(each, batch=7) for each in (scene.services, second_process) * 2)
        )
        told = [number for message in await _published(listener) for number in message["deliveries"]]
    rows = await scene.deliveries()
    assert sum(settled) == len(rows) == records * edits
    assert sorted(told) == [row["id"] for row in rows]
    assert {(row["status"], row["attempts"]) for row in rows} == {("processed", 1)}
    titles = await scene.services.database.pool.fetch("SELECT DISTINCT title FROM contacts_contact")
    assert [row["title"] for row in titles] == [f"title {edits - 1}"]


async def test_what_was_settled_is_counted_and_published(scene: Scene, firm: int) -> None:
    await rebuild(scene.services)
    endpoint = await scene.endpoint(firm)
    await scene.post(endpoint, contact_event("updated", 11))
    await scene.post(endpoint, b"{}")
    async with scene.services.redis.pubsub() as listener:
        await listener.subscribe(CHANNEL)
        await process_deliveries(scene.services)
        published = await _published(listener)
    assert await scene.counted(firm) == {
        ("contact.updated", "received"): 1,
        ("contact.updated", "processed"): 1,
        ("contact.unknown", "received"): 1,
        ("contact.unknown", "failures"): 1,
        ("contact.unknown", "dead"): 1,
    }
    first, second = await scene.deliveries()
    assert {(each["firm"], *each["deliveries"], each["status"]) for each in published} == {
        (firm, first["id"], "processed"),
        (firm, second["id"], "dead"),
    }


async def _published(listener: Any) -> list[dict[str, Any]]:
    found = []
    while (message := await listener.get_message(timeout=0.3)) is not None:
        if message["type"] == "message":
            found.append(json.loads(message["data"]))
    return found
