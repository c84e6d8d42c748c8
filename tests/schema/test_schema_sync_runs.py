"""What the API says of sync runs: figures, waits and reasons, the same on either way of reading, and live."""

import datetime
from typing import Any

from core.testing.api import GENERIC, Api
from tests.schema.live_clients import hear, move, run_of, shown, subscribed
from tests.schema.schema_data import ONE

NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
RUNS = """{ syncRuns(filter: {resource: {eq: "user"}}) { nodes {
    state progress recordsSeen requests ratePerS plan allowedPerMinute etaS notBeforeAt errorCode errorMessage
} } }"""
LIVE = "subscription { syncProgress { state recordsSeen requests ratePerS plan etaS notBeforeAt errorCode } }"


def after(seconds: float) -> datetime.datetime:
    return NOON + datetime.timedelta(seconds=seconds)


async def told(api: Api) -> list[dict[str, Any]]:
    """Return the runs as planned, which must be as resolvers have them."""
    planned = await api.query(RUNS)
    generic = await api.query(RUNS, headers=GENERIC)
    assert planned.headers["X-Read-Path"] != generic.headers["X-Read-Path"]
    assert planned.data == generic.data
    nodes: list[dict[str, Any]] = planned.data["syncRuns"]["nodes"]
    return nodes


async def test_a_finished_run_tells_its_rate_and_what_it_cost(fresh_api: Api) -> None:
    await fresh_api.services.database.pool.execute("DELETE FROM sync_run")
    for seen, seconds in ((1, 4), (1007, 3), (5, 0), (0, 9), (10_000, 7.5)):
        await run_of(
            fresh_api,
            ONE,
            state="succeeded",
            records_seen=seen,
            requests=seen + 1,
            plan="windows, 200 a page, 4 ahead",
            not_before_at=NOON,
            started_at=NOON,
            finished_at=after(seconds),
        )
    runs = await told(fresh_api)
    assert [run["ratePerS"] for run in runs] == [0.3, 335.7, None, 0.0, 1333.3]
    assert [run["requests"] for run in runs] == [2, 1008, 6, 1, 10_001]
    assert {run["plan"] for run in runs} == {"windows, 200 a page, 4 ahead"}
    assert {run["etaS"] for run in runs} == {None}


async def test_a_throttled_run_says_why_and_until_when(fresh_api: Api) -> None:
    await fresh_api.services.database.pool.execute("DELETE FROM sync_run")
    until = datetime.datetime(2036, 3, 2, 12, tzinfo=datetime.UTC)
    await run_of(
        fresh_api,
        ONE,
        state="throttled",
        not_before_at=until,
        error_code="CLIO_RATE_LIMITED",
        error_message="clio limits GET users.json: retry in 40 s",
    )
    [run] = await told(fresh_api)
    assert (run["state"], run["errorCode"], run["etaS"], run["ratePerS"]) == (
        "throttled",
        "CLIO_RATE_LIMITED",
        None,
        None,
    )
    assert run["notBeforeAt"].startswith("2036-03-02T12:00:00")


async def test_the_rate_limit_lengthens_an_eta(fresh_api: Api) -> None:
    """A page each 0.1 s says a second more; 50 requests a minute for the 490 that are left say nine minutes."""
    await fresh_api.services.database.pool.execute("DELETE FROM sync_run")
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
    columns = {"records_seen": 2_000, "records_total": 100_000, "pages": 10, "started_at": began}
    await run_of(fresh_api, ONE, **columns)
    await run_of(fresh_api, ONE, resource="contact", **columns, allowed_per_minute=50)
    document = "{ syncRuns { nodes { resource etaS } } }"
    for headers in ({}, GENERIC):
        nodes = (await fresh_api.query(document, headers=headers)).data["syncRuns"]["nodes"]
        etas = {node["resource"]: node["etaS"] for node in nodes}
        assert 45 < etas["user"] < 400
        assert etas["contact"] == 528.0


async def test_the_subscription_tells_of_a_throttled_run_and_of_what_it_costs(fresh_api: Api) -> None:
    await fresh_api.services.database.pool.execute("DELETE FROM sync_run")
    run = await run_of(fresh_api, ONE, records_seen=2, started_at=NOON)
    async with subscribed(fresh_api, LIVE) as socket:
        assert shown(await hear(socket))["requests"] == 0
        await move(fresh_api, run, requests=3, plan="cursor, 200 a page, 1 ahead", records_seen=4)
        moved = shown(await hear(socket))
        assert (moved["requests"], moved["plan"], moved["recordsSeen"]) == (3, "cursor, 200 a page, 1 ahead", 4)
        assert moved["ratePerS"] is not None
        await move(fresh_api, run, state="throttled", error_code="CLIO_RATE_LIMITED", not_before_at=after(60))
        waiting = shown(await hear(socket))
        assert (waiting["state"], waiting["errorCode"]) == ("throttled", "CLIO_RATE_LIMITED")
        assert waiting["notBeforeAt"].startswith("2026-03-02T12:01:00")
    async with subscribed(fresh_api, LIVE) as socket:
        assert shown(await hear(socket))["state"] == "throttled", "it is active, and told of at once"
