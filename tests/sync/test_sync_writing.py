"""Pages sent one behind the other: written in their order whatever happens to one, and none of them lost."""

import asyncio
import datetime
from typing import Any

import pytest

from core.clio.paging import Page
from core.errors import LeaseLost
from core.mirror.writer import validate_records, write_records
from core.resource import Resource
from core.services import Services
from core.sync import requesting, runs
from core.sync.runs import Run
from core.sync.writing import writing
from tests.mirror.scene import contact

NOW = datetime.datetime.now(datetime.UTC)
OWNER = "me"


def page(clio_id: int, next_url: str | None) -> Page:
    return Page(records=[contact(clio_id)], next_url=next_url, total=None, requested_at=NOW)


@pytest.fixture
def contacts(services: Services) -> Resource:
    return services.registry.resource("contact")


@pytest.fixture
async def run(services: Services, firm: int) -> Run:
    [number] = await requesting.request_runs(services, firms=[firm], resource="contact", full=True)
    taken = await runs.take_up(services.database, number, owner=OWNER, lease_s=60, firm_most=10)
    assert taken is not None
    return taken


async def row(services: Services, run: Run) -> tuple[Any, ...]:
    found = await services.database.pool.fetchrow(
        "SELECT pages, next_url, records_seen, records_created FROM sync_run WHERE id = $1", run.id
    )
    assert found is not None
    return tuple(found)


async def test_a_page_that_came_before_its_turn_is_sent_again(services: Services, contacts: Resource, run: Run) -> None:
    """Somebody else creates a record of the second page at once, so that it has to be sent twice: the third waits."""
    async with writing(services, run, contacts, owner=OWNER) as writes:
        await writes.write(page(1, "second"), read_to=1)
        async with services.database.transaction() as rival:
            payloads = validate_records(contacts, [contact(2)])
            await write_records(rival, contacts, firm=run.firm, payloads=payloads, seen_at=NOW, source="webhook")
            await writes.write(page(2, "third"), read_to=2)
            await writes.write(page(3, None), read_to=3)
            await asyncio.sleep(0.3)
            assert await row(services, run) == (1, "second", 1, 1)
        await writes.settled()
    assert await row(services, run) == (3, "", 3, 2)


async def test_what_was_begun_is_written_where_reading_fails(services: Services, contacts: Resource, run: Run) -> None:
    async def read() -> None:
        async with writing(services, run, contacts, owner=OWNER) as writes:
            await writes.write(page(1, "second"), read_to=1)
            await writes.write(page(2, "third"), read_to=2)
            raise RuntimeError("no further page")

    with pytest.raises(RuntimeError, match="no further page"):
        await read()
    assert await row(services, run) == (2, "third", 2, 2)


async def write_two_after(services: Services, contacts: Resource, run: Run, meanwhile: str) -> None:
    """Write a page, then run a statement, then write two more."""
    async with writing(services, run, contacts, owner=OWNER) as writes:
        await writes.write(page(1, "second"), read_to=1)
        await writes.settled()
        await services.database.pool.execute(meanwhile)
        await writes.write(page(2, "third"), read_to=2)
        await writes.write(page(3, None), read_to=3)
        await writes.settled()


@pytest.mark.parametrize(
    ("meanwhile", "reason", "at"),
    [
        ("UPDATE sync_run SET lease_owner = 'somebody else'", "taken over", "second"),
        ("UPDATE sync_run SET next_url = 'elsewhere'", "stands elsewhere", "elsewhere"),
    ],
)
async def test_a_run_that_is_somebody_elses_or_was_moved_by_them_is_left_to_them(
    services: Services, contacts: Resource, run: Run, meanwhile: str, reason: str, at: str
) -> None:
    with pytest.raises(LeaseLost, match=reason):
        await write_two_after(services, contacts, run, meanwhile)
    assert await row(services, run) == (1, at, 1, 1)
    assert await services.database.pool.fetchval("SELECT count(*) FROM contacts_contact") == 1
