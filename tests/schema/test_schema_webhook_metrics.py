"""`webhookMetrics`: the query, and the subscription through the hub."""

import asyncio
import contextlib
import datetime
import itertools
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
import redis.exceptions

from core.metrics.figures import COUNTS
from core.metrics.keys import MOVED_KEY
from core.metrics.rebuild import rebuild
from core.testing.api import Api
from schema.live.groups import Group
from schema.live.webhook_metrics import TICK_S, Windows
from tests.schema.live_clients import hear, hub_of, subscribed, until_nobody_listens
from tests.schema.schema_data import ONE, TWO, insert

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
LIVE = "subscription($m: String, $f: ID, $s: Float) { webhookMetrics(model: $m, firm: $f, intervalS: $s) %s }"
RECEIVED = LIVE % "{ model totals { received } byFirm { firm } }"


@pytest.fixture
async def counted(fresh_api: Api) -> Api:
    """An API whose figures have been counted; the seeded deliveries are too old for any of them."""
    await rebuild(fresh_api.services)
    return fresh_api


def receive(api: Api, many: int = 1, *, firm: int = ONE, model: str = "contact", ago_s: float = 0) -> None:
    received_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=ago_s)
    for _ in range(many):
        api.services.webhook_recorder.received(firm, model, "updated", b"{}", received_at.timestamp(), ingest_s=0.01)


def example() -> tuple[str, list[dict[str, str]], Any]:
    """The worked example of the docs: its query, the deliveries of its table, and its answer."""
    text = DOCS.read_text(encoding="utf-8").partition("### A worked example")[2]
    [query] = re.findall(r"```graphql\n(.*?)```", text, re.DOTALL)
    [answer] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", text, re.MULTILINE)
    ]
    rows = [dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]]
    return query, rows, json.loads(answer)


def delivery(number: int, row: dict[str, str], noon: datetime.datetime) -> dict[str, Any]:
    """A row of the log, from one of the docs' table."""
    _, minute, second = row["received"].split(":")
    received_at = noon + datetime.timedelta(minutes=int(minute), seconds=int(second))
    named = "" if row["user"] == "none" else f',"user":{{"id":{row["user"]}}}'
    body = f'{{"data":{{"id":{number}{named}}},"meta":{{"event":"{row["event"]}"}}}}'
    after = row["processed after"].removesuffix(" s")
    return {
        "firm": ONE,
        "endpoint": ONE,
        "resource": "activity",
        "model": "activity",
        "event": row["event"],
        "digest": bytes([number]),
        "body": body.ljust(int(row["bytes"])).encode(),
        "receipts": int(row["receipts"]),
        "attempts": int(row["attempts"]),
        "status": row["status"],
        "received_at": received_at,
        "processed_at": None if after == "-" else received_at + datetime.timedelta(seconds=float(after)),
    }


async def test_the_worked_example(fresh_api: Api) -> None:
    query, rows, answer = example()
    now = datetime.datetime.now(datetime.UTC)
    noon = now.replace(minute=0, second=0, microsecond=0) - datetime.timedelta(hours=2)
    async with fresh_api.services.database.pool.acquire() as connection:
        log = [delivery(number, row, noon) for number, row in enumerate(rows)]
        await insert(connection, "webhook_delivery", log)  # type: ignore[arg-type]  # the pool's stands for one
    await rebuild(fresh_api.services)
    last = noon + datetime.timedelta(seconds=90)
    assert (await fresh_api.query(query, {"from": noon.isoformat(), "to": last.isoformat()})).data == answer


