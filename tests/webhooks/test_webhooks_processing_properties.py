"""Any order, repetition, loss and replay of the deliveries of any edits ends, after one sweep, with what Clio has."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.payload import json_form
from core.sync import engine, requesting
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries
from core.webhooks.replay import ReplayFilter, replay
from tests.webhooks.webhook_scene import Scene

SHARE = st.floats(0, 1, exclude_max=True)
"""Which one, by its share of all there are."""

CHANGES = st.one_of(
    st.just(("create",)),
    st.tuples(st.just("edit"), SHARE, st.sampled_from(["Partner", "Counsel", "Clerk"]), st.integers(0, 1)),
    st.tuples(st.just("delete"), SHARE),
)
DELIVERIES = st.one_of(
    st.tuples(st.just("deliver"), SHARE),
    st.just(("process",)),
    st.just(("replay",)),
    st.just(("lose the table",)),
)
STEPS = st.lists(st.one_of(CHANGES, DELIVERIES, DELIVERIES), max_size=18)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_one_sweep_after_anything_at_all_the_mirror_is_what_clio_has(
    scene: Scene, firm: int, steps: list[tuple[Any, ...]]
) -> None:
    if not await scene.endpoints():
        await lifecycle.register(scene.services, firm)
    await scene.clio.call("DELETE", "faults")
    await scene.clio.call("POST", "faults/deliveries", {"action": "drop", "count": 1000})
    await scene.clio.call("DELETE", "journal")
    alive = [await scene.create(title="Clerk")]
    for step in steps:
        await _take(scene, firm, step, alive)
    await process_deliveries(scene.services)
    rows = await scene.deliveries()
    assert {row["status"] for row in rows} <= {"processed"}
    await _sweep(scene, firm)
    assert await _mirrored(scene) == await _at_clio(scene)


async def _take(scene: Scene, firm: int, step: tuple[Any, ...], alive: list[int]) -> None:
    """Do one step; whatever Clio would deliver is lost on the way, unless a step delivers it."""
    match step:
        case ("create",):
            alive.append(await scene.create(title="Clerk"))
        case ("edit", share, title, seconds) if alive:
            await scene.edit(alive[int(share * len(alive))], seconds=seconds, title=title)
        case ("delete", share) if alive:
            await scene.delete(alive.pop(int(share * len(alive))))
        case ("deliver", share):
            journal = await scene.clio.call("GET", "journal/deliveries")
            bodies = [entry["body"].encode() for entry in journal["data"] if entry["outcome"] == "dropped"]
            answer = await scene.post((await scene.endpoints())[0], bodies[int(share * len(bodies))])
            assert answer.status_code == 200
        case ("process",):
            await process_deliveries(scene.services)
        case ("replay",):
            await replay(scene.services, ReplayFilter(firms=[firm]))
        case ("lose the table",):
            await scene.services.database.pool.execute("DELETE FROM contacts_contact")
            await scene.services.database.pool.execute("DELETE FROM sync_cursor")


async def _sweep(scene: Scene, firm: int) -> None:
    """An incremental run, or a backfill where the mirror never had one, and a comparison with Clio's list."""
    services, kind = scene.services, ""
    [run] = await requesting.request_runs(services, firms=[firm], resource="contact", full=False)
    assert await engine.work_on(services, run, owner="sweep") == "succeeded"
    while kind != "reconcile":
        [run] = await requesting.request_reconciliations(services, firms=[firm], resource="contact")
        assert await engine.work_on(services, run, owner="sweep") == "succeeded"
        kind = (await scene.row("sync_run", run))["kind"]


async def _mirrored(scene: Scene) -> dict[int, dict[str, Any]]:
    contact = scene.services.registry.resource("contact")
    rows = await scene.services.database.pool.fetch("SELECT * FROM contacts_contact WHERE presence = 'present'")
    return {row["clio_id"]: {name: json_form(row[name]) for name in ("etag", *contact.own_columns)} for row in rows}


async def _at_clio(scene: Scene) -> dict[int, dict[str, Any]]:
    endpoint = scene.services.registry.resource("contact").endpoint
    found = {}
    for clio_id, record in (await scene.clio.records("contacts", fields=endpoint.fields)).items():
        payload = endpoint.payload.model_validate(record)
        row = {name: json_form(value) for name, value in payload.to_row().items()}
        found[clio_id] = {"etag": payload.etag, **row}
    return found
