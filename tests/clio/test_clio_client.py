"""Requests to Clio: typed when they fail, retried where that is safe, pages one ahead."""

import asyncio
import dataclasses
import datetime
import gc
import math
from functools import partial
from typing import Any

import httpx
import pytest

from core.clio.client import ClioClient
from core.clio.paging import PAGES_AHEAD
from core.clio.priority import Priority
from core.clio.regions import HOSTS, base_url, pinned_url
from core.errors import (
    ClioError,
    ClioForbidden,
    ClioInvalidRequest,
    ClioNotFound,
    ClioRateLimited,
    ClioUnavailable,
    ClioUnexpectedAnswer,
)
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.testing.driving import Control, until


@pytest.fixture
def client(services: Services, firm: int) -> ClioClient:
    return services.accounts.client(firm)


async def get(client: ClioClient, path: str = "users/who_am_i.json") -> object:
    return await client.request("GET", path, priority=Priority.INTERACTIVE)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (403, ClioForbidden, "CLIO_FORBIDDEN"),
        (404, ClioNotFound, "CLIO_NOT_FOUND"),
        (422, ClioInvalidRequest, "CLIO_INVALID_REQUEST"),
        (429, ClioRateLimited, "CLIO_RATE_LIMITED"),
    ],
)
async def test_each_refusal_is_an_error_of_its_own(
    client: ClioClient, control: Control, status: int, error: type[ClioError], code: str
) -> None:
    await control.fail(status=status, prefix="/api/v4/users", retry_after=7 if status == 429 else None)
    with pytest.raises(error) as caught:
        await get(client)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(await control.requests("/api/v4/users/who_am_i")) <= 2


async def test_an_unknown_field_names_what_clio_calls_it(client: ClioClient) -> None:
    with pytest.raises(ClioInvalidRequest, match=r"refused GET contacts\.json with 400") as caught:
        await client.request("GET", "contacts.json", priority=Priority.BACKFILL, params={"fields": "id,nonsense"})
    assert caught.value.error_type != "unknown"


async def test_server_errors_are_tried_again(client: ClioClient, control: Control) -> None:
    await control.fail(status=502, prefix="/api/v4/users", count=2)
    assert await get(client)


async def test_server_errors_that_stay_are_reported_as_such(client: ClioClient, control: Control) -> None:
    await control.fail(status=500, prefix="/api/v4/users", count=50)
    with pytest.raises(ClioUnavailable, match="answered 500"):
        await get(client)


async def test_a_post_is_never_sent_twice(client: ClioClient, control: Control) -> None:
    await control.fail(status=500, prefix="/api/v4/contacts", method="POST", count=5, when="after")
    before = len(await control.records("contacts"))
    with pytest.raises(ClioUnavailable):
        await client.request(
            "POST",
            "contacts.json",
            priority=Priority.INTERACTIVE,
            json={"data": {"type": "Company", "name": "Once & Co"}},
        )
    assert len(await control.records("contacts")) == before + 1


async def test_an_answer_does_not_wait_for_the_garbage_collector(client: ClioClient) -> None:
    gc.collect()
    gc.disable()
    try:
        await get(client)
        assert [each for each in gc.get_objects() if type(each) is httpx.Response] == []
    finally:
        gc.enable()


async def test_a_time_out_is_an_unavailable_clio(
    settings: Settings, services: Services, firm: int, control: Control
) -> None:
    impatient = Services(settings.model_copy(update={"request_timeout_s": 0.2}), services.registry)
    await control.fail(prefix="/api/v4/contacts", delay=1.0, count=10)
    async with impatient.open():
        with pytest.raises(ClioUnavailable, match="did not answer"):
            await impatient.accounts.client(firm).request(
                "POST", "contacts.json", priority=Priority.INTERACTIVE, json={"data": {}}
            )


async def test_a_rate_limit_wrapped_in_a_success_is_seen_through(client: ClioClient, control: Control) -> None:
    await control.call("PATCH", "switches", {"rate_limited_body": "wrapped_200"})
    await control.call("PUT", "rate-limit", {"limit": 0})
    with pytest.raises(ClioRateLimited):
        await get(client)


