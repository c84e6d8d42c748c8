"""What a run says of itself: good only when the last page was seen, throttled when it waits, and what it cost."""

import asyncio
from typing import Any

import pytest

from core.clio.priority import Priority
from core.errors import ClioRateLimited
from core.services import Services
from core.sync import engine, requesting, runs, schedule
from core.testing.driving import Control, until
from mock_clio.settings import MockSettings
from tests.sync.test_sync_runs import assert_mirror_equals_clio, in_state, request, row, settle

PAGE = 200
TOTAL = 3 * PAGE + 7
NO_NEXT = {"meta": {"paging": {"next": None}}}


@pytest.fixture
def mock_settings(mock_settings: MockSettings) -> MockSettings:
    mock_settings.contacts = TOTAL
    return mock_settings


async def turn(services: Services, run: int) -> str:
    await services.database.pool.execute("UPDATE sync_run SET not_before_at = now() WHERE finished_at IS NULL")
    return await engine.work_on(services, run, owner="test")


async def cursors(services: Services) -> int:
    return int(await services.database.pool.fetchval("SELECT count(*) FROM sync_cursor"))


async def patch(control: Control, changes: dict[str, Any], *, skip: int = 0) -> None:
    await control.fail(prefix="/api/v4/contacts", patch=changes, skip=skip)


async def test_a_run_that_clio_limits_is_throttled_until_it_may_go_on(
    services: Services, firm: int, control: Control
) -> None:
    await control.fail(prefix="/api/v4/contacts", skip=1, status=429, retry_after=40)
    run = await request(services, firm, "contact")
    assert await turn(services, run) == "throttled"
    waiting = await row(services, run)
    assert (waiting["state"], waiting["error_code"], waiting["pages"]) == ("throttled", "CLIO_RATE_LIMITED", 1)
    left_s = (waiting["not_before_at"] - waiting["heartbeat_at"]).total_seconds()
    assert 35 < left_s < 45
    assert waiting["finished_at"] is None


async def test_a_throttled_run_is_active_in_every_way(services: Services, firm: int, control: Control) -> None:
    await control.fail(prefix="/api/v4/contacts", status=429, retry_after=1)
    run = await request(services, firm, "contact")
    assert await turn(services, run) == "throttled"
    assert await request(services, firm, "contact", full=True) == run
    assert await schedule.request_due_polls(services) == len(services.registry.resources) - 1
    await services.database.pool.execute("DELETE FROM sync_run WHERE id <> $1", run)
    assert await requesting.request_reconciliations(services, firms=[firm], resource="contact") == [run]
    due: Any = {"owner": "other", "lease_s": 60, "firm_most": 3, "most": 4, "most_bulk": 4}
    assert await runs.take_due(services.database, **due) == []
    await asyncio.sleep(1.1)
    [taken] = await runs.take_due(services.database, **due)
    assert taken.id == run
    await runs.put_back(services.database, taken, owner="other", delay_s=0, error=None, failed=False)
    assert await settle(services, run) == "succeeded"
    assert (await row(services, run))["error_code"] is None


async def test_a_throttled_run_is_cancelled_at_once_and_says_by_whom(
    services: Services, firm: int, control: Control
) -> None:
    await control.fail(prefix="/api/v4/contacts", status=429, retry_after=60)
    run = await request(services, firm, "contact")
    assert await turn(services, run) == "throttled"
    assert await runs.cancel_run(services, run, by="ada@example.com")
    ended = await row(services, run)
    assert (ended["state"], ended["error_code"]) == ("cancelled", "CANCELLED")
    assert ended["error_message"] == "cancelled by ada@example.com"
    assert ended["finished_at"] is not None


async def test_a_run_that_is_throttled_while_it_is_cancelled_ends(
    services: Services, firm: int, control: Control
) -> None:
    run = await request(services, firm, "contact")
    await control.fail(prefix="/api/v4/contacts", delay=0.5, count=1)
    work = asyncio.create_task(engine.work_on(services, run, owner="test"))
    await until(lambda: in_state(services, run, "running"))
    assert await runs.cancel_run(services, run, by="ada")
    taken = runs.Run(
        **{name: (await row(services, run))[name] for name in runs.Run.__dataclass_fields__ if name != "usage"}
    )
    limited = ClioRateLimited("clio limits it", retry_after_s=60)
    await runs.put_back(services.database, taken, owner="test", delay_s=60, error=limited, failed=False)
    await runs.finish_cancelled(services.database)
    assert (await row(services, run))["state"] == "cancelled"
    await work
    assert (await row(services, run))["error_message"] == "cancelled by ada"


async def test_a_running_run_says_who_cancelled_it(services: Services, firm: int, control: Control) -> None:
    run = await request(services, firm, "contact")
    await control.fail(prefix="/api/v4/contacts", delay=2.5, count=1)
    work = asyncio.create_task(engine.work_on(services, run, owner="test"))
    await until(lambda: in_state(services, run, "running"))
    assert await runs.cancel_run(services, run, by="ada")
    assert await work == "cancelled"
    ended = await row(services, run)
    assert (ended["error_code"], ended["error_message"]) == ("CANCELLED", "cancelled by ada")


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize("changes", [NO_NEXT, {"meta": None}, {"meta": {"paging": None}}], ids=str)
async def test_a_list_that_ends_before_its_end_is_partial_and_moves_no_cursor(
    services: Services, firm: int, control: Control, skip: int, changes: dict[str, Any]
) -> None:
    await patch(control, changes, skip=skip)
    run = await request(services, firm, "contact")
    assert await settle(services, run) == "partial"
    ended = await row(services, run)
    assert (ended["state"], ended["error_code"]) == ("partial", "LIST_CUT_SHORT")
    assert f"and {(skip + 1) * PAGE}" in ended["error_message"]
    assert await cursors(services) == 0
    again = await request(services, firm, "contact")
    assert await settle(services, again) == "succeeded"
    assert (await row(services, again))["kind"] == "backfill"
    await assert_mirror_equals_clio(services, firm, control)


