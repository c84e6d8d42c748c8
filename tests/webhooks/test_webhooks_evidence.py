"""What a webhook leaves of a record that is gone: evidence with the change, or a tombstone where none was."""

import datetime
from typing import Any

import pytest

from core.mirror.writer import validate_records, write_records
from tests.webhooks.webhook_scene import Scene, hint


async def evidence(scene: Scene, clio_id: int) -> list[tuple[str, Any]]:
    rows = await scene.services.database.pool.fetch(
        "SELECT operation, evidence FROM change WHERE clio_id = $1 ORDER BY id", clio_id
    )
    return [(row["operation"], row["evidence"]) for row in rows]


async def test_a_deletion_told_names_its_delivery(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create()
    await scene.settle(endpoint, hint("updated", clio_id))
    await scene.settle(endpoint, hint("deleted", clio_id))
    delivery = (await scene.deliveries())[-1]["id"]
    found = await evidence(scene, clio_id)
    assert found == [("created", None), ("deleted", {"webhook": "deleted", "delivery": delivery})]


@pytest.mark.parametrize(
    ("how", "answer"),
    [("forbidden", {"status": 403}), ("redacted", {"status": 200, "redacted": True}), ("missing", {"status": 404})],
)
async def test_what_clio_answered_when_asked_is_kept(scene: Scene, firm: int, how: str, answer: dict[str, Any]) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create()
    await scene.settle(endpoint, hint("updated", clio_id))
    await scene.switch(hidden_record=how)
    await scene.clio.edit("contacts", clio_id, hidden=True)
    await scene.settle(endpoint, hint("updated", clio_id, nickname=1))
    gone = (await scene.deliveries())[-1]["id"]
    await scene.clio.edit("contacts", clio_id, hidden=False)
    await scene.services.database.pool.execute("UPDATE webhook_delivery SET processed_at = now() - interval '1 hour'")
    await scene.settle(endpoint, hint("updated", clio_id, nickname=2))
    assert [kept for _, kept in await evidence(scene, clio_id)] == [
        None,
        {"asked": "record", **answer, "delivery": gone},
        {"asked": "record", "status": 200},
    ]


async def test_a_page_in_hand_when_a_first_deletion_is_told_does_not_bring_the_record_in(
    scene: Scene, firm: int
) -> None:
    endpoint = await scene.endpoint(firm)
    clio_id = await scene.create()
    read_at = datetime.datetime.now(datetime.UTC)
    page = [(await scene.clio.records("contacts"))[clio_id]]
    await scene.clio.delete("contacts", clio_id)
    await scene.settle(endpoint, hint("deleted", clio_id))
    contact = scene.services.registry.resource("contact")
    written = await write_records(
        scene.services.database.pool,
        contact,
        firm=firm,
        payloads=validate_records(contact, page),
        seen_at=read_at,
        source="backfill",
    )
    assert (written.created, written.unchanged) == (0, 1)
    assert await scene.contact(clio_id) is None
    assert await scene.changes(clio_id) == []
