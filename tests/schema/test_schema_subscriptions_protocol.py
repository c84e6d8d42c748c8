"""graphql-transport-ws to the letter: every message and every close code, with a client that says what it wants."""

import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.testing.api import Api
from schema import sockets
from tests.schema.live_clients import (
    PROGRESS,
    close_of,
    hear,
    hub_of,
    let_in,
    move,
    run_of,
    say,
    settled,
    shown,
    socket_to,
    subscribed,
)
from tests.schema.schema_data import ONE

CONTACTS = "{ contacts(first: 1) { nodes { clioId } } }"


@pytest.mark.parametrize(
    ("authorization", "code", "reason"),
    [
        (None, 4401, "UNAUTHENTICATED: send an Authorization header"),
        ("Bearer nonsense", 4401, "UNAUTHENTICATED: the bearer token cannot be read"),
        ("expired", 4401, "TOKEN_EXPIRED: the bearer token has expired"),
        ("write", 4403, "FORBIDDEN: the token needs the scope 'read'"),
    ],
)
async def test_a_connection_without_a_good_token_is_closed_with_the_reason(
    api: Api, authorization: str | None, code: int, reason: str
) -> None:
    if authorization == "expired":
        authorization = f"Bearer {api.token([ONE], ttl_s=-5)}"
    if authorization == "write":
        authorization = f"Bearer {api.token([ONE], ('write',))}"
    async with socket_to(api) as socket:
        await say(socket, "connection_init", payload={"authorization": authorization} if authorization else {})
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
    assert closed.value.rcvd.reason.startswith(reason)


async def test_the_token_may_come_in_the_header_of_the_handshake(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token([ONE])}"}
    async with socket_to(api, additional_headers=headers) as socket:
        await say(socket, "connection_init")
        assert (await hear(socket))["type"] == "connection_ack"


async def test_subscribing_before_the_connection_is_let_in_closes_it(api: Api) -> None:
    async with socket_to(api) as socket:
        await say(socket, "subscribe", id="1", payload={"query": PROGRESS})
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_client_that_does_not_say_connection_init_is_closed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "INIT_S", 0.05)
    async with socket_to(api) as socket:
        assert await close_of(socket) == (4408, "connection initialisation timeout")


async def test_a_second_connection_init_closes(api: Api) -> None:
    async with let_in(api) as socket:
        await say(socket, "connection_init")
        assert await close_of(socket) == (4429, "too many initialisation requests")


async def test_an_id_that_is_taken_closes(fresh_api: Api) -> None:
    async with subscribed(fresh_api) as socket:
        await say(socket, "subscribe", id="1", payload={"query": PROGRESS})
        assert await close_of(socket) == (4409, "subscriber for 1 already exists")
    await settled(lambda: len(hub_of(fresh_api)) == 0)


@pytest.mark.parametrize(
    "sent",
    [
        "nonsense",
        "[]",
        "{}",
        '{"type": "nonsense"}',
        '{"type": "connection_init", "payload": "a text"}',
        '{"type": "subscribe", "id": "2"}',
        '{"type": "subscribe", "payload": {"query": "{ me { subject } }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ me { subject } }"}}',
        '{"type": "subscribe", "id": 2, "payload": {"query": "{ me { subject } }"}}',
        '{"type": "subscribe", "id": "2", "payload": {"query": null}}',
        '{"type": "subscribe", "id": "2", "payload": {"query": "{ me { subject } }", "variables": []}}',
        '{"type": "subscribe", "id": "2", "payload": {"query": "{ me { subject } }", "operationName": 1}}',
        '{"type": "complete"}',
        "[" * 100_000,
        b"bytes",
    ],
)
async def test_a_message_that_is_none_closes_with_the_reason(api: Api, sent: str | bytes) -> None:
    async with let_in(api) as socket:
        await socket.send(sent)
        code, reason = await close_of(socket)
    assert code == 4400
    assert reason.startswith("invalid message: ")


async def test_a_message_that_is_too_large_closes(api: Api) -> None:
    async with let_in(api) as socket:
        await say(socket, "ping", payload={"text": "x" * sockets.MOST_MESSAGE_CHARS})
        code, _ = await close_of(socket)
    assert code == 1009


async def test_another_subprotocol_is_not_spoken(api: Api) -> None:
    async with socket_to(api, subprotocols=None) as socket:
        assert (await close_of(socket))[0] == 4406


async def test_a_page_of_another_origin_is_not_let_in(api: Api) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket_to(api, origin="https://elsewhere.example"):
            pass
    assert refused.value.response.status_code == 403
    async with let_in(api, origin=api.url.removesuffix("/graphql")):
        pass


async def test_a_ping_is_answered_with_its_payload(api: Api) -> None:
    async with let_in(api) as socket:
        await say(socket, "ping")
        assert await hear(socket) == {"type": "pong"}
        await say(socket, "ping", payload={"at": 1})
        assert await hear(socket) == {"type": "pong", "payload": {"at": 1}}


async def test_a_silent_client_is_asked_and_closed_if_it_does_not_answer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "PING_S", 0.05)
    monkeypatch.setattr(sockets, "PONG_S", 0.3)
    async with let_in(api) as socket:
        for _ in range(3):
            assert await hear(socket) == {"type": "ping"}
            await say(socket, "pong")
        assert await hear(socket) == {"type": "ping"}
        assert await close_of(socket) == (4408, "no pong in time")


