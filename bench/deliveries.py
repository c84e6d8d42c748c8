"""Deliveries in one table, as they are, and by day: what intake, claims and retention cost. The basis of ADR 0019.

The same statements run on both, but for the day that the key of a partitioned table must have.
"""

import datetime
import hashlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from core.db.engine import Connection
from core.db.intake import INTAKE_SETTINGS
from core.embedded.servers import EmbeddedServers
from core.loading import load_plugins
from core.process import migrate_all
from core.services import Services
from core.testing.stack import administer, database_named, settings_for
from core.webhooks import claims, delivery, retention

DAYS = 90
A_DAY = 3_000
BATCH = 500
BATCHES = 40
PROBES = 100
ENDPOINTS = 200

_FILL = """
INSERT INTO webhook_delivery (firm, endpoint, resource, model, event, record_clio_id, digest, body, status, received_at,
    processed_at{column})
SELECT n % $1 + 1, n % $1 + 1, 'contact', 'contact', 'updated', n % 50000, sha256(n::text::bytea),
    convert_to(repeat(md5(n::text), 30), 'UTF8'), CASE WHEN n % 500 = 0 THEN 'dead' ELSE 'processed' END, at, at{value}
FROM generate_series(0, $2::int - 1) AS n
CROSS JOIN LATERAL (SELECT now() - make_interval(days => 91) + n * interval '1 day' / $3::int AS at) AS t"""

_BY_DAY = """
ALTER TABLE webhook_delivery RENAME TO whole;
CREATE TABLE webhook_delivery (LIKE whole INCLUDING DEFAULTS) PARTITION BY RANGE (day);
DO $$ BEGIN
    FOR n IN -92..3 LOOP
        EXECUTE format('CREATE TABLE delivery_%s PARTITION OF webhook_delivery FOR VALUES FROM (%L) TO (%L)',
            to_char(current_date + n, 'YYYYMMDD'), current_date + n, current_date + n + 1);
    END LOOP;
END $$"""


async def measure() -> None:
    """Print the figures of both shapes."""
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedServers(Path(folder), durable=True) as servers:
            for shape in ("one table", "by day"):
                name = "bench_" + shape.replace(" ", "_")
                await administer(servers, f"CREATE DATABASE {name}")
                services = Services(settings_for(database_named(servers, name), servers.redis_url), load_plugins())
                async with services.open():
                    await migrate_all(services)
                url = database_named(servers, name)
                connection = await asyncpg.connect(url)
                intake = await asyncpg.connect(url, server_settings=INTAKE_SETTINGS)
                await _measure(shape, connection, intake)
                await connection.close()
                await intake.close()


async def _measure(shape: str, connection: Connection, intake: Connection) -> None:
    by_day = shape == "by day"
    if by_day:
        await _partition(connection)
    day = {"column": ", day", "value": ", at::date"} if by_day else {"column": "", "value": ""}
    await connection.execute(_FILL.format(**day), ENDPOINTS, DAYS * A_DAY, A_DAY)
    await connection.execute("VACUUM (ANALYZE) webhook_delivery")
    rate, wal = await _take_in(connection, intake, by_day=by_day)
    due_ms = await _probe(connection, claims._DUE)  # noqa: SLF001 - the statement that is measured
    spent = await (_drop_day(connection) if by_day else _delete_day(connection))
    print(
        f"deliveries {shape}: {rate:,.0f} rows/s taken in by one session, {wal:,.0f} bytes of WAL each; looking for due"
        f" work {due_ms:.2f} ms; retention of a day of {A_DAY:,}: {spent}"
    )


async def _partition(connection: Connection) -> None:
    """Make the table over, with the day in its key, and every index it has."""
    await connection.execute("ALTER TABLE webhook_delivery ADD COLUMN day date NOT NULL DEFAULT current_date")
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes"
        " WHERE tablename = 'webhook_delivery' AND indexdef NOT LIKE '%UNIQUE%'"
    )
    await connection.execute(_BY_DAY)
    for index in indexes:
        await connection.execute(f"ALTER INDEX {index['indexname']} RENAME TO whole_{index['indexname']}")
        await connection.execute(index["indexdef"])
    await connection.execute(
        "ALTER TABLE webhook_delivery ADD PRIMARY KEY (id, day), ADD UNIQUE (endpoint, digest, copy, day)"
    )


