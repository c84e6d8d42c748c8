"""Whatever is lost, repeated or reordered, the mirror equals Clio after one sweep."""

import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ClioNotFound
from core.mirror.writer import mark_absent, validate_records, write_records
from core.payload import json_form
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries
from tests.webhooks.webhook_scene import Scene

EDITS = st.lists(st.tuples(st.sampled_from(["Partner", "Counsel", "Clerk"]), st.integers(0, 1)), max_size=4)


# Which delivery is sent next, by its share of all there are, and whether what arrived is then processed.
SENDS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.booleans()), max_size=10)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS, deleted=st.booleans(), sends=SENDS)
async def test_any_order_of_deliveries_converges(
    scene: Scene, firm: int, edits: list[tuple[str, int]], deleted: bool, sends: list[tuple[float, bool]]
) -> None:
    if not await scene.endpoints():
        await lifecycle.register(scene.services, firm)
    endpoint = (await scene.endpoints())[0]
    clio_id, bodies = await _happen(scene, edits, deleted=deleted)
    for share, process_now in sends:
        assert (await scene.post(endpoint, bodies[int(share * len(bodies))])).status_code == 200
        if process_now:
            await process_deliveries(scene.services)
    await process_deliveries(scene.services)
    await _sweep(scene, firm, clio_id)
    assert await _mirrored(scene, clio_id) == await _at_clio(scene, firm, clio_id)


async def _happen(scene: Scene, edits: list[tuple[str, int]], *, deleted: bool) -> tuple[int, list[bytes]]:
    """Change a contact at Clio, every delivery lost on the way; return its id and what would have been delivered."""
    await scene.clio.call("DELETE", "faults")
    await scene.clio.call("POST", "faults/deliveries", {"action": "drop", "count": 100})
    await scene.clio.call("DELETE", "journal")
    clio_id = await scene.create()
    for title, seconds in edits:
        await scene.edit(clio_id, seconds=seconds, title=title)
    if deleted:
        await scene.delete(clio_id)
    journal = await scene.clio.call("GET", "journal/deliveries")
    return clio_id, [entry["body"].encode() for entry in journal["data"] if entry["outcome"] == "dropped"]


async def _sweep(scene: Scene, firm: int, clio_id: int) -> None:
    """Read the record and write what Clio says, as a sweep does."""
    contact = scene.services.registry.resource("contact")
    seen_at = datetime.datetime.now(datetime.UTC)
    pool = scene.services.database.pool
    try:
        record = await scene.services.accounts.client(firm).record(contact.endpoint, clio_id)
    except ClioNotFound:
        await mark_absent(
            pool,
            contact,
            firm=firm,
            clio_id=clio_id,
            presence="deleted",
            seen_at=seen_at,
            source="incremental",
            evidence={"asked": "record", "status": 404},
        )
    else:
        payloads = validate_records(contact, [record])
        await write_records(pool, contact, firm=firm, payloads=payloads, seen_at=seen_at, source="incremental")


async def _mirrored(scene: Scene, clio_id: int) -> dict[str, Any] | None:
    row = await scene.contact(clio_id)
    if row is None or row["presence"] == "deleted":
        return None
    own = scene.services.registry.resource("contact").own_columns
    return {name: json_form(row[name]) for name in ("etag", *own)}


async def _at_clio(scene: Scene, firm: int, clio_id: int) -> dict[str, Any] | None:
    contact = scene.services.registry.resource("contact")
    try:
        record = await scene.services.accounts.client(firm).record(contact.endpoint, clio_id)
    except ClioNotFound:
        return None
    [payload] = validate_records(contact, [record])
    return {"etag": payload.etag, **{name: json_form(value) for name, value in payload.to_row().items()}}