async def test_every_kind_of_group_is_told(counted: Api) -> None:
    recorder = counted.services.webhook_recorder
    receive(counted, 2)
    receive(counted, firm=TWO, model="activity")
    recorder.forged(ONE, "contact")
    await recorder.flush()
    document = """{ webhookMetrics(resolution: DAY) {
      model resolution complete countedAt queueAgeS
      byFirm { firm figures { received forged } } byModel { model figures { bodyBytes ingestLatency { count } } }
      byEvent { event figures { received forged } } byStatus { status count } byUser { userClioId }
    } }"""
    found = (await counted.query(document, firms=[ONE, TWO])).data["webhookMetrics"]
    assert datetime.datetime.fromisoformat(found.pop("countedAt")).timestamp() <= time.time()
    assert found == {
        "model": None,
        "resolution": "DAY",
        "complete": True,
        "queueAgeS": None,
        "byFirm": [
            {"firm": "1", "figures": {"received": 2, "forged": 1}},
            {"firm": "2", "figures": {"received": 1, "forged": 0}},
        ],
        "byModel": [
            {"model": "activity", "figures": {"bodyBytes": 2, "ingestLatency": {"count": 1}}},
            {"model": "contact", "figures": {"bodyBytes": 4, "ingestLatency": {"count": 2}}},
        ],
        "byEvent": [
            {"event": "unknown", "figures": {"received": 0, "forged": 1}},
            {"event": "updated", "figures": {"received": 3, "forged": 0}},
        ],
        "byStatus": [
            *({"status": "received", "count": 3}, {"status": "duplicate", "count": 0}),
            *({"status": "forged", "count": 1}, {"status": "pending", "count": 3}),
            *({"status": "failed", "count": 0}, {"status": "retried", "count": 0}),
            *({"status": "processed", "count": 0}, {"status": "dead", "count": 0}),
        ],
        "byUser": [{"userClioId": None}],
    }


async def test_figures_are_those_of_the_callers_firms_and_of_the_model(counted: Api) -> None:
    receive(counted, 2)
    receive(counted, 3, firm=TWO)
    receive(counted, 4, model="matter")
    await counted.services.webhook_recorder.flush()
    document = """query($f: ID, $m: String) {
      webhookMetrics(firm: $f, model: $m) { totals { received } byFirm { firm } buckets { figures { received } } }
    }"""
    cases: list[tuple[list[int] | None, dict[str, Any], int]] = [
        ([ONE], {}, 6),
        ([TWO], {}, 3),
        ([ONE, TWO], {}, 9),
        ([ONE, TWO], {"f": TWO}, 3),
        (None, {"m": "contact"}, 5),
        ([ONE], {"m": "matter"}, 4),
        ([], {}, 0),
    ]
    for firms, variables, received in cases:
        headers = {"Authorization": f"Bearer {counted.token(firms)}"}
        found = (await counted.query(document, variables, headers=headers)).data["webhookMetrics"]
        assert found["totals"]["received"] == received, (firms, variables)
        assert sum(each["figures"]["received"] for each in found["buckets"]) == received


async def test_the_resolution_suits_the_time_unless_it_is_named(counted: Api) -> None:
    now = datetime.datetime.now(datetime.UTC)
    document = """query($f: DateTime, $t: DateTime, $r: MetricsResolution) {
      webhookMetrics(from: $f, to: $t, resolution: $r) { resolution from to buckets { startAt } } }"""
    day = datetime.timedelta(days=1)
    cases: list[tuple[dict[str, Any], str, int | None]] = [
        ({}, "HOUR", 25),
        ({"f": now - day / 24}, "MINUTE", 61),
        ({"f": now - 7 * day}, "HOUR", 7 * 24 + 1),
        ({"f": now - 70 * day, "t": now - 69.9 * day}, "DAY", None),
        ({"f": now - day, "r": "MINUTE"}, "MINUTE", 1441),
        ({"f": now - 300 * day}, "DAY", 301),
    ]
    for given, resolution, many in cases:
        variables = {name: each if isinstance(each, str) else each.isoformat() for name, each in given.items()}
        found = (await counted.query(document, variables)).data["webhookMetrics"]
        starts = [each["startAt"] for each in found["buckets"]]
        assert (found["resolution"], len(starts)) == (resolution, many or len(starts)), given
        assert starts == sorted(starts)
        assert starts[0] == found["from"] < found["to"]


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ('from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z"', "must not be after"),
        ('from: "2020-01-01T00:00:00Z", resolution: MINUTE', "more than 1500 buckets"),
        ('to: "0001-01-01T00:00:00Z"', "between 1970 and 9998"),
        ('from: "1969-12-31T23:59:59Z", to: "1970-01-01T00:00:01Z"', "between 1970 and 9998"),
        ('from: "9998-12-31T00:00:00Z", to: "9999-01-01T00:00:00Z"', "between 1970 and 9998"),
    ],
)
async def test_a_time_that_cannot_be_shown_is_refused(counted: Api, span: str, message: str) -> None:
    answer = await counted.query(f"{{ webhookMetrics({span}) {{ from to buckets {{ startAt }} }} }}")
    assert answer.codes == ["BAD_USER_INPUT"]
    assert message in answer.body["errors"][0]["message"]