async def test_a_silent_client_that_is_being_sent_something_is_not_asked_before_it_gets_nothing(
    fresh_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "PING_S", 2.0)
    run = await run_of(fresh_api, ONE)
    async with subscribed(fresh_api) as socket:
        shown(await hear(socket))
        silent_since = asyncio.get_running_loop().time()
        seen = 0
        while asyncio.get_running_loop().time() < silent_since + 2.5:
            seen += 1
            await move(fresh_api, run, records_seen=seen)
            assert shown(await hear(socket))["recordsSeen"] == seen
        assert await hear(socket) == {"type": "ping"}


async def test_a_client_that_is_sent_much_is_asked_now_and_then(
    fresh_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "PING_S", 0.2)
    monkeypatch.setattr(sockets, "BUSY_PING_S", 0.5)
    run = await run_of(fresh_api, ONE)
    async with subscribed(fresh_api) as socket:
        said = await hear(socket)
        while said["type"] == "next":
            await move(fresh_api, run, records_seen=shown(said)["recordsSeen"] + 1)
            said = await hear(socket)
        assert said == {"type": "ping"}


async def test_a_query_is_answered_and_completed_and_its_id_is_free_again(api: Api) -> None:
    async with let_in(api) as socket:
        for _ in range(2):
            await say(socket, "subscribe", id="q", payload={"query": CONTACTS})
            answer = await hear(socket)
            assert (answer["type"], answer["id"]) == ("next", "q")
            assert len(answer["payload"]["data"]["contacts"]["nodes"]) == 1
            assert await hear(socket) == {"type": "complete", "id": "q"}


async def test_a_mutation_needs_its_scope(api: Api) -> None:
    async with let_in(api) as socket:
        mutation = 'mutation { cancelSync(id: "1") { errors { code } } }'
        await say(socket, "subscribe", id="m", payload={"query": mutation})
        answer = await hear(socket)
        assert (answer["type"], answer["id"]) == ("error", "m")
        assert [error["extensions"]["code"] for error in answer["payload"]] == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "subscription { nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription A { syncProgress { id } } query B { me { subject } }"}, "BAD_USER_INPUT"),
        ({"query": "subscription A { syncProgress { id } }", "operationName": "B"}, "BAD_USER_INPUT"),
        ({"query": "subscription ($f: ID!) { syncProgress(firm: $f) { id } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": 'subscription { syncProgress(firm: "nonsense") { id } }'}, "BAD_USER_INPUT"),
        ({"query": "subscription { syncProgress(firm: 2) { id } }"}, "FORBIDDEN"),
        ({"query": "subscription { " + "a: __typename " * 70 + "}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { syncProgress @skip(if: true) { id } }"}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_an_operation_that_cannot_begin_is_an_error_and_the_others_go_on(
    fresh_api: Api, payload: dict[str, Any], code: str
) -> None:
    await run_of(fresh_api, ONE)
    async with subscribed(fresh_api) as socket:
        shown(await hear(socket))
        for _ in range(2):
            await say(socket, "subscribe", id="2", payload=payload)
            answer = await hear(socket)
            assert (answer["type"], answer["id"]) == ("error", "2")
            assert {error["extensions"]["code"] for error in answer["payload"]} == {code}
        await run_of(fresh_api, ONE, resource="matter")
        assert shown(await hear(socket))["resource"] == "matter"


async def test_a_connection_has_so_many_operations_and_no_more(fresh_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MOST_OPERATIONS", 2)
    await run_of(fresh_api, ONE)
    async with subscribed(fresh_api) as socket:
        shown(await hear(socket))
        await say(socket, "subscribe", id="2", payload={"query": PROGRESS})
        shown(await hear(socket))
        await say(socket, "subscribe", id="3", payload={"query": PROGRESS})
        answer = await hear(socket)
        assert (answer["type"], answer["id"]) == ("error", "3")
        assert answer["payload"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
        await say(socket, "complete", id="2")
        await say(socket, "subscribe", id="3", payload={"query": PROGRESS})
        assert (await hear(socket))["id"] == "3"


async def test_after_complete_nothing_more_comes_and_completing_what_is_not_there_is_no_error(fresh_api: Api) -> None:
    async with subscribed(fresh_api) as socket:
        await say(socket, "complete", id="1")
        await say(socket, "complete", id="never")
        await settled(lambda: len(hub_of(fresh_api)) == 0)
        await run_of(fresh_api, ONE)
        await say(socket, "ping")
        assert await hear(socket) == {"type": "pong"}


async def test_an_expired_token_begins_nothing_more(api: Api) -> None:
    async with let_in(api, ttl_s=2) as socket:
        await asyncio.sleep(2.1)
        await say(socket, "subscribe", id="1", payload={"query": CONTACTS})
        answer = await hear(socket)
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "TOKEN_EXPIRED")


async def test_an_id_may_hold_anything_json_can_say(fresh_api: Api) -> None:
    await run_of(fresh_api, ONE)
    async with let_in(fresh_api) as socket:
        for name in ('with "quotes"', "line\nbreak", "snowman \u2603"):
            await say(socket, "subscribe", id=name, payload={"query": PROGRESS})
            text = await socket.recv()
            assert json.loads(text)["id"] == name
