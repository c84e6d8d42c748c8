"""What is measured: page writes, reads over HTTP, turns of the sweeper, dead rows, sizes. Each prints its lines."""

import asyncio
import datetime
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec

from bench.scale.data import FIRST_ID, LARGE, records_of
from core.auth.tokens import mint
from core.db.engine import Pool
from core.mirror.comparison import compare_statement
from core.mirror.writer import check_records, write_batch
from core.services import Services
from core.sync import reports, runs, schedule
from core.webhooks import claims

PAGE = 200
PAGES = 15
ASKED = 7
"""How often a query is asked; its time is the median."""

SLOTS: Any = {"owner": "bench", "lease_s": 15.0, "firm_most": 3, "most": 4, "most_bulk": 3}
"""A worker with free slots."""

ROWS = "{{ nodes {{ clioId }} }}"
READS = {
    "page in order of id": f"activities(firm: {{firm}}, first: 50) {ROWS}",
    "page deep in that order": f"activities(firm: {{firm}}, first: 50, after: {{cursor}}) {ROWS}",
    "latest by date": f"activities(firm: {{firm}}, first: 50, orderBy: [{{{{field: DATE, direction: DESC}}}}]) {ROWS}",
    "latest by Clio's clock": (
        f"activities(firm: {{firm}}, first: 50, orderBy: [{{{{field: CLIO_UPDATED_AT, direction: DESC}}}}]) {ROWS}"
    ),
    "by total": (f"activities(firm: {{firm}}, first: 50, orderBy: [{{{{field: TOTAL, direction: DESC}}}}]) {ROWS}"),
    "of a matter": (
        f'activities(firm: {{firm}}, first: 50, filter: {{{{matterClioId: {{{{eq: "1000000001"}}}}}}}}) {ROWS}'
    ),
    "of a user": f'activities(firm: {{firm}}, first: 50, filter: {{{{userClioId: {{{{eq: "7"}}}}}}}}) {ROWS}',
    "of a day": f'activities(firm: {{firm}}, first: 50, filter: {{{{date: {{{{eq: "2020-01-02"}}}}}}}}) {ROWS}',
    "by a word of the note": (
        f'activities(firm: {{firm}}, first: 50, filter: {{{{note: {{{{contains: "no such word"}}}}}}}}) {ROWS}'
    ),
    "totalCount": "activities(firm: {firm}, first: 1) {{ totalCount }}",
    "feed of changes, first page": "changes(firm: {firm}, first: 100) {{ nodes {{ clioId operation }} }}",
    "history of a record": 'activity(clioId: "{record}") {{ history(first: 20) {{ nodes {{ operation }} }} }}',
}


async def sizes(services: Services) -> None:
    """Print rows and bytes of each large table and index."""
    rows = await services.database.pool.fetch(
        """SELECT relname, greatest(reltuples, 0)::bigint AS rows, pg_table_size(oid) AS bytes,
                  pg_indexes_size(oid) AS index_bytes
           FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
           ORDER BY pg_total_relation_size(oid) DESC LIMIT 6"""
    )
    for row in rows:
        each = max(row["rows"], 1)
        print(
            f"scale: {row['relname']}: {row['rows']:,} rows, "
            f"table {row['bytes'] / 1e6:,.0f} MB ({row['bytes'] / each:.0f} B a row), "
            f"indexes {row['index_bytes'] / 1e6:,.0f} MB ({row['index_bytes'] / each:.0f} B a row)"
        )


