"""Pages of other origins: what a browser does by itself never executes, and only named origins may ask."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest

from core.embedded.servers import EmbeddedServers
from core.registry import Registry
from core.testing.api import Api, open_api
from core.testing.stack import settings_for

ME = "{ me { subject } }"
FRIEND, STRANGER = "https://app.example.com", "https://evil.example.net"
CORS = "access-control-"


@pytest.fixture(scope="module")
async def shared(servers: EmbeddedServers, read_only_url: str, registry: Registry) -> AsyncIterator[Api]:
    """An API that pages of one other origin may call."""
    settings = settings_for(read_only_url, servers.redis_url)
    async with open_api(settings.model_copy(update={"graphql_allowed_origins": (FRIEND,)}), registry) as made:
        yield made


def bearer(api: Api, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.token([1])}", **more}


def cors_of(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith(CORS)}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
async def test_what_a_foreign_page_can_send_unasked_is_refused(
    api: Api, method: str, content_type: str | None, site: str | None
) -> None:
    """A form, an image or a script of another page: no header of its own choice, and so no token."""
    headers = {"Content-Type": content_type} if content_type else {}
    headers |= {"Sec-Fetch-Site": site} if site else {}
    content = b"" if method != "POST" else urlencode({"query": ME}).encode()
    answer = await api.http.request(
        method, api.url, params={"query": "mutation { syncNow { runs { id } } }"}, content=content, headers=headers
    )
    assert answer.status_code == (403 if site else 401)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_body_that_needs_no_preflight_is_refused_even_with_a_token(api: Api, content_type: str) -> None:
    answer = await api.http.post(
        api.url, content=b'{"query": "{ me { subject } }"}', headers=bearer(api, **{"Content-Type": content_type})
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": STRANGER}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "https://["}, 403),
        ({"Origin": FRIEND}, 403),
        ({"Origin": STRANGER, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": STRANGER, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://api.example.org", "Host": "api.example.org"}, 200),
        ({"Origin": "https://api.example.org", "Host": "api.example.org:443"}, 200),
        ({"Origin": "http://api.example.org:81", "Host": "api.example.org"}, 403),
        ({"Origin": "http://127.0.0.1:8000", "Host": "inside.example.org"}, 200),
        ({"Origin": "https://shown.example.org", "Host": "inside", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_pages_of_our_own_may_ask_and_others_may_not(api: Api, headers: dict[str, str], status: int) -> None:
    answer = await api.http.post(api.url, json={"query": ME}, headers=bearer(api, **headers))
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert cors_of(answer) == set()


async def test_no_origin_is_let_in_unless_a_setting_names_it(api: Api) -> None:
    asks = {"Origin": FRIEND, "Access-Control-Request-Method": "POST"}
    answer = await api.http.options(api.url, headers=asks)
    assert (answer.status_code, cors_of(answer)) == (204, set())
    assert "Origin" not in answer.headers["vary"]


async def test_a_named_origin_is_told_what_it_may_send(shared: Api) -> None:
    asks = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-client-name",
    }
    answer = await shared.http.options(shared.url, headers=asks)
    assert answer.status_code == 204
    assert {name: answer.headers[name] for name in cors_of(answer)} == {
        "access-control-allow-origin": FRIEND,
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers": "authorization,content-type,x-client-name",
        "access-control-max-age": "7200",
        "access-control-expose-headers": "ETag, WWW-Authenticate, X-Request-Id",
    }
    assert "Origin" in answer.headers["vary"]
    refused = await shared.http.options(shared.url, headers={**asks, "Origin": STRANGER})
    assert (refused.status_code, cors_of(refused)) == (204, set())


async def test_a_named_origin_reads_answers_and_errors_alike(shared: Api) -> None:
    for headers, status in ((bearer(shared), 200), ({}, 401), (bearer(shared, Accept="text/html"), 406)):
        answer = await shared.http.post(shared.url, json={"query": ME}, headers={**headers, "Origin": FRIEND})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert "access-control-allow-credentials" not in answer.headers
        assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
        assert "Origin" in answer.headers["vary"]
    refused = await shared.http.post(shared.url, json={"query": ME}, headers=bearer(shared, Origin=STRANGER))
    assert (refused.status_code, cors_of(refused)) == (403, set())


async def test_a_named_origin_reads_streams_too(shared: Api) -> None:
    headers = bearer(shared, Origin=FRIEND, Accept="text/event-stream")
    answer = await shared.http.post(shared.url, json={"query": ME}, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert answer.headers["x-request-id"]
