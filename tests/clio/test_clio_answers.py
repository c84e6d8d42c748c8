"""Answers that are not what one hopes for: odd bodies, odd addresses, and connections that break."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import msgspec
import pytest
import stamina
from pydantic import AnyHttpUrl

from core.clio.answers import data_of, error_of, error_type, location_of, next_url_of, record_of, retry_after_s
from core.clio.budget import RequestBudget
from core.clio.budget_scripts import keys_of
from core.clio.client import ClioClient
from core.clio.priority import Priority
from core.clio.regions import HOSTS, pinned_url
from core.clio.webhooks import list_webhooks
from core.errors import (
    ClioError,
    ClioForbidden,
    ClioInvalidRequest,
    ClioNotFound,
    ClioRateLimited,
    ClioUnavailable,
    ClioUnexpectedAnswer,
)
from core.services import Services
from core.settings import Settings
from core.testing.driving import Control
from mock_clio.server import MockClioServer

GET = httpx.Request("GET", "https://app.clio.com/api/v4/contacts.json")


def answer(status: int, body: object = None, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return httpx.Response(status, content=content, headers=headers, request=GET)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"error": {"type": "ForbiddenError", "message": "no"}}, "ForbiddenError"),
        ({"error": "invalid_token"}, "invalid_token"),
        ({"error": "Ines Moreau may not see the matter of Rui Silva"}, "unknown"),
        ({"error": {"type": "X" * 500}}, "unknown"),
        ({"error": {"type": 7}}, "unknown"),
        ({"error": ["invalid_token"]}, "unknown"),
        (["error"], "unknown"),
        (None, "unknown"),
    ],
)
def test_an_error_is_named_only_by_what_looks_like_a_name(body: object, name: str) -> None:
    assert error_type(body) == name


@pytest.mark.parametrize("body", [b"<html>Ines Moreau</html>", b"", b"\xff\xfe", b'{"error":'])
def test_a_body_that_is_not_json_still_makes_the_error_of_its_status(body: bytes) -> None:
    error = error_of(answer(403, body), "GET contacts")
    assert isinstance(error, ClioForbidden)
    assert "Moreau" not in str(error)


@pytest.mark.parametrize("status", [400, 409, 410, 412, 422])
def test_a_refused_request_keeps_status_and_name(status: int) -> None:
    error = error_of(answer(status, {"error": {"type": "ArgumentError", "message": "Moreau"}}), "POST contacts")
    assert isinstance(error, ClioInvalidRequest)
    assert (error.status, error.error_type) == (status, "ArgumentError")
    assert "Moreau" not in str(error)


@pytest.mark.parametrize("status", [303, 304, 307])
def test_a_redirect_is_not_followed(status: int) -> None:
    error = error_of(answer(status, b"", location="https://elsewhere.test/"), "GET practice_areas")
    assert isinstance(error, ClioUnexpectedAnswer)
    assert error.status == status


@pytest.mark.parametrize(("text", "wait_s"), [("7", 7.0), ("", 30.0), ("soon", 30.0), ("²", 30.0), ("9" * 12, 300.0)])
def test_how_long_to_wait_is_read_with_care(text: str, wait_s: float) -> None:
    headers = [(b"retry-after", text.encode())]
    assert retry_after_s(httpx.Response(429, headers=headers)) == wait_s


def test_an_empty_success_brings_nothing() -> None:
    assert data_of(answer(204, b""), "DELETE webhooks") == {}
    assert data_of(answer(200, b""), "PUT activate") == {}
    with pytest.raises(ClioUnexpectedAnswer):
        record_of({}, "GET webhooks")
    with pytest.raises(ClioUnexpectedAnswer):
        record_of({"data": [1]}, "GET webhooks")


@pytest.mark.parametrize("meta", [None, [], {}, {"paging": None}, {"paging": []}, {"paging": {"next": 7}}])
def test_a_last_page_may_say_so_in_many_ways(meta: object) -> None:
    assert next_url_of({"data": [], "meta": meta}) is None


@pytest.mark.parametrize(
    "elsewhere",
    ["https://[", "https://app.clio.com@evil.test/x", "https://me@app.clio.com/x", "https://app.clio.com:8443/x"],
)
def test_an_address_that_only_looks_like_clios_is_refused(elsewhere: str) -> None:
    with pytest.raises(ClioUnexpectedAnswer, match="not followed"):
        pinned_url(HOSTS["us"], elsewhere)


async def test_a_next_page_elsewhere_is_not_asked_for(services: Services, firm: int, control: Control) -> None:
    client, before = services.accounts.client(firm), len(await control.requests())
    for url in ("https://app.clio.com/api/v4/contacts.json", "http://127.0.0.1:9/api/v4/contacts.json"):
        with pytest.raises(ClioUnexpectedAnswer, match="not followed"):
            await client.request("GET", url, priority=Priority.BACKFILL)
    assert len(await control.requests()) == before


async def test_a_post_goes_out_once_even_where_tests_retry_everything(
    services: Services, firm: int, control: Control
) -> None:
    await control.fail(status=502, prefix="/api/v4/contacts", method="POST", count=9)
    with stamina.set_testing(True, attempts=4), pytest.raises(ClioUnavailable):
        await services.accounts.client(firm).request(
            "POST", "contacts.json", priority=Priority.INTERACTIVE, json={"data": {}}
        )
    assert len(await control.requests("/api/v4/contacts")) == 1


async def test_a_time_out_is_tried_again_for_a_get(
    settings: Settings, services: Services, firm: int, mock_clio: MockClioServer, control: Control
) -> None:
    impatient = Services(settings.model_copy(update={"request_timeout_s": 0.3}), services.registry)
    await control.fail(prefix="/api/v4/users", delay=0.8, count=1)
    async with impatient.open():
        await impatient.accounts.client(firm).who_am_i()
    assert mock_clio.state.faults.requests == []
    assert await services.redis.zcard(keys_of(firm)[1]) == 1, "the lost request may have been counted"


@asynccontextmanager
async def dribbling() -> AsyncIterator[str]:
    """A server that never stops to begin its answer."""

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(dribble, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await ended.wait()


async def test_an_answer_that_comes_in_drops_is_given_up(settings: Settings, services: Services, firm: int) -> None:
    async with dribbling() as url:
        slow = settings.model_copy(update={"request_timeout_s": 0.3, "clio_base_url": AnyHttpUrl(url)})
        other = Services(slow, services.registry)
        async with other.open():
            with pytest.raises(ClioUnavailable, match="did not answer"):
                await other.accounts.client(firm).request("POST", "contacts.json", priority=Priority.INTERACTIVE)


async def test_a_clio_that_cannot_be_reached_costs_no_budget(
    settings: Settings, services: Services, firm: int, api_port: int
) -> None:
    gone = settings.model_copy(update={"clio_base_url": AnyHttpUrl(f"http://127.0.0.1:{api_port}")})
    other = Services(gone, services.registry)
    async with other.open():
        with pytest.raises(ClioUnavailable, match="cannot be reached"):
            await other.accounts.client(firm).request("POST", "contacts.json", priority=Priority.INTERACTIVE)
    assert await services.redis.zcard(keys_of(firm)[1]) == 0


async def test_calls_about_webhooks_wait_for_the_budget(services: Services, firm: int) -> None:
    await services.accounts.client(firm).who_am_i()
    await RequestBudget(services.redis).block(firm, 30)
    waiting = asyncio.create_task(list_webhooks(services.accounts.client(firm)))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_caller_may_have_no_patience(services: Services, firm: int) -> None:
    client: ClioClient = services.accounts.client(firm)
    await RequestBudget(services.redis).block(firm, 2)
    with pytest.raises(ClioError, match="used up"):
        await client.request("GET", "users/who_am_i.json", priority=Priority.BACKFILL, patience_s=0.0)


SIGNED = "https://files.example.com/a.pdf?X-Amz-Signature=abc"


def test_a_303_leads_to_an_https_address() -> None:
    assert location_of(answer(303, b"", location=SIGNED), "GET documents") == SIGNED


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/relative?X-Amz-Signature=abc",
        "https://?X-Amz-Signature=abc",
        "http://files.example.com/?X-Amz-Signature=abc",
        "http://127.0.0.1:8001/?X-Amz-Signature=abc",
        "ftp://files.example.com/?X-Amz-Signature=abc",
        "javascript:alert('X-Amz-Signature=abc')",
        "https://files.example.com:port/?X-Amz-Signature=abc",
    ],
)
def test_a_303_that_leads_elsewhere_is_refused_without_telling_where(location: str) -> None:
    with pytest.raises(ClioUnexpectedAnswer) as caught:
        location_of(answer(303, b"", location=location), "GET documents")
    assert caught.value.status == 303
    assert "X-Amz" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "[::1]:8001", "localhost:8001", "files.example.com"])
def test_plain_http_is_passed_on_between_loopback_addresses_alone(host: str) -> None:
    asked = httpx.Request("GET", "http://127.0.0.1:8001/api/v4/documents/1/download.json")
    response = httpx.Response(303, headers={"location": f"http://{host}/file"}, request=asked)
    if host == "files.example.com":
        with pytest.raises(ClioUnexpectedAnswer):
            location_of(response, "GET documents")
    else:
        assert location_of(response, "GET documents") == f"http://{host}/file"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"data": {"id": 1}}, ClioUnexpectedAnswer),
        (302, b"", ClioUnexpectedAnswer),
        (404, {"error": {"type": "NotFound"}}, ClioNotFound),
        (200, {"data": base64.b64encode(b'{"error":{"type":"RateLimited"}}').decode()}, ClioRateLimited),
    ],
)
def test_what_is_no_303_leads_nowhere(status: int, body: object, error: type[ClioError]) -> None:
    with pytest.raises(error):
        location_of(answer(status, body, location=SIGNED), "GET documents")
