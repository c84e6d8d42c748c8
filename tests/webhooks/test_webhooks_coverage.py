"""The canary: whether deliveries come is told from what came and what only polls brought; so polls come more often."""

import datetime
import json
from dataclasses import dataclass

import asyncpg
import pytest

from core.coverage import canary
from core.sync import requesting, schedule
from core.sync.runs import Run
from schema.types.webhooks import load_coverage
from tests.webhooks.coverage_stage import begin, holes, intervals, pass_time, turn, work
from tests.webhooks.webhook_scene import Scene, hint

HOUR = 60


async def coverage(scene: Scene, endpoint: asyncpg.Record) -> str | None:
    [found] = await load_coverage(scene.services.database.reading, None, [endpoint["id"]])
    return found


def ago(minutes: float) -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=minutes)


async def enabled(scene: Scene, firm: int, *, minutes: float) -> asyncpg.Record:
    """An endpoint that has been enabled for so long."""
    endpoint = await scene.endpoint(firm)
    await scene.services.database.pool.execute("UPDATE webhook_endpoint SET enabled_at = $1", ago(minutes))
    return endpoint


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change in the log, and how many minutes ago Clio made it and we saw it."""

    changed: float | None = 30
    seen: float = 0
    source: str = "incremental"
    resource: str = "contact"
    firm: int = 1
    what: str = "title"


async def note(scene: Scene, change: Change) -> None:
    after = {"title": "Partner"} if change.what == "title" else {"etag": "2"}
    if change.changed is not None:
        after["clio_updated_at"] = ago(change.changed).isoformat()
    await scene.services.database.pool.execute(
        """INSERT INTO change (firm, resource, clio_id, operation, seen_at, source, after)
        VALUES ($1, $2, 7, 'updated', $3, $4, $5)""",
        change.firm,
        change.resource,
        ago(change.seen),
        change.source,
        json.dumps(after),
    )


async def listen(scene: Scene, *, seen: float = 0, resource: str = "contact", firm: int = 1) -> None:
    """Let an incremental run end that began when the change was seen."""
    run = Run(
        id=1,
        firm=firm,
        resource=resource,
        kind="incremental",
        next_url=None,
        since_at=None,
        high_water_at=ago(seen + 0.1),
        attempt=1,
        failures=0,
        approves=None,
    )
    await canary.listen(scene.services, run, ahead=datetime.timedelta())


@pytest.mark.parametrize("state", ["creating", "pending", "suspended", "failed"])
async def test_what_is_not_enabled_is_polled(scene: Scene, firm: int, state: str) -> None:
    assert await coverage(scene, await scene.endpoint(firm, state=state)) == "polling"


async def test_what_is_retired_has_none(scene: Scene, firm: int) -> None:
    assert await coverage(scene, await scene.endpoint(firm, state="retired")) is None


async def test_it_is_unproven_until_something_is_delivered(scene: Scene, firm: int) -> None:
    endpoint = await scene.endpoint(firm)
    assert endpoint["enabled_at"] is not None
    assert await coverage(scene, endpoint) == "unproven"
    assert (await scene.post(endpoint, hint("deleted", 7))).status_code == 200
    assert await coverage(scene, endpoint) == "delivering"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (Change(), "silent"),
        (Change(changed=HOUR + 1), "unproven"),
        (Change(changed=HOUR - 1), "unproven"),
        (Change(changed=30, seen=29), "unproven"),
        (Change(changed=None), "unproven"),
        (Change(source="webhook"), "unproven"),
        (Change(source="backfill"), "unproven"),
        (Change(resource="matter"), "unproven"),
        (Change(firm=2), "unproven"),
        (Change(what="etag"), "unproven"),
    ],
    ids=["missed", "before", "just-enabled", "just-made", "undated", "webhook", "backfill", "other", "foreign", "etag"],
)
async def test_what_counts_as_missed(scene: Scene, firm: int, change: Change, found: str) -> None:
    endpoint = await enabled(scene, firm, minutes=HOUR)
    await note(scene, change)
    await listen(scene, seen=change.seen)
    assert await coverage(scene, endpoint) == found


async def test_a_delivery_ends_the_silence_and_a_missed_change_the_delivering(scene: Scene, firm: int) -> None:
    endpoint = await enabled(scene, firm, minutes=HOUR)
    await note(scene, Change())
    assert (await scene.post(endpoint, hint("deleted", 7))).status_code == 200
    for told, found in ((29, "delivering"), (40, "silent")):
        await scene.services.database.pool.execute("UPDATE webhook_delivery SET received_at = $1", ago(told))
        await listen(scene)
        assert await coverage(scene, endpoint) == found
    await canary.forgive(scene.services, firm)
    assert await coverage(scene, endpoint) == "silent"
    await scene.services.database.pool.execute("UPDATE webhook_delivery SET received_at = now()")
    assert await coverage(scene, endpoint) == "delivering"
    await canary.forgive(scene.services, firm)
    assert (await scene.row("webhook_endpoint", endpoint["id"]))["silent_at"] is None


async def test_a_webhook_that_tells_nothing_is_an_alarm_and_covers_nothing(
    scene: Scene, firm: int, caplog: pytest.LogCaptureFixture
) -> None:
    await begin(scene, firm)
    pool = scene.services.database.pool
    contact = await scene.create(title="Told")
    await scene.until_sent()
    await pool.execute("UPDATE webhook_endpoint SET enabled_at = enabled_at - interval '1 hour'")
    await pool.execute("UPDATE webhook_delivery SET received_at = received_at - interval '40 minutes'")
    await pool.execute("UPDATE coverage_interval SET from_at = from_at - interval '1 hour'")
    await scene.clio.call("POST", "faults/deliveries", {"action": "drop", "count": 100})
    await scene.edit(contact, title="Not told")
    await pass_time(scene, 300)
    await requesting.request_runs(scene.services, firms=[firm], resource="contact", full=False)
    await work(scene.services)
    endpoint = (await scene.endpoints())[0]
    assert await coverage(scene, endpoint) == "silent"
    assert "webhook_silent" in caplog.text
    [interval] = await intervals(scene)
    [hole] = await holes(scene)
    assert (interval["is_open"], hole["reason"], hole["from_at"]) == (False, "SILENT", interval["until_at"])
    await turn(scene.services, firm)
    [hole] = await holes(scene)
    assert hole["closed_at"] is not None
    assert len(await intervals(scene)) == 1
    await scene.clio.call("DELETE", "faults")
    await scene.edit(contact, title="Told again")
    await scene.until_sent()
    await turn(scene.services, firm)
    assert [row["is_open"] for row in await intervals(scene)] == [False, True]
    [lasted] = await holes(scene)
    assert (lasted["until_at"] > hole["until_at"], lasted["closed_at"] is not None) == (True, True)


async def due(scene: Scene, *, finished_s: float) -> set[str]:
    """The resources that are polled when the last run of each ended so long ago."""
    pool = scene.services.database.pool
    await pool.execute("DELETE FROM sync_run")
    for resource in scene.services.registry.resources:
        await pool.execute(
            """INSERT INTO sync_run (firm, resource, kind, state, finished_at)
            VALUES (1, $1, 'incremental', 'succeeded', now() - make_interval(secs => $2))""",
            resource.name,
            finished_s,
        )
    await schedule.request_due_polls(scene.services)
    rows = await pool.fetch("SELECT resource FROM sync_run WHERE state = 'queued'")
    return {row["resource"] for row in rows}


async def test_what_is_not_delivered_is_polled_more_often(scene: Scene, firm: int) -> None:
    assert await due(scene, finished_s=50) & {"contact", "matter"} == set()
    assert await due(scene, finished_s=70) >= {"contact", "matter"}
    endpoint = await enabled(scene, firm, minutes=HOUR)
    assert await due(scene, finished_s=250) & {"contact", "matter"} == {"matter"}
    assert "contact" in await due(scene, finished_s=310)
    await note(scene, Change())
    await listen(scene)
    assert "contact" in await due(scene, finished_s=70)
    assert (await scene.post(endpoint, hint("deleted", 7))).status_code == 200
    assert "contact" not in await due(scene, finished_s=250)
    await scene.services.database.pool.execute("UPDATE webhook_endpoint SET state = 'failed'")
    assert "contact" in await due(scene, finished_s=70)


async def test_what_has_no_webhook_is_polled_as_declared(scene: Scene, firm: int) -> None:
    assert firm == 1
    for resource in scene.services.registry.resources:
        if resource.webhook is None:
            assert resource.name not in await due(scene, finished_s=resource.poll_s * 0.84)
            assert resource.name in await due(scene, finished_s=resource.poll_s + 10)
