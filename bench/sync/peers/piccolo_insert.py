"""Piccolo: each page validated by the same pydantic models, then one INSERT ... ON CONFLICT DO UPDATE of its objects.

No change log, no guard against older records, no checkpoint, no request budget.
"""

import asyncio
import datetime
from typing import Any

import httpx
import msgspec
import uvloop

from bench.sync.peers.pages import one_ahead
from bench.sync.peers.passes import drive, given
from core.db.dialect import QuietEngine
from core.loading import load_plugins
from core.mirror.writer import validate_records
from core.payload import ClioPayload, json_form
from core.resource import Resource


def main() -> None:
    """Make passes in one process."""
    resource = load_plugins().resource(given("RESOURCE"))
    engine = QuietEngine(config={"dsn": given("DATABASE_URL")})
    table = type("PiccoloPeer", (resource.table,), {}, tablename=given("TABLE"), db=engine)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(engine.start_connection_pool(min_size=1, max_size=2))
        http = httpx.AsyncClient(headers={"authorization": f"Bearer {given('TOKEN')}"}, timeout=120)
        try:
            drive(lambda: runner.run(_copy(http, resource, table)))
        finally:
            runner.run(http.aclose())
            runner.run(engine.close_connection_pool())


async def _copy(http: httpx.AsyncClient, resource: Resource, table: Any) -> int:
    async def fetch(url: str) -> tuple[tuple[list[dict[str, Any]], datetime.datetime], str | None]:
        seen_at = datetime.datetime.now(datetime.UTC)
        body = msgspec.json.decode((await http.get(url)).raise_for_status().content)
        return (body["data"], seen_at), body["meta"]["paging"].get("next")

    columns = [column for column in table._meta.columns if column._meta.name != "id"]  # noqa: SLF001
    records = 0
    async for data, seen_at in one_ahead(given("FIRST_URL"), fetch):
        rows = [table(**_values(payload, seen_at)) for payload in validate_records(resource, data)]
        insert = table.insert(*rows).on_conflict(target=(table.firm, table.clio_id), action="DO UPDATE", values=columns)
        await insert.run()
        records += len(rows)
    return records


def _values(payload: ClioPayload, seen_at: datetime.datetime) -> dict[str, Any]:
    own = {name: json_form(value) if isinstance(value, list) else value for name, value in payload.to_row().items()}
    own = {name: value.to_json() if hasattr(value, "to_json") else value for name, value in own.items()}
    return own | {
        "firm": int(given("FIRM")),
        "clio_id": payload.id,
        "etag": payload.etag,
        "clio_created_at": payload.created_at,
        "clio_updated_at": payload.updated_at,
        "seen_at": seen_at,
    }


if __name__ == "__main__":
    main()