async def pages(services: Services, small: int) -> None:
    """Print what a page costs in the large firm and in a small one: equal, changed in a tenth, and new."""
    resource, pool = services.registry.resource("activity"), services.database.pool
    found: dict[tuple[str, int], list[float]] = {}
    for number in range(PAGES):
        for firm in (LARGE, small):
            # Firms hold different numbers of records; each page begins somewhere else.
            most = await pool.fetchval("SELECT max(clio_id) FROM activities_activity WHERE firm = $1", firm)
            after = FIRST_ID + (most - FIRST_ID - PAGE) * number // PAGES
            records = await records_of(pool, resource, firm, after=after, count=PAGE)
            later = datetime.datetime.now(datetime.UTC)
            edited = [{**each, "note": f"edited {number}", "updated_at": later} for each in records[::10]]
            new = [{**each, "id": most + 1 + place} for place, each in enumerate(records)]
            for name, page in (("equal", records), ("a tenth edited", edited + records), ("new", new)):
                batch = await check_records(resource, page)
                started = time.perf_counter()
                await write_batch(pool, batch, firm=firm, seen_at=later, source="incremental")
                found.setdefault((name, firm), []).append(time.perf_counter() - started)
    for name in ("equal", "a tenth edited", "new"):
        large_s, small_s = (statistics.median(found[name, firm]) for firm in (LARGE, small))
        print(
            f"scale: write of a page, {name}: {large_s * 1e3:.1f} ms in the large firm, "
            f"{small_s * 1e3:.1f} ms in a small one, ratio {large_s / small_s:.2f}"
        )


async def comparisons(services: Services, small: int) -> None:
    """Print what a page of a comparison costs in the large firm and in a small one, and the proof at its end."""
    resource, pool = services.registry.resource("activity"), services.database.pool
    for firm in (LARGE, small):
        run = await _compared_run(services, firm)
        await reports.open_report(services.database, run)
        times, after = [], 0
        for _ in range(PAGES):
            records = await records_of(pool, resource, firm, after=after, count=PAGE)
            listed = [
                {"clio_id": each["id"], "etag": each["etag"], "clio_updated_at": each["updated_at"]} for each in records
            ]
            up_to, page = int(str(records[-1]["id"])), msgspec.json.encode(listed).decode()
            place = (firm, after, up_to, run.high_water_at, run.high_water_at)
            started = time.perf_counter()
            await pool.fetchval(
                compare_statement(resource), page, *place, run.id, "bench", 600.0, "more", None, None, 1
            )
            times.append(time.perf_counter() - started)
            after = up_to
        started = time.perf_counter()
        await reports.prove(services.database, run, resource, ahead=datetime.timedelta(), owner="bench")
        proof_s = time.perf_counter() - started
        where = "large" if firm == LARGE else "small"
        page_ms = statistics.median(times) * 1e3
        print(f"scale: comparison in the {where} firm: {page_ms:.1f} ms a page, both roots {proof_s:.2f} s")
        await pool.execute("DELETE FROM sync_run WHERE id = $1", run.id)


async def _compared_run(services: Services, firm: int) -> runs.Run:
    row = await services.database.pool.fetchrow(
        """INSERT INTO sync_run (firm, resource, kind, state, lease_owner, lease_until, high_water_at)
        VALUES ($1, 'activity', 'reconcile', 'running', 'bench', now() + interval '1 hour', now())
        RETURNING id, firm, resource, kind, next_url, since_at, high_water_at, attempt, failures, approves""",
        firm,
    )
    if row is None:
        raise RuntimeError("the run was not made")
    return runs.Run(**dict(row))


async def reads(services: Services, small: int) -> None:
    """Print what lists cost over HTTP in the large firm and in a small one; what grows has no index to go by."""
    url = f"http://127.0.0.1:{services.settings.port}/graphql"
    async with httpx.AsyncClient(timeout=60) as http:
        for name, words in READS.items():
            taken = [await _read(services, http, url, words, firm) for firm in (LARGE, small)]
            told = [each if isinstance(each, str) else f"{each * 1e3:.1f} ms" for each in taken]
            ratio = taken[0] / taken[1] if all(isinstance(each, float) for each in taken) else None  # type: ignore[operator]
            ratio_told = "" if ratio is None else f", ratio {ratio:.1f}"
            print(f"scale: {name}: {told[0]} in the large firm, {told[1]} in a small one{ratio_told}")


