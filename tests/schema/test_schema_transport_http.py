"""GraphQL over HTTP: methods, what a body may be, and what its parameters may be."""

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from core.testing.api import Api
from schema.execution import Operations
from schema.negotiation import GRAPHQL_JSON, PLAIN_JSON, is_json, negotiate

ME = "{ me { subject } }"
ANSWERED = {
    "data": {"me": {"subject": "test"}},
    "extensions": {"cost": {"requested": 1, "limit": 50_000, "remaining": 49_999}},
}
EVENTS = "text/event-stream"
POSTED = "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
PIECE_BYTES = 50_000


def bearer(api: Api, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.token([1])}", "Accept": GRAPHQL_JSON, **more}


async def connect(api: Api) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection of which every byte is ours."""
    address = urlsplit(api.url)
    assert address.hostname is not None
    return await asyncio.open_connection(address.hostname, address.port)


def code_of(answer: httpx.Response) -> str:
    (error,) = answer.json()["errors"]
    assert error["message"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "QUERY"])
async def test_a_method_that_is_none_of_ours_is_405_and_says_which_are(api: Api, method: str) -> None:
    answer = await api.http.request(method, api.url, headers=bearer(api))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    assert code_of(answer) == "BAD_USER_INPUT"


async def test_options_names_the_methods_and_asks_for_no_token(api: Api) -> None:
    answer = await api.http.options(api.url)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, HEAD, POST, OPTIONS", b"")


async def test_head_is_get_without_its_body(api: Api) -> None:
    got = await api.http.get(api.url, params={"query": ME}, headers=bearer(api))
    head = await api.http.head(api.url, params={"query": ME}, headers=bearer(api))
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "cache-control", "vary"):
        assert head.headers[name] == got.headers[name], name
    refused = await api.http.head(api.url, params={"query": "mutation { a }"}, headers=bearer(api))
    assert (refused.status_code, refused.content) == (405, b"")
    streamed = await api.http.head(api.url, params={"query": ME}, headers=bearer(api, Accept=EVENTS))
    assert (streamed.status_code, streamed.content) == (406, b"")


async def test_a_slash_at_the_end_makes_no_difference(api: Api) -> None:
    answer = await api.http.post(f"{api.url}/", json={"query": ME}, headers=bearer(api))
    assert answer.json() == ANSWERED


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('Application/JSON;Charset="UTF-8"', True),
        ("application/json; charset=utf8; odd=1", True),
        ("application/json; charset=utf-16", False),
        ("application/json; charset=latin-1", False),
        ("application/json, text/plain", False),
        ("application/jsonp", False),
        ("application/graphql", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("", False),
        (None, False),
    ],
)
async def test_a_body_is_json_in_utf_8_or_415(api: Api, content_type: str | None, taken: bool) -> None:
    assert is_json(content_type) is taken
    headers = bearer(api) if content_type is None else bearer(api, **{"Content-Type": content_type})
    answer = await api.http.post(api.url, content=json.dumps({"query": ME}).encode(), headers=headers)
    assert answer.status_code == (200 if taken else 415)
    assert taken or code_of(answer) == "BAD_USER_INPUT"


async def test_a_compressed_body_is_415_and_the_answer_says_what_is_taken(api: Api) -> None:
    headers = bearer(api, **{"Content-Type": PLAIN_JSON, "Content-Encoding": "gzip"})
    answer = await api.http.post(api.url, content=b"x", headers=headers)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"query": 1}, "query"),
        ({"query": {}}, "query"),
        ({"query": ME, "variables": "{}"}, "variables"),
        ({"query": ME, "variables": [1]}, "variables"),
        ({"query": ME, "variables": 0}, "variables"),
        ({"query": ME, "operationName": {}}, "operationName"),
        ({"query": ME, "operationName": 1}, "operationName"),
        ({"query": ME, "extensions": "x"}, "extensions"),
        ({"query": ME, "extensions": []}, "extensions"),
        ([{"query": ME}], "one operation"),
        ("x", "object"),
        ({"qeury": ME}, "query"),
    ],
)
@pytest.mark.parametrize("accept", [GRAPHQL_JSON, PLAIN_JSON])
async def test_a_parameter_of_another_type_is_400_and_named(api: Api, given: Any, named: str, accept: str) -> None:
    answer = await api.http.post(api.url, json=given, headers=bearer(api, Accept=accept))
    assert (answer.status_code, code_of(answer)) == (400, "BAD_USER_INPUT")
    assert named in answer.json()["errors"][0]["message"]
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    "more",
    [
        {"variables": None, "operationName": None, "extensions": None},
        {"variables": {}, "operationName": "", "extensions": {"of": {"a": "client"}}},
        {"unknown": [1], "variables": {"unknown": 1}},
    ],
)
async def test_what_is_null_empty_or_unknown_is_as_if_it_were_not_there(api: Api, more: dict[str, Any]) -> None:
    answer = await api.http.post(api.url, json={"query": ME, **more}, headers=bearer(api))
    assert (answer.status_code, answer.json()) == (200, ANSWERED)


async def test_numbers_reach_variables_digit_by_digit(api: Api) -> None:
    body = '{"query": "query($n: Int!) { contacts(first: $n) { totalCount } }", "variables": {"n": %s}}'
    headers = bearer(api, **{"Content-Type": PLAIN_JSON})
    for number in ("9007199254740993", "123456789012345678901234567890", "1e400", "NaN"):
        answer = await api.http.post(api.url, content=body % number, headers=headers)
        assert (answer.status_code, code_of(answer)) == (400, "BAD_USER_INPUT"), number


@pytest.mark.parametrize(
    ("query_string", "status"),
    [
        (urlencode({"query": ME}), 200),
        (urlencode({"query": ME, "operationName": "", "odd": "x"}), 200),
        (urlencode({"query": f"query A {ME} query B {{ nodes(ids: []) {{ id }} }}", "operationName": "A"}), 200),
        (urlencode({"query": ME, "variables": "{}", "extensions": "{}"}), 200),
        (urlencode({"query": ME, "variables": "null"}), 200),
        (urlencode({"query": ME, "operationName": "null"}), 400),
        (urlencode({"query": ME, "variables": "[]"}), 400),
        (urlencode({"query": ME, "variables": "{"}), 400),
        (urlencode({"query": ME, "variables": ""}), 400),
        (urlencode({"query": ME, "extensions": "1"}), 400),
        (urlencode([("query", ME), ("query", ME)]), 400),
        ("query=%ff", 400),
        ("&".join(["a=1"] * 101), 400),
        ("", 400),
    ],
)
async def test_what_a_get_may_ask(api: Api, query_string: str, status: int) -> None:
    answer = await api.http.get(f"{api.url}?{query_string}", headers=bearer(api))
    assert answer.status_code == status
    assert answer.json() == ANSWERED if status == 200 else code_of(answer) == "BAD_USER_INPUT"


async def test_a_parameter_in_the_address_of_a_post_says_nothing(api: Api) -> None:
    answer = await api.http.post(api.url, params={"query": ME}, json={}, headers=bearer(api))
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (EVENTS, EVENTS),
        (f"{EVENTS}, */*;q=0.1", EVENTS),
        (f"{EVENTS}, */*", EVENTS),
        (f"{EVENTS}, multipart/mixed", EVENTS),
        (f"{EVENTS};q=0.5, {PLAIN_JSON}", PLAIN_JSON),
        (f"{PLAIN_JSON};q=0.5, {EVENTS}", EVENTS),
        (f"{GRAPHQL_JSON}, application/graphql+json, {PLAIN_JSON}, {EVENTS}, multipart/mixed", GRAPHQL_JSON),
        (f"{EVENTS};q=0", None),
        (f"{GRAPHQL_JSON}; charset=utf-8, {PLAIN_JSON}; charset=utf-8", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-16, {PLAIN_JSON}", PLAIN_JSON),
        (f"{PLAIN_JSON}; charset=utf-16", None),
    ],
)
def test_streams_are_for_who_names_them_and_text_is_utf_8(accept: str, chosen: str | None) -> None:
    assert negotiate(accept) == chosen


@pytest.mark.parametrize("accept", [GRAPHQL_JSON, PLAIN_JSON])
async def test_a_subscription_is_not_answered_with_one_result(api: Api, accept: str) -> None:
    query = "subscription { syncProgress { state } }"
    answer = await api.http.post(api.url, json={"query": query}, headers=bearer(api, Accept=accept))
    assert (answer.status_code, code_of(answer)) == (400, "BAD_USER_INPUT")
    assert EVENTS in answer.json()["errors"][0]["message"]
    answer = await api.http.get(api.url, params={"query": query}, headers=bearer(api, Accept=accept))
    assert (answer.status_code, code_of(answer)) == (405, "BAD_USER_INPUT")


@pytest.mark.parametrize("size", [1_000_001, 20_000_000])
@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_that_is_too_large_is_413_whether_announced_or_not(
    api: Api, size: int, is_announced: bool
) -> None:
    """Over a bare socket: asyncio's streams forget what was answered once a piece of the rest cannot be sent."""
    loop, url = asyncio.get_running_loop(), httpx.URL(api.url)
    framing = f"Content-Length: {size}" if is_announced else "Transfer-Encoding: chunked"
    with socket.create_connection((url.host, url.port or 80)) as client:
        client.setblocking(False)

        async def send() -> None:
            head = f"{POSTED}Authorization: Bearer {api.token([1])}\r\n{framing}\r\n\r\n"
            await loop.sock_sendall(client, head.encode())
            for start in range(0, size, PIECE_BYTES):
                piece = b" " * min(PIECE_BYTES, size - start)
                await loop.sock_sendall(client, piece if is_announced else b"%x\r\n%s\r\n" % (len(piece), piece))
            await loop.sock_sendall(client, b"" if is_announced else b"0\r\n\r\n")

        sending = asyncio.create_task(send())
        answer = await loop.sock_recv(client, 1000)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_who_asks_before_sending_too_much_hears_at_once_that_it_is_not_wanted(api: Api) -> None:
    reader, writer = await connect(api)
    head = f"{POSTED}Authorization: Bearer {api.token([1])}\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