async def test_a_success_without_data_is_unexpected(client: ClioClient, control: Control) -> None:
    await control.fail(status=200, prefix="/api/v4/users")
    with pytest.raises(ClioUnexpectedAnswer):
        await get(client)


def test_the_token_goes_to_the_firms_region_alone(settings: Settings) -> None:
    assert base_url(settings.model_copy(update={"clio_base_url": None}), "eu") == HOSTS["eu"]
    assert pinned_url(HOSTS["eu"], "users.json") == "https://eu.app.clio.com/api/v4/users.json"
    assert pinned_url(HOSTS["us"], "https://app.clio.com/api/v4/x?page_token=1").endswith("page_token=1")
    for elsewhere in ("https://app.clio.com.evil.test/x", "http://app.clio.com/x", HOSTS["ca"]):
        with pytest.raises(ClioUnexpectedAnswer, match="not followed"):
            pinned_url(HOSTS["us"], elsewhere)


async def test_pages_bring_every_record_once_and_are_read_ahead(
    client: ClioClient, registry: Registry, control: Control
) -> None:
    contacts = registry.resource("contact").endpoint
    small = type(contacts)(path=contacts.path, payload=contacts.payload, page_limit=7)
    seen: list[int] = []
    ahead: list[int] = []
    pages = math.ceil(len(await control.records("contacts")) / 7)
    async for page in client.pages(small, priority=Priority.BACKFILL):
        seen += [record["id"] for record in page.records]
        if page.next_url:
            before = len(seen) // 7
            wanted = min(pages, before + PAGES_AHEAD)
            for _ in range(200):
                if len(await control.requests("/api/v4/contacts")) >= wanted:
                    break
                await asyncio.sleep(0.01)
            ahead.append(len(await control.requests("/api/v4/contacts")) - wanted)
    assert seen == sorted(await control.records("contacts"))
    assert set(ahead) == {0}


async def test_pages_closed_early_leave_nothing_under_way(client: ClioClient, registry: Registry) -> None:
    contacts = registry.resource("contact").endpoint
    pages = client.pages(
        type(contacts)(path="contacts", payload=contacts.payload, page_limit=5), priority=Priority.BACKFILL
    )
    before = asyncio.all_tasks()
    page = await anext(pages)
    assert (len(page.records), page.total) == (5, 60)
    await pages.aclose()
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()


async def test_pages_go_on_from_where_they_stopped_and_since_a_moment(
    client: ClioClient, registry: Registry, control: Control
) -> None:
    endpoint = registry.resource("contact").endpoint
    small = type(endpoint)(path="contacts", payload=endpoint.payload, page_limit=40)
    first = await anext(client.pages(small, priority=Priority.BACKFILL))
    rest = [page async for page in client.pages(small, next_url=first.next_url, priority=Priority.BACKFILL)]
    assert [len(page.records) for page in rest] == [20]
    await control.call("POST", "clock/advance", {"seconds": 7200})
    changed = min(await control.records("contacts"))
    await control.edit("contacts", changed, title="Partner")
    since = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    found = [page async for page in client.pages(endpoint, since_at=since, priority=Priority.BACKFILL)]
    assert [record["id"] for page in found for record in page.records] == [changed]


async def test_no_more_pages_are_read_and_prepared_ahead_than_there_is_room_for(
    services: Services, firm: int, registry: Registry
) -> None:
    """What bounds the memory of a run: of a list of any length a few pages are held at a time."""
    prepared: list[int] = []

    async def prepare(records: list[dict[str, Any]]) -> None:
        prepared.append(len(records))

    async def is_ahead(pages: int) -> bool:
        return len(prepared) >= pages

    client = services.accounts.client(firm, prepare=prepare)
    endpoint = dataclasses.replace(registry.resource("contact").endpoint, page_limit=5)
    pages = client.pages(endpoint, priority=Priority.BACKFILL)
    for taken in (1, 2, 3):
        await anext(pages)
        await until(partial(is_ahead, taken + PAGES_AHEAD))
        await asyncio.sleep(0.1)
        assert prepared == [5] * (taken + PAGES_AHEAD)
    await pages.aclose()
