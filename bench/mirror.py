"""How fast pages are written, beside one upsert per record on the same server in the same run."""

import time
from collections.abc import Awaitable, Callable

from bench.stage import stage
from core.clio.client import Page
from core.clio.priority import Priority
from core.mirror.writer import validate_records, write_records
from core.resource import Resource
from core.services import Services
from core.sync import engine, runs

CONTACTS = 20_000


async def measure() -> None:
    """Print rows a second: the database part of a backfill, a second pass, the whole run, and the comparison."""
    async with stage(contacts=CONTACTS, rate_limit=1_000_000) as (services, firm, _):
        contacts = services.registry.resource("contact")
        client = services.accounts.client(firm)
        pages = [page async for page in client.pages(contacts.endpoint, priority=Priority.BACKFILL)]
        rows = sum(len(page.records) for page in pages)
        print(f"mirror: {rows} contacts in {len(pages)} pages, {len(contacts.own_columns) + 5} columns")
        for name, write in (("insert", _write), ("second pass, all equal", _write), ("one upsert per record", _upsert)):
            seconds = await _timed(write, services, contacts, firm, pages)
            print(f"mirror: {name}: {rows / seconds:,.0f} rows/s in the database part ({seconds:.2f} s)")
        await services.database.pool.execute("TRUNCATE contacts_contact, change")
        [run] = await runs.request_runs(services, firms=[firm], resource="contact", full=True)
        started = time.perf_counter()
        outcome = await engine.work_on(services, run, owner="bench")
        seconds = time.perf_counter() - started
        print(f"mirror: whole backfill, requests and validation included: {outcome}, {rows / seconds:,.0f} rows/s")


async def _timed(
    write: Callable[[Services, Resource, int, Page], Awaitable[None]],
    services: Services,
    resource: Resource,
    firm: int,
    pages: list[Page],
) -> float:
    started = time.perf_counter()
    for page in pages:
        await write(services, resource, firm, page)
    return time.perf_counter() - started


async def _write(services: Services, resource: Resource, firm: int, page: Page) -> None:
    await write_records(
        services.database.pool,
        resource,
        firm=firm,
        payloads=validate_records(resource, page.records),
        seen_at=page.requested_at,
        source="backfill",
    )


async def _upsert(services: Services, resource: Resource, firm: int, page: Page) -> None:
    """The comparison: what most integrations do, without history or guard."""
    names = ["clio_id", *resource.own_columns]
    assigned = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in resource.own_columns)
    listed = ", ".join(f'"{name}"' for name in names)
    places = ", ".join(f"${place}" for place in range(3, len(names) + 3))
    statement = (
        f'INSERT INTO "{resource.table_name}" (firm, seen_at, {listed}) VALUES ($1, $2, {places}) '
        f"ON CONFLICT (firm, clio_id) DO UPDATE SET {assigned}"
    )
    for payload in validate_records(resource, page.records):
        row = payload.to_row()
        values = [payload.id, *(row[name] for name in resource.own_columns)]
        await services.database.pool.execute(statement, firm, page.requested_at, *values)
