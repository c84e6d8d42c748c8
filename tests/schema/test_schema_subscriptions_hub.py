"""The hub: who is told what, once and in order, and what a reader that lags costs."""

import asyncio
import contextlib
import gc
from typing import Any

import pytest
from graphql.execution.collect_fields import CollectedFields
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.testing.api import Api
from schema.live import feed, groups, outbox
from tests.schema.live_clients import hear, say, settled, subscribed
from tests.schema.live_reader import slow_reader
from tests.schema.live_stage import Stage, staged
from tests.schema.schema_data import ONE

STATES = "subscription { states { firm number } }"
CHANGES = "subscription { changes { firm number } }"
BULKY = "subscription { states { number text } }"
BULKY_CHANGES = "subscription { changes { number text } }"


def told(message: dict[str, Any], field: str = "states") -> dict[str, Any]:
    assert message["type"] == "next", message
    found: dict[str, Any] = message["payload"]["data"][field]
    return found


async def test_an_event_is_executed_once_for_all_who_ask_the_same(fresh_api: Api) -> None:
    async with staged(fresh_api) as (stage, api):
        document = "subscription { states { executed } }"
        async with subscribed(api, document) as one, subscribed(api, document) as two:
            await settled(lambda: len(stage.hub) == 2 and stage.hub.feeds["states"].groups == 1)
            Stage.executions = 0
            for number in range(3):
                stage.tell("states", firm=ONE, number=number)
                assert told(await hear(one)) == told(await hear(two)) == {"executed": number + 1}


async def test_an_event_leaves_nothing_behind_once_it_is_told(fresh_api: Api) -> None:
    async with staged(fresh_api) as (stage, api), subscribed(api, CHANGES) as client:
        kept = []
        for number in range(60):
            stage.tell("changes", firm=ONE, number=number)
            assert told(await hear(client), "changes")["number"] == number
            if number in {19, 59}:
                gc.collect()
                kept.append(sum(isinstance(each, CollectedFields) for each in gc.get_objects()))
    assert kept[1] == kept[0], "what one event needed is kept for the life of the subscription"


async def test_arguments_part_those_who_watch_something_else(fresh_api: Api) -> None:
    document = "subscription ($text: String) { states(text: $text) { number } }"
    async with (
        staged(fresh_api) as (stage, api),
        subscribed(api, document, variables={"text": "a"}) as one,
        subscribed(api, document, variables={"text": "b"}) as two,
    ):
        await settled(lambda: len(stage.hub) == 2 and stage.hub.feeds["states"].groups == 2)
        stage.tell("states", firm=ONE, number=1, text="a")
        stage.tell("states", firm=ONE, number=2, text="b")
        assert told(await hear(one)) == {"number": 1}
        assert told(await hear(two)) == {"number": 2}


async def test_where_a_subscriber_begins_parts_nobody(fresh_api: Api) -> None:
    document = "subscription ($after: Int) { changes(after: $after) { number } }"
    async with staged(fresh_api) as (stage, api), subscribed(api, document) as one:
        for number in range(4):
            stage.tell("changes", firm=ONE, number=number)
            assert told(await hear(one), "changes") == {"number": number}
        async with subscribed(api, document, variables={"after": 1}) as two:
            assert [told(await hear(two), "changes")["number"] for _ in range(2)] == [2, 3]
            assert stage.hub.feeds["changes"].groups == 1
            stage.tell("changes", firm=ONE, number=4)
            assert told(await hear(one), "changes") == told(await hear(two), "changes") == {"number": 4}