@pytest.mark.parametrize("to", ["1970-01-02T00:00:00Z", "9998-12-31T23:59:59Z"])
async def test_the_first_and_the_last_time_there_is_are_shown(counted: Api, to: str) -> None:
    query = f'{{ webhookMetrics(to: "{to}") {{ from to totals {{ received }} buckets {{ startAt }} }} }}'
    assert (await counted.query(query)).data["webhookMetrics"]["totals"] == {"received": 0}


async def test_the_queue_is_as_old_as_what_has_been_due_the_longest(counted: Api) -> None:
    document = "query($m: String) { webhookMetrics(model: $m) { queueAgeS } }"
    ages = {("received", 1): 30, ("failed", 2): 90, ("failed", 3): -60, ("processed", 4): 900, ("processing", 5): -10}
    for (status, number), age_s in ages.items():
        await counted.services.database.pool.execute(
            """INSERT INTO webhook_delivery
                   (firm, endpoint, resource, model, event, digest, body, status, not_before_at)
               VALUES (1, 9, 'matter', 'matter', 'updated', $1, '', $2, now() - make_interval(secs => $3))""",
            *(bytes([number]), status, age_s),
        )
    found = (await counted.query(document)).data["webhookMetrics"]["queueAgeS"]
    assert 90 <= found < 120
    later = "UPDATE webhook_delivery SET model = 'task' WHERE not_before_at > now() AND status = 'failed'"
    await counted.services.database.pool.execute(later)
    for model in ("contact", "task"):  # of which there is none, and none that is due
        assert (await counted.query(document, {"m": model})).data["webhookMetrics"]["queueAgeS"] is None
    assert (await counted.query(document, firms=[TWO])).data["webhookMetrics"]["queueAgeS"] is None


async def test_what_redis_has_lost_is_not_shown_as_whole(fresh_api: Api) -> None:
    document = "{ webhookMetrics { complete countedAt totals { received successRate } } }"
    lost = (await fresh_api.query(document)).data["webhookMetrics"]
    assert lost == {"complete": False, "countedAt": None, "totals": {"received": 0, "successRate": None}}
    await rebuild(fresh_api.services)
    assert (await fresh_api.query(document)).data["webhookMetrics"]["complete"] is True


async def refuse(*_: Any) -> None:
    raise redis.exceptions.ConnectionError


async def test_a_redis_that_is_away_is_named(counted: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis.asyncio.Connection, "read_response", refuse)
    assert (await counted.query("{ webhookMetrics { model } }")).codes == ["REDIS_UNAVAILABLE"]


def told(message: dict[str, Any]) -> dict[str, Any]:
    assert message["type"] == "next", message
    assert "errors" not in message["payload"], message
    found: dict[str, Any] = message["payload"]["data"]["webhookMetrics"]
    return found


async def test_figures_come_at_once_and_then_at_every_interval(counted: Api) -> None:
    async with subscribed(counted, RECEIVED, variables={"s": 0.5}) as socket:
        assert told(await hear(socket))["totals"]["received"] == 0
        receive(counted, 2)
        received = [told(await hear(socket))["totals"]["received"] for _ in range(4)]
        assert (sorted(received), received[-1]) == (received, 2)
        receive(counted, ago_s=120)
        assert 3 in [told(await hear(socket))["totals"]["received"] for _ in range(4)]


async def test_the_hour_is_shown_by_the_minute(counted: Api) -> None:
    for ago_s in (0, 120, 3000, 7200):
        receive(counted, ago_s=ago_s)
    await counted.services.webhook_recorder.flush()
    document = LIVE % "{ complete resolution buckets { startAt figures { received } } statuses { count } queueAgeS }"
    async with subscribed(counted, document) as socket:
        found = told(await hear(socket))
    assert (found["resolution"], found["complete"], found["statuses"]) == ("MINUTE", True, [])
    assert len(found["buckets"]) == 61
    assert sum(each["figures"]["received"] for each in found["buckets"]) == 3


