"""The rate limit."""

import base64
from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from mock_clio.clock import Clock
from mock_clio.limits import RateLimiter
from mock_clio.settings import Region
from mock_clio.switches import Switches


async def test_headers_count_down_within_a_window(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.put("clock", json={"frozen": True})
    await control.put("rate-limit", json={"limit": 3})
    now = (await control.get("clock")).json()["seconds"]
    answers = [await api.get("users/who_am_i") for _ in range(3)]
    assert [answer.headers["x-ratelimit-limit"] for answer in answers] == ["3"] * 3
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0"]
    assert 60 <= int(answers[0].headers["x-ratelimit-reset"]) - now <= 61


async def test_429_until_the_window_ends(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.put("clock", json={"frozen": True})
    await control.put("rate-limit", json={"limit": 1})
    await api.get("contacts")
    await control.post("clock/advance", json={"seconds": 20})
    over = await api.get("contacts")
    assert over.status_code == 429
    assert over.json()["error"] == {"type": "RateLimited", "message": "Rate limit exceeded"}
    wait = int(over.headers["retry-after"])
    assert 40 <= wait <= 41
    assert over.headers["x-ratelimit-remaining"] == "0"
    await control.post("clock/advance", json={"seconds": wait})
    assert (await api.get("contacts")).status_code == 200


async def test_each_token_has_its_own_window(api: httpx.AsyncClient, control: httpx.AsyncClient) -> None:
    await control.put("rate-limit", json={"limit": 1})
    await api.get("contacts")
    token = (await control.post("tokens", json={"client_id": "app"})).json()["access_token"]
    other = await api.get("contacts", headers={"Authorization": f"Bearer {token}"})
    assert other.status_code == 200


async def test_errors_carry_the_headers_too_but_401_does_not(api: httpx.AsyncClient) -> None:
    assert "x-ratelimit-remaining" in (await api.get("contacts/1")).headers
    bad = await api.get("contacts", headers={"Authorization": "Bearer nothing"})
    assert (bad.status_code, "x-ratelimit-remaining" in bad.headers) == (401, False)


@pytest.mark.parametrize(("switch", "status"), [("wrapped", 429), ("wrapped_200", 200)])
async def test_wrapped_body(api: httpx.AsyncClient, control: httpx.AsyncClient, switch: str, status: int) -> None:
    await control.put("rate-limit", json={"limit": 0})
    await control.patch("switches", json={"rate_limited_body": switch})
    answer = await api.get("contacts")
    assert answer.status_code == status
    body = answer.json()
    assert body["metadata"] == {"encodingDecoded": "text/plain"}
    assert msgspec.json.decode(base64.b64decode(body["data"]))["error"]["type"] == "RateLimited"


@pytest.mark.parametrize(
    ("region", "moment", "limit"),
    [
        ("us", datetime(2026, 11, 2, 17, 0, tzinfo=UTC), 50),
        ("us", datetime(2026, 11, 2, 11, 0, tzinfo=UTC), 300),
        ("us", datetime(2026, 11, 1, 17, 0, tzinfo=UTC), 300),
        ("eu", datetime(2026, 11, 2, 7, 0, tzinfo=UTC), 50),
        ("eu", datetime(2026, 11, 2, 22, 0, tzinfo=UTC), 300),
        ("au", datetime(2026, 11, 2, 22, 0, tzinfo=UTC), 50),
    ],
)
def test_off_peak_hours_by_region(region: Region, moment: datetime, limit: int) -> None:
    limiter = RateLimiter(Clock(moment, frozen=True), Switches(off_peak_limit=300), region, 50)
    assert limiter.current_limit() == limit
    assert RateLimiter(Clock(moment, frozen=True), Switches(), region, 50).current_limit() == 50
