"""What the tests of the coverage ledger do: let time pass at Clio, be down, and work off what is due."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from core.coverage import repair
from core.services import Services
from core.sync import engine, requesting
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries
from tests.webhooks.webhook_scene import Scene

MINUTE, HOUR, DAY = 60, 3600, 86_400
TURNS = 50


async def pass_time(scene: Scene, seconds: float) -> None:
    """Let time pass at Clio, and Clio send what falls due."""
    await scene.clio.call("POST", "clock/advance", {"seconds": seconds})
    await scene.until_sent()


async def clio_now(scene: Scene) -> datetime.datetime:
    """The time at Clio."""
    return datetime.datetime.fromtimestamp((await scene.clio.call("GET", "clock"))["seconds"], datetime.UTC)


async def work(services: Services) -> list[int]:
    """Work on every run that is asked for; return them."""
    done = []
    while (run := await services.database.pool.fetchval(_NEXT)) is not None:
        await services.database.pool.execute("UPDATE sync_run SET not_before_at = now() WHERE id = $1", run)
        done.append(run)
        await engine.work_on(services, run, owner="test")
    return done


_NEXT = "SELECT id FROM sync_run WHERE state = 'queued' ORDER BY id LIMIT 1"


async def turn(services: Services, firm: int) -> None:
    """Do what a worker does when a minute is over: look after the webhooks, repair, process."""
    await lifecycle.maintain(services, firm)
    await process_deliveries(services)
    for _ in range(TURNS):
        if not await repair.repair_holes(services):
            return
        await work(services)
    raise AssertionError("holes are repaired without an end")


async def begin(scene: Scene, firm: int) -> None:
    """Subscribe and read everything, as connecting does; then look once more."""
    await lifecycle.register(scene.services, firm)
    await requesting.request_runs(scene.services, firms=[firm], resource=None, full=False)
    await work(scene.services)
    await turn(scene.services, firm)


async def intervals(scene: Scene, resource: str = "contact", *, basis: str = "webhook") -> list[asyncpg.Record]:
    return await scene.services.database.pool.fetch(
        "SELECT * FROM coverage_interval WHERE resource = $1 AND basis = $2 ORDER BY id", resource, basis
    )


async def holes(scene: Scene, resource: str | None = "contact") -> list[asyncpg.Record]:
    return await scene.services.database.pool.fetch(
        "SELECT * FROM coverage_hole WHERE $1::text IS NULL OR resource = $1 ORDER BY id", resource
    )


@contextmanager
def down(front: Any) -> Iterator[None]:
    """Let every delivery fail for the block: nobody is there."""
    app, front.app = front.app, _unavailable
    try:
        yield
    finally:
        front.app = app


async def _unavailable(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def unlike(scene: Scene) -> dict[int, str]:
    """The contacts of which the mirror knows other than Clio, by title and presence."""
    at_clio = await scene.clio.records("contacts", fields="id,title")
    rows = await scene.services.database.pool.fetch("SELECT clio_id, title, presence FROM contacts_contact")
    mirrored = {row["clio_id"]: row["title"] for row in rows if row["presence"] == "present"}
    wanted = {clio_id: record["title"] for clio_id, record in at_clio.items()}
    return {
        clio_id: f"{mirrored.get(clio_id)!r} for {wanted.get(clio_id)!r}"
        for clio_id in mirrored.keys() | wanted.keys()
        if (clio_id in mirrored, mirrored.get(clio_id)) != (clio_id in wanted, wanted.get(clio_id))
    }