async def test_a_subscriber_sees_its_own_firms_and_the_model_it_asked_for(counted: Api) -> None:
    receive(counted, 2)
    receive(counted, 3, firm=TWO)
    receive(counted, 4, firm=TWO, model="matter")
    await counted.services.webhook_recorder.flush()
    cases: list[tuple[list[int] | None, dict[str, Any], int, list[str]]] = [
        ([ONE], {}, 2, ["1"]),
        ([ONE, TWO], {}, 9, ["1", "2"]),
        ([ONE, TWO], {"f": TWO, "m": "contact"}, 3, ["2"]),
        (None, {"m": "matter"}, 4, ["2"]),
        ([], {}, 0, []),
    ]
    for firms, variables, received, shown in cases:
        async with subscribed(counted, RECEIVED, variables={"s": 0.5, **variables}, firms=firms) as socket:
            for _ in range(2):
                found = told(await hear(socket))
                assert found["model"] == variables.get("m")
                assert found["totals"]["received"] == received
                assert [each["firm"] for each in found["byFirm"]] == shown


async def test_it_is_executed_once_for_all_who_ask_the_same(counted: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    executed = itertools.count()
    send = Group._send

    async def count(*given: Any, **named: Any) -> None:
        next(executed)
        await send(*given, **named)

    async with contextlib.AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(subscribed(counted, RECEIVED, variables={"s": 0.5})) for _ in range(5)
        ]
        for socket in sockets:
            await hear(socket)
        [feed] = hub_of(counted)._feeds.values()
        assert (len(feed), feed.groups) == (5, 1)
        monkeypatch.setattr(Group, "_send", count)
        for _ in range(2):
            for socket in sockets:
                await hear(socket)
        assert next(executed) <= 4
    await until_nobody_listens(counted)


async def test_intervals_differ_between_subscribers(counted: Api) -> None:
    async with (
        subscribed(counted, RECEIVED, variables={"s": 0.5}) as often,
        subscribed(counted, RECEIVED, variables={"s": 60}) as seldom,
    ):
        for _ in range(5):
            told(await hear(often))
        told(await hear(seldom))
        with pytest.raises(TimeoutError):
            await hear(seldom, 0.1)


@pytest.mark.parametrize("interval_s", [0.4, 0, -1, 61, 1e300])
async def test_an_interval_out_of_bounds_is_refused(counted: Api, interval_s: float) -> None:
    async with subscribed(counted, RECEIVED, variables={"s": interval_s}) as socket:
        message = await hear(socket)
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert [error["extensions"]["code"] for error in errors] == ["BAD_USER_INPUT"]


async def test_another_firm_is_forbidden(counted: Api) -> None:
    async with subscribed(counted, RECEIVED, variables={"f": TWO}) as socket:
        message = await hear(socket)
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


async def test_subscribers_outlive_a_redis_that_is_away(counted: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async with subscribed(counted, RECEIVED, variables={"s": 0.5}) as socket:
        assert told(await hear(socket))["totals"]["received"] == 0
        with monkeypatch.context() as away:
            away.setattr(redis.asyncio.Connection, "read_response", refuse)
            await asyncio.sleep(3 * TICK_S)
        receive(counted)
        while told(await hear(socket))["totals"]["received"] != 1:
            pass


async def test_what_was_counted_anew_is_read_anew_however_often_it_moved(counted: Api) -> None:
    services = counted.services
    receive(counted)
    await services.webhook_recorder.flush()
    moved = await services.redis.hgetall(MOVED_KEY)  # type: ignore[misc]
    windows = Windows(services)
    [before] = await windows.read()
    await rebuild(services)  # of an empty log
    await services.redis.hset(MOVED_KEY, mapping=moved)  # type: ignore[misc]
    await asyncio.sleep(TICK_S)
    [after] = await windows.read()
    held = [{each.measure for each in event.value.entries[ONE] if each.measure in COUNTS} for event in (before, after)]
    assert held == [{"received", "body_bytes"}, set()]


async def test_subscribers_outlive_a_redis_that_lost_everything(counted: Api) -> None:
    receive(counted)
    await counted.services.webhook_recorder.flush()
    async with subscribed(counted, LIVE % "{ complete totals { received } }", variables={"s": 0.5}) as socket:
        assert told(await hear(socket)) == {"complete": True, "totals": {"received": 1}}
        await counted.services.redis.flushall()
        while told(await hear(socket))["complete"]:
            pass
        await rebuild(counted.services)
        while not told(await hear(socket))["complete"]:
            pass
        receive(counted)
        while told(await hear(socket))["totals"]["received"] != 1:
            pass
