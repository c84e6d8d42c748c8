"""Server-sent events, distinct connections mode: every kind of operation as a stream."""

import asyncio

import httpx
import pytest

from core.testing.api import Api, serving
from schema import sse
from tests.schema.live_clients import PROGRESS, event_stream, move, run_of, until_nobody_listens
from tests.schema.schema_data import ONE, TWO

CONTACTS = "{ contacts(first: 1) { nodes { clioId } } }"


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_subscription_streams_what_moves(fresh_api: Api, method: str) -> None:
    run = await run_of(fresh_api, ONE, records_seen=2)
    async with event_stream(fresh_api, method=method) as events:
        name, result = await anext(events)
        assert name == "next"
        assert result["data"]["syncProgress"]["progress"] == 0.2
        await move(fresh_api, run, records_seen=10, state="succeeded")
        name, result = await anext(events)
        assert result == {
            "data": {
                "syncProgress": {
                    "firm": "1",
                    "resource": "user",
                    "state": "succeeded",
                    "progress": 1.0,
                    "recordsSeen": 10,
                }
            }
        }
    await until_nobody_listens(fresh_api)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_query_is_one_event_and_the_end(api: Api, method: str) -> None:
    async with event_stream(api, CONTACTS, method=method) as events:
        (name, result), end = [event async for event in events]
    assert name == "next"
    assert len(result["data"]["contacts"]["nodes"]) == 1
    assert end == ("complete", "")


async def test_a_mutation_streams_its_payload(fresh_api: Api) -> None:
    token = fresh_api.token([ONE], ("write",))
    answer = await fresh_api.http.post(
        fresh_api.url,
        json={"query": 'mutation { cancelSync(id: "nonsense") { errors { code } } }'},
        headers={"Accept": "text/event-stream", "Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200
    assert answer.text.startswith("event: next\ndata: {")
    assert answer.text.endswith("\n\nevent: complete\ndata:\n\n")


async def test_a_document_that_does_not_fit_is_told_of_in_the_stream(api: Api) -> None:
    for document, code in (
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
    ):
        async with event_stream(api, document) as events:
            (name, result), end = [event async for event in events]
        assert name == "next"
        assert [error["extensions"]["code"] for error in result["errors"]] == [code]
        assert end == ("complete", "")


@pytest.mark.parametrize(
    ("method", "document", "scopes", "status", "code"),
    [
        ("POST", PROGRESS, None, 401, "UNAUTHENTICATED"),
        ("POST", PROGRESS, ("write",), 403, "FORBIDDEN"),
        ("POST", "subscription { syncProgress(firm: 2) { id } }", ("read",), 403, "FORBIDDEN"),
        ("POST", CONTACTS, ("write",), 403, "FORBIDDEN"),
        ("GET", 'mutation { cancelSync(id: "1") { errors { code } } }', ("write",), 405, "BAD_USER_INPUT"),
    ],
)
async def test_what_is_forbidden_is_an_answer_and_no_stream(
    api: Api, method: str, document: str, scopes: tuple[str, ...] | None, status: int, code: str
) -> None:
    headers = {"Accept": "text/event-stream"}
    if scopes is not None:
        headers["Authorization"] = f"Bearer {api.token([ONE], scopes)}"
    asked = {"json": {"query": document}} if method == "POST" else {"params": {"query": document}}
    answer = await api.http.request(method, api.url, headers=headers, **asked)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json")
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == [code]


async def test_a_request_that_cannot_be_read_is_an_answer_and_no_stream(api: Api) -> None:
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {api.token([ONE])}"}
    for content, kind, status in ((b"{", "application/json", 400), (b"x", "text/plain", 415)):
        answer = await api.http.post(api.url, content=content, headers={**headers, "Content-Type": kind})
        assert answer.status_code == status
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_token_that_expires_ends_the_stream(fresh_api: Api) -> None:
    async with event_stream(fresh_api, ttl_s=2) as events:
        (name, result), end = [event async for event in events]
    assert name == "next"
    assert result["errors"][0]["extensions"]["code"] == "TOKEN_EXPIRED"
    assert end == ("complete", "")
    await until_nobody_listens(fresh_api)


async def test_a_quiet_stream_shows_life(fresh_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "ALIVE_S", 0.05)
    async with event_stream(fresh_api) as events:
        assert await anext(events) == (":", None)
        assert await anext(events) == (":", None)
        run = await run_of(fresh_api, ONE)
        await move(fresh_api, run, records_seen=3)
        async for name, result in events:
            if name == "next":
                assert result["data"]["syncProgress"]["recordsSeen"] == 3
                break


async def test_a_stream_sees_its_own_firm_alone(fresh_api: Api) -> None:
    other = await run_of(fresh_api, TWO)
    async with event_stream(fresh_api) as events:
        await move(fresh_api, other, records_seen=4)
        own = await run_of(fresh_api, ONE)
        await move(fresh_api, own, records_seen=5)
        _, result = await anext(events)
        assert result["data"]["syncProgress"]["firm"] == "1"


async def test_a_stream_ends_with_a_hint_when_to_come_back_when_the_server_stops(fresh_api: Api) -> None:
    services = type(fresh_api.services)(fresh_api.services.settings, fresh_api.services.registry)
    async with asyncio.timeout(6), httpx.AsyncClient() as http:
        async with serving(services) as url:
            other = Api(services, f"{url}/graphql", http)
            await run_of(fresh_api, ONE)
            stream = event_stream(other)
            events = await stream.__aenter__()
            assert (await anext(events))[0] == "next"
        left = [name async for name, _ in events]
        assert len(left) == 1
        assert left[0].startswith("retry: ")
        await stream.__aexit__(None, None, None)