async def test_a_client_that_leaves_before_its_body_is_complete_harms_nobody(api: Api) -> None:
    _, writer = await connect(api)
    writer.write(f"{POSTED}Authorization: Bearer {api.token([1])}\r\nContent-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await api.query(ME)).data == ANSWERED["data"]


async def test_a_header_keeps_a_request_to_the_resolvers(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    answer = Operations.answer

    async def note(self: Operations, *given: Any, generic: bool = False, **named: Any) -> Any:
        seen.append(generic)
        return await answer(self, *given, generic=generic, **named)

    monkeypatch.setattr(Operations, "answer", note)
    for headers in ({}, {"X-Read-Path": "generic"}, {"X-Read-Path": "other"}):
        assert (await api.query(ME, headers=headers)).data == ANSWERED["data"]
    assert seen == [False, True, False]


async def test_what_breaks_outside_of_a_field_is_500_without_its_text(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the client's name is Ada")

    monkeypatch.setattr(Operations, "answer", break_down)
    answer = await api.http.post(api.url, json={"query": ME}, headers=bearer(api, **{"X-Request-Id": "lost-1"}))
    assert (answer.status_code, code_of(answer), answer.headers["x-request-id"]) == (500, "INTERNAL", "lost-1")
    assert "Ada" not in answer.text
