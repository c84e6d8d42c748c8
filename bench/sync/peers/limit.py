"""The limit: the bytes of a page as they came, one parameter of one INSERT; PostgreSQL reads the JSON.

No validation but the casts, no change log, no guard, no checkpoint, no token that is renewed, no request budget: what
is left is the least that anything does which brings these columns into this table page by page.
"""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import uvloop

from bench.sync.peers.pages import one_ahead
from bench.sync.peers.passes import drive, given
from core.loading import load_plugins
from core.resource import Resource, sql_type

NEXT = b'"next":"'
PARTS = {
    "bill_clio_id": ("bill", "id"),
    "bill_number": ("bill", "number"),
    "bill_state": ("bill", "state"),
    "calendar_entry_clio_id": ("calendar_entry", "id"),
    "currency_code": ("currency", "code"),
    "co_counsel_rate": ("co_counsel_rate", "rate"),
}
"""Columns that are a part of an object, where their name does not tell: column -> (object, key)."""

COMMON = {"clio_id": "id", "etag": "etag", "clio_created_at": "created_at", "clio_updated_at": "updated_at"}


def main() -> None:
    """Make passes in one process."""
    statement = insert_of(load_plugins().resource(given("RESOURCE")), given("TABLE"))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        connection = runner.run(asyncpg.connect(given("DATABASE_URL")))
        try:
            drive(lambda: runner.run(_copy(connection, statement)))
        finally:
            runner.run(connection.close())


def insert_of(resource: Resource, table: str) -> str:
    """Return the statement: $1 the page, $2 the firm. What is there already is replaced."""
    typed, taken = [], {}
    fields = resource.endpoint.payload.model_fields
    for name, column in resource.columns.items():
        if name in {"id", "firm", "presence", "seen_at"}:
            continue
        if name in COMMON:
            typed.append(f'"{COMMON[name]}" {sql_type(column)}')
            taken[name] = f'"{COMMON[name]}"'
        elif name in fields and name not in PARTS:
            typed.append(f'"{name}" {sql_type(column)}')
            taken[name] = f'"{name}"'
        elif found := _part(name, fields):
            holder, key = found
            typed += [] if f'"{holder}" json' in typed else [f'"{holder}" json']
            taken[name] = f"(\"{holder}\" ->> '{key}')::{sql_type(column)}"
        elif name.endswith("_clio_ids"):
            holder = f"{name.removesuffix('_clio_ids')}s"
            typed.append(f'"{holder}" json')
            taken[name] = f"ARRAY(SELECT (item ->> 'id')::bigint FROM json_array_elements(\"{holder}\") AS item)"
    columns = ", ".join(f'"{name}"' for name in taken)
    replaced = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in taken if name != "clio_id")
    return (
        f"INSERT INTO {table} (firm, seen_at, {columns}) SELECT $2, now(), {', '.join(taken.values())} "
        f"FROM json_to_recordset($1::json -> 'data') AS record ({', '.join(typed)}) "
        f"ON CONFLICT (firm, clio_id) DO UPDATE SET {replaced}"
    )


def _part(column: str, fields: object) -> tuple[str, str] | None:
    """Return the object and the key that a column is taken from."""
    if column in PARTS and PARTS[column][0] in fields:  # type: ignore[operator]
        return PARTS[column]
    for end, key in (("_clio_id", "id"), ("_name", "name")):
        holder = column.removesuffix(end)
        if holder != column and holder in fields:  # type: ignore[operator]
            return holder, key
    return None


async def _copy(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> int:
    parts = urlsplit(given("FIRST_URL"))
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 22)
    head = f"host: {parts.netloc}\r\nauthorization: Bearer {given('TOKEN')}\r\n\r\n"

    async def fetch(url: str) -> tuple[bytes, str | None]:
        asked = urlsplit(url)
        writer.write(f"GET {asked.path}?{asked.query} HTTP/1.1\r\n{head}".encode())
        told = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not told.startswith(b"http/1.1 200"):
            raise RuntimeError(f"the page was not answered: {told[:40]!r}")
        length = int(told.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        at = body.rfind(NEXT)
        following = None if at < 0 else body[at + len(NEXT) :].partition(b'"')[0].decode()
        return body, following

    records, firm = 0, int(given("FIRM"))
    prepared = await connection.prepare(statement)
    try:
        async for body in one_ahead(given("FIRST_URL"), fetch):
            await prepared.fetch(body.decode(), firm)
            records += int((prepared.get_statusmsg() or "0").split()[-1])
    finally:
        writer.close()
    return records


if __name__ == "__main__":
    main()