async def test_deletions_while_it_reads_explain_what_is_missing(
    services: Services, firm: int, control: Control
) -> None:
    ids = sorted(await control.records("contacts"))
    await control.fail(prefix="/api/v4/contacts", delay=1.5, skip=1, count=1)
    run = await request(services, firm, "contact")
    work = asyncio.create_task(settle(services, run))
    await until(lambda: _has_pages(services, run, 1))
    for clio_id in ids[450:480]:
        await control.delete("contacts", clio_id)
    assert await work == "succeeded"
    assert TOTAL - 30 <= (await row(services, run))["records_seen"] < TOTAL


async def test_what_clio_counts_and_does_not_list_is_no_reason_to_read_for_ever(
    services: Services, firm: int, control: Control
) -> None:
    await control.fail(prefix="/api/v4/contacts", count=10, patch={"meta": {"records": TOTAL + 40}})
    run = await request(services, firm, "contact")
    assert await settle(services, run) == "succeeded"
    done = await row(services, run)
    assert (done["records_seen"], done["records_total"], done["requests"]) == (TOTAL, TOTAL + 40, 5)


async def test_a_full_last_page_without_a_count_is_proven_to_be_the_last(
    services: Services, firm: int, control: Control
) -> None:
    for clio_id in sorted(await control.records("contacts"))[3 * PAGE :]:
        await control.delete("contacts", clio_id)
    await control.fail(prefix="/api/v4/contacts", count=10, patch={"meta": {"records": None}})
    run = await request(services, firm, "contact")
    assert await settle(services, run) == "succeeded"
    assert (await row(services, run))["requests"] == 4


@pytest.mark.parametrize(
    "changes",
    [{"data": None}, {"data": {"id": 1}}, {"data": "text"}, {"meta": {"paging": {"next": "https://evil.test/x"}}}],
    ids=str,
)
async def test_an_answer_that_is_none_fails_the_run(
    services: Services, firm: int, control: Control, changes: dict[str, Any]
) -> None:
    await patch(control, changes, skip=1)
    run = await request(services, firm, "contact")
    assert await settle(services, run) == "failed"
    assert (await row(services, run))["error_code"] == "CLIO_UNEXPECTED_ANSWER"
    assert await cursors(services) == 0


async def test_a_list_that_goes_in_circles_fails(services: Services, firm: int, control: Control) -> None:
    client, endpoint = services.accounts.client(firm), services.registry.resource("contact").endpoint
    first = await client.list_page(endpoint, priority=Priority.BACKFILL)
    await control.fail(
        prefix="/api/v4/contacts", skip=2, count=1000, patch={"meta": {"paging": {"next": first.next_url}}}
    )
    run = await request(services, firm, "contact")
    assert await settle(services, run) == "failed"
    assert "leads back" in (await row(services, run))["error_message"]
    assert (await row(services, run))["pages"] < 10


async def test_a_death_after_the_last_page_reads_nothing_again(
    services: Services, firm: int, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await request(services, firm, "contact")

    async def die(*_: Any, **__: Any) -> bool:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(runs, "succeed", die)
        with pytest.raises(asyncio.CancelledError):
            await engine.work_on(services, run, owner="dead")
    await services.database.pool.execute("UPDATE sync_run SET lease_until = now() - interval '1 s'")
    read = len(await control.requests("/api/v4/contacts"))
    assert await turn(services, run) == "succeeded"
    assert len(await control.requests("/api/v4/contacts")) == read
    assert (await row(services, run))["records_seen"] == TOTAL


async def test_requests_count_what_was_sent_again(services: Services, firm: int, control: Control) -> None:
    await control.fail(prefix="/api/v4/contacts", skip=1, count=2, status=503)
    await control.fail(prefix="/api/v4/contacts", skip=1, count=1, status=429, retry_after=1)
    run = await request(services, firm, "contact")
    await until(lambda: _succeeds(services, run))
    assert (await row(services, run))["requests"] == len(await control.requests("/api/v4/contacts")) == 7


async def test_a_reconcile_run_counts_its_requests_and_has_a_plan(
    services: Services, firm: int, control: Control
) -> None:
    [run] = await requesting.request_reconciliations(services, firms=[firm], resource="contact")
    assert await settle(services, run) == "succeeded"
    done = await row(services, run)
    assert done["requests"] == len(await control.requests("/api/v4/contacts"))
    assert done["plan"] == "listing, 200 a page, 1 ahead"


async def _has_pages(services: Services, run: int, pages: int) -> bool:
    return bool((await row(services, run))["pages"] >= pages)


async def _succeeds(services: Services, run: int) -> bool:
    return await settle(services, run, turns=1) == "succeeded"