async def _read(services: Services, http: httpx.AsyncClient, url: str, words: str, firm: int) -> float | str:
    """Return the median seconds, or the code of the error that came instead."""
    token = mint(services.settings, subject="bench", firms=[firm], scopes=["read"], ttl_s=3600)
    headers = {"authorization": f"Bearer {token}"}
    most = await services.database.pool.fetchval("SELECT max(clio_id) FROM activities_activity WHERE firm = $1", firm)
    middle, cursor = (FIRST_ID + most) // 2, "null"
    if "{cursor}" in words:
        ask = '{{ activities(firm: {}, first: 1, filter: {{clioId: {{gte: "{}"}}}}) {{ edges {{ cursor }} }} }}'
        answer = (await http.post(url, json={"query": ask.format(firm, middle)}, headers=headers)).json()
        cursor = json.dumps(answer["data"]["activities"]["edges"][0]["cursor"])
    document = "{ " + words.format(firm=firm, cursor=cursor, record=middle) + " }"
    times = []
    for _ in range(ASKED):
        started = time.perf_counter()
        answer = (await http.post(url, json={"query": document}, headers=headers)).json()
        times.append(time.perf_counter() - started)
        if answer.get("errors"):
            error = answer["errors"][0]
            return str(error.get("extensions", {}).get("code") or error["message"])
    return statistics.median(times)


async def turns(services: Services, firms: int) -> None:
    """Print statements and time of each turn that the worker makes for all firms together, nothing being due."""
    work: dict[str, Callable[[], Awaitable[Any]]] = {
        "runs that are due (every second)": lambda: runs.take_due(services.database, **SLOTS),
        "deliveries that are due (every second)": lambda: claims.any_due(services.database),
        "polls that are due (every 5 s)": lambda: schedule.request_due_polls(services),
        "reconcile runs that are due (every 5 s)": lambda: schedule.request_due_reconciliations(services),
    }
    for name, turn in work.items():
        await turn()
        times = []
        for _ in range(ASKED):
            started = time.perf_counter()
            await turn()
            times.append(time.perf_counter() - started)
        statements = await _statements_of(services, turn)
        print(f"scale: {firms:,} firms, {name}: {statements} statements, {statistics.median(times) * 1e3:.1f} ms")


async def _statements_of(services: Services, turn: Callable[[], Awaitable[Any]]) -> int:
    """Return how many statements a turn sends, on whichever connection of the pool; without what the pool adds."""
    seen: list[str] = []

    def note(query: Any) -> None:
        if "pg_advisory_unlock_all" not in query.query:
            seen.append(query.query)

    pool = services.database.pool
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    # The pool's own, which outlive what it hands out.
    connections = [each._con for each in held]  # type: ignore[attr-defined]  # noqa: SLF001
    for each in held:
        await pool.release(each)
    for connection in connections:
        connection.add_query_logger(note)
    try:
        await turn()
    finally:
        for connection in connections:
            connection.remove_query_logger(note)
    return len(seen)


async def dead_rows(services: Services, small: int) -> None:
    """Print how rows are updated: in place of the old one in its page (HOT), or with new entries in every index."""
    pool = services.database.pool
    before = await _counted(pool)
    resource = services.registry.resource("activity")
    records = await records_of(pool, resource, small, after=0, count=PAGE * 5)
    later = datetime.datetime.now(datetime.UTC)
    for start in range(0, len(records), PAGE):
        page = records[start : start + PAGE]
        batch = await check_records(resource, page)
        await write_batch(pool, batch, firm=small, seen_at=later, source="incremental")
    equal = await _counted(pool)
    edited = [{**each, "note": "edited once more", "updated_at": later} for each in records[::10]]
    await write_batch(pool, await check_records(resource, edited), firm=small, seen_at=later, source="incremental")
    after = await _counted(pool)
    print(f"scale: {len(records)} equal records: {equal[0] - before[0]} rows updated")
    updated, hot = (after[place] - equal[place] for place in (0, 1))
    print(f"scale: {len(edited)} edited records: {updated} rows updated, {hot} of them HOT")


async def _counted(pool: Pool) -> tuple[int, int]:
    """Return how many rows of activities were updated so far, and how many of them HOT."""
    async with pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
    await asyncio.sleep(1.5)
    row = await pool.fetchrow(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'activities_activity'"
    )
    return (0, 0) if row is None else (row[0], row[1])