async def test_an_error_of_a_field_is_shaped_and_tells_nothing(fresh_api: Api) -> None:
    async with (
        staged(fresh_api) as (stage, api),
        subscribed(api, "subscription { states { number broken } }") as socket,
    ):
        await settled(lambda: len(stage.hub) == 1)
        stage.tell("states", firm=ONE, number=1)
        payload = (await hear(socket))["payload"]
        assert payload["data"] == {"states": {"number": 1, "broken": None}}
        assert payload["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert "secret" not in str(payload)


async def test_a_source_that_breaks_ends_its_subscriptions_and_the_next_one_begins_anew(fresh_api: Api) -> None:
    async with staged(fresh_api) as (stage, api), subscribed(api, STATES) as socket, subscribed(api, CHANGES) as other:
        await settled(lambda: len(stage.hub) == 2)
        stage.sources["states"].trouble = RuntimeError("a secret text")
        message = await hear(socket)
        assert message["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert "secret" not in str(message)
        assert (await hear(socket))["type"] == "complete"
        assert [*stage.hub.feeds] == ["changes"]
        stage.sources["states"].trouble = None
        await say(socket, "subscribe", id="1", payload={"query": STATES})
        await settled(lambda: len(stage.hub) == 2 and stage.hub.feeds["states"].groups == 1)
        for topic, reader in (("states", socket), ("changes", other)):
            stage.tell(topic, firm=ONE, number=1)
            assert told(await hear(reader), topic)["number"] == 1


async def test_a_beginning_that_is_refused_has_its_code_and_refuses_nobody_else(fresh_api: Api) -> None:
    document = "subscription ($after: Int) { changes(after: $after) { number } }"
    async with staged(fresh_api) as (stage, api), subscribed(api, document) as one:
        async with subscribed(api, document, variables={"after": Stage.forgotten}) as two:
            message = await hear(two)
            assert message["payload"]["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
            assert message["payload"]["errors"][0]["message"] == "the cursor is too old: read the list first"
            assert (await hear(two))["type"] == "complete"
        stage.tell("changes", firm=ONE, number=1)
        assert told(await hear(one), "changes")["number"] == 1


async def test_a_selection_that_is_slow_delays_nobody_else(fresh_api: Api) -> None:
    async with staged(fresh_api) as (stage, api):
        Stage.gate.clear()
        async with subscribed(api, "subscription { states { slow number } }") as slow, subscribed(api, STATES) as fast:
            await settled(lambda: len(stage.hub) == 2 and stage.hub.feeds["states"].groups == 2)
            for number in range(5):
                stage.tell("states", firm=ONE, number=number, key="one")
                assert told(await hear(fast))["number"] == number
            Stage.gate.set()
            heard = [told(await hear(slow))["number"]]
            while heard[-1] != 4:
                heard.append(told(await hear(slow))["number"])
            assert heard == sorted(heard)


async def test_a_reader_that_stops_delays_nobody_grows_nothing_and_gets_the_latest(fresh_api: Api) -> None:
    async with staged(fresh_api) as (stage, api), slow_reader(api, BULKY) as slow, subscribed(api, BULKY) as fast:
        await settled(lambda: len(stage.hub) == 2)
        last = 200
        for number in range(last + 1):
            stage.tell("states", firm=ONE, number=number, key=number % 3, text="x" * 50_000)
            assert told(await hear(fast))["number"] == number
        waiting = [subscriber.outbox for subscriber in stage.hub._feed_of]
        assert sorted(len(each) for each in waiting) == [0, 3]
        assert max(each._chars for each in waiting) < 3 * 51_000
        heard: list[int] = []
        while not {last - 2, last - 1, last} <= set(heard):
            heard.append(told(await slow.hear())["number"])
        for key in range(3):
            of_key = [number for number in heard if number % 3 == key]
            assert of_key == sorted(set(of_key))
        assert len(heard) < last / 2


async def test_what_must_not_be_left_out_ends_a_reader_that_stops_and_says_how_to_go_on(fresh_api: Api) -> None:
    async with (
        staged(fresh_api) as (stage, api),
        slow_reader(api, BULKY_CHANGES) as slow,
        subscribed(api, BULKY_CHANGES) as fast,
    ):
        await settled(lambda: len(stage.hub) == 2)
        for number in range(200):
            stage.tell("changes", firm=ONE, number=number, text="x" * 50_000)
            assert told(await hear(fast), "changes")["number"] == number
        assert len(stage.hub) == 1
        heard: list[int] = []
        while (message := await slow.hear())["type"] == "next" and message["payload"]["data"] is not None:
            heard.append(told(message, "changes")["number"])
        assert heard == list(range(len(heard)))
        assert message["payload"]["errors"][0]["extensions"] == {"code": "SUBSCRIBER_TOO_SLOW"}
        assert message["payload"]["errors"][0]["message"].endswith("resume after the last number")
        assert await slow.hear() == {"type": "complete", "id": "slow"}


async def test_a_burst_comes_whole(fresh_api: Api) -> None:
    most = 4 * groups.MOST_EVENTS
    async with staged(fresh_api) as (stage, api), subscribed(api, CHANGES) as socket:
        await settled(lambda: len(stage.hub) == 1)
        for number in range(most):
            stage.tell("changes", firm=ONE, number=number)
        assert [told(await hear(socket), "changes")["number"] for _ in range(most)] == list(range(most))


async def test_events_that_pile_up_before_a_slow_selection_end_it_where_none_may_be_left_out(
    fresh_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PATIENCE_S", 0.05)
    async with staged(fresh_api) as (stage, api):
        Stage.gate.clear()
        async with subscribed(api, "subscription { changes { slow } }") as socket:
            await settled(lambda: len(stage.hub) == 1)
            for number in range(2 * groups.MOST_EVENTS):
                stage.tell("changes", firm=ONE, number=number)
            message = await hear(socket)
            assert message["payload"]["errors"][0]["extensions"] == {"code": "SUBSCRIBER_TOO_SLOW"}
            assert (await hear(socket))["type"] == "complete"
            assert len(stage.hub) == 0


async def test_a_reader_that_floods_the_server_with_questions_is_read_no_further(fresh_api: Api) -> None:
    async with staged(fresh_api) as (stage, api), slow_reader(api, STATES) as slow:
        await settled(lambda: len(stage.hub) == 1)
        [subscriber] = stage.hub._feed_of
        flooding = asyncio.create_task(_flood(slow))
        try:
            await settled(lambda: subscriber.outbox._chars > outbox.MOST_CHARS // 2)
            await asyncio.sleep(0.2)
            assert subscriber.outbox._chars <= outbox.MOST_CHARS // 2 + 100_000
        finally:
            flooding.cancel()
            await asyncio.wait([flooding])


async def _flood(slow: Any) -> None:
    while True:
        await slow.say("ping", payload={"text": "x" * 60_000})


async def test_a_client_that_vanishes_while_it_is_written_to_leaves_nothing(fresh_api: Api) -> None:
    async with staged(fresh_api) as (stage, api):
        async with slow_reader(api, BULKY):
            await settled(lambda: len(stage.hub) == 1)
            for number in range(150):
                stage.tell("states", firm=ONE, number=number, text="x" * 50_000)
            [subscriber] = stage.hub._feed_of
            await settled(lambda: len(subscriber.outbox) > 0)
        await settled(lambda: (len(stage.hub), stage.hub.connections, stage.hub.feeds) == (0, 0, {}))


async def test_a_late_subscriber_misses_nothing_and_is_told_nothing_twice(fresh_api: Api) -> None:
    async with staged(fresh_api) as (stage, api), subscribed(api, CHANGES):
        await settled(lambda: len(stage.hub) == 1)

        async def come_late(after_s: float) -> list[int]:
            await asyncio.sleep(after_s)
            async with subscribed(api, CHANGES) as socket:
                return [told(await hear(socket), "changes")["number"] for _ in range(60)]

        late = [asyncio.create_task(come_late(place / 20)) for place in range(8)]
        for number in range(60):
            stage.tell("changes", firm=ONE, number=number)
            await asyncio.sleep(0.01)
        assert await asyncio.gather(*late) == [list(range(60))] * 8


Watchers = list[set[int] | None]

watchers_of_firms = st.lists(st.none() | st.sets(st.integers(1, 4), max_size=4), min_size=1, max_size=4)
events_of_firms = st.lists(st.integers(1, 4), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(watchers=watchers_of_firms, early=events_of_firms, late=events_of_firms)
async def test_nobody_is_told_of_another_firm(
    fresh_api: Api, watchers: Watchers, early: list[int], late: list[int]
) -> None:
    """Whatever firms they may see: each is told every event of theirs in order, and no other, before and after."""
    async with staged(fresh_api) as (stage, api), contextlib.AsyncExitStack() as stack:
        everything = await stack.enter_async_context(subscribed(api, CHANGES, firms=None))
        for number, firm in enumerate(early):
            stage.tell("changes", firm=firm, number=number)
            await hear(everything)
        sockets = [
            await stack.enter_async_context(subscribed(api, CHANGES, firms=None if firms is None else sorted(firms)))
            for firms in watchers
        ]
        await settled(lambda: len(stage.hub) == len(watchers) + 1 and not stage.hub.feeds["changes"]._joining)
        for number, firm in enumerate(late, len(early)):
            stage.tell("changes", firm=firm, number=number)
        for number in range(len(early), len(early) + len(late)):
            assert told(await hear(everything), "changes")["number"] == number
        for firms, socket in zip(watchers, sockets, strict=True):
            await say(socket, "complete", id="1")
            await say(socket, "ping")
            heard = []
            while (message := await hear(socket))["type"] != "pong":
                heard.append(told(message, "changes"))
            assert heard == [
                {"firm": firm, "number": number}
                for number, firm in enumerate(early + late)
                if firms is None or firm in firms
            ]