async def _take_in(connection: Connection, intake: Connection, *, by_day: bool) -> tuple[float, float]:
    """Return rows a second, and bytes of WAL for each, of batches of new deliveries."""
    insert = delivery._INSERT  # noqa: SLF001 - the statement that is measured
    if by_day:
        insert = insert.replace("receipts, copy)", "receipts, copy, day)", 1)
        insert = insert.replace("        ), 0)\n", "        ), 0), came.received_at::date\n", 1)
        known = "AND latest.digest = came.digest"
        insert = insert.replace(known, f"{known} AND latest.day >= came.received_at::date - 1")
        # A partitioned table has no xmax to tell the rows that were there before.
        insert = insert.replace("received_at, xmax", "received_at, receipts").replace("xmax <> 0", "receipts > 1")
        insert = insert.replace("(endpoint, digest, copy) DO", "(endpoint, digest, copy, day) DO")
    before = await _wal_bytes(connection)
    began = time.perf_counter()
    for columns in _batches():
        await intake.fetch(insert, *columns)
    spent_s = time.perf_counter() - began
    wal = await _wal_bytes(connection) - before
    return BATCH * BATCHES / spent_s, wal / (BATCH * BATCHES)


def _batches() -> Iterator[list[list[object]]]:
    now = datetime.datetime.now(datetime.UTC)
    for batch in range(BATCHES):
        bodies = [f'{{"data":{{"id":{batch * BATCH + n}}},"pad":"{"x" * 900}"}}'.encode() for n in range(BATCH)]
        rows = sorted((n % ENDPOINTS + 1, hashlib.sha256(body).digest(), body) for n, body in enumerate(bodies))
        endpoints: list[object] = [endpoint for endpoint, _, _ in rows]
        contact: list[object] = ["contact"] * BATCH
        yield [
            endpoints,
            endpoints,
            contact,
            contact,
            ["updated"] * BATCH,
            list(range(BATCH)),
            [digest for _, digest, _ in rows],
            [body for _, _, body in rows],
            ["{}"] * BATCH,
            [now] * BATCH,
            [1] * BATCH,
        ]


async def _probe(connection: Connection, statement: str) -> float:
    times = []
    for _ in range(PROBES):
        began = time.perf_counter()
        await connection.fetchval(statement)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


async def _delete_day(connection: Connection) -> str:
    """Delete the oldest day as retention does, without its pauses, and vacuum."""
    before = await _wal_bytes(connection)
    began = time.perf_counter()
    after: tuple[datetime.datetime | None, int] = (None, 0)
    deleted = 0
    while last := await connection.fetchrow(
        retention._DELETE,  # noqa: SLF001 - the statement that is measured
        "processed",
        DAYS,
        retention.BATCH,
        *after,
    ):
        deleted += last["deleted"]
        after = (last["processed_at"], last["id"])
    spent_s = time.perf_counter() - began
    wal = await _wal_bytes(connection) - before
    began = time.perf_counter()
    await connection.execute("VACUUM webhook_delivery")
    vacuum_s = time.perf_counter() - began
    took = f"in {spent_s * 1000:.0f} ms, {wal / 1e6:.1f} MB of WAL"
    return f"{deleted:,} deleted {took}, vacuumed in {vacuum_s * 1000:.0f} ms"


async def _drop_day(connection: Connection) -> str:
    """Drop the oldest day that holds rows, once its dead letters were moved to a partition that stays."""
    day = await connection.fetchval("SELECT min(day) FROM webhook_delivery")
    name = f"delivery_{day:%Y%m%d}"
    before = await _wal_bytes(connection)
    began = time.perf_counter()
    async with connection.transaction():
        await connection.execute("LOCK TABLE webhook_delivery IN ACCESS EXCLUSIVE MODE")
        kept = await connection.execute(f"INSERT INTO whole SELECT * FROM {name} WHERE status <> 'processed'")
        await connection.execute(f"DROP TABLE {name}")
    spent_s = time.perf_counter() - began
    wal = await _wal_bytes(connection) - before
    took = f"in {spent_s * 1000:.0f} ms under an exclusive lock, {wal / 1e6:.1f} MB of WAL"
    return f"dropped {took}, {kept.rpartition(' ')[2]} rows moved"


async def _wal_bytes(connection: Connection) -> int:
    written: int = await connection.fetchval("SELECT (pg_current_wal_lsn() - '0/0')::bigint")
    return written
