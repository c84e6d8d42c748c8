"""A mirror with a past: the mock's firm, written in waves by the writer itself, with an instant after each."""

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from core.mirror.writer import Absence, mark_absent, validate_records, write_records
from core.resource import Resource
from core.services import Services

BEGAN_AT = datetime.datetime(2026, 11, 2, 17, tzinfo=datetime.UTC)
WAVES = 4
TEXTS = ("name", "description", "note", "filename", "first_name")
REFERENCES = ("client", "company", "matter", "parent", "user")


@dataclass
class Moment:
    """An instant, and every row of every mirror table, and of custom field values, as JSON at that instant."""

    at: datetime.datetime
    tables: dict[str, list[dict[str, Any]]]


async def write_history(services: Services, mock_url: str) -> list[Moment]:
    """Write two firms with the same Clio ids; return moments from before the first wave to after the last."""
    pool = services.database.pool
    await pool.execute(
        "INSERT INTO firm (id, region, clio_account_id, name) VALUES (1, 'us', 11, 'A'), (2, 'eu', 22, 'C')"
    )
    moments = [await _now(services)]
    async with httpx.AsyncClient(base_url=f"{mock_url}/__mock__/") as control:
        records = {
            resource.name: await _records(control, resource)
            for resource in services.registry.resources
            if resource.endpoint.parents is None
        }
    for wave in range(WAVES):
        for firm in (1, 2):
            for name, found in records.items():
                await _write(services, services.registry.resource(name), found, firm, wave)
            moments.append(await _now(services))
    return moments


async def _now(services: Services) -> Moment:
    pool = services.database.pool
    at = await pool.fetchval("SELECT clock_timestamp()")
    names = [*(each.table_name for each in services.registry.resources), "custom_fields_value"]
    return Moment(at, {name: rows_of(await pool.fetch(rows_sql(name))) for name in names})


def rows_sql(table: str) -> str:
    """Return the SELECT of every row of a table as JSON."""
    return f"SELECT to_jsonb(t) AS content FROM {table} AS t"


def rows_of(found: Sequence[Any]) -> list[dict[str, Any]]:
    """Return rows in an order that does not depend on how they were read; the id of a derived row says nothing."""
    rows: list[dict[str, Any]] = [dict(row["content"]) for row in found]
    for row in rows:
        if "place" in row:
            del row["id"]
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


async def _records(control: httpx.AsyncClient, resource: Resource) -> list[dict[str, Any]]:
    params = {"fields": resource.endpoint.fields}
    found: list[dict[str, Any]] = (await control.get(f"records/{resource.endpoint.path}", params=params)).json()["data"]
    return found


async def _write(
    services: Services, resource: Resource, records: Sequence[dict[str, Any]], firm: int, wave: int
) -> None:
    """Create some records, change some, let some be gone and some come back; firm 2 does so one wave later."""
    at = BEGAN_AT + datetime.timedelta(hours=wave)
    turn = wave + firm
    chosen = [_changed(each, wave, at) for place, each in enumerate(records) if (place + turn) % 3 == 0 or wave == 1]
    how: dict[str, Any] = {"firm": firm, "seen_at": at, "source": "incremental"}
    await write_records(services.database.pool, resource, payloads=validate_records(resource, chosen), **how)
    absences: Sequence[Absence] = ("deleted", "hidden", "unknown")
    for place, record in enumerate(records):
        if (place + turn) % 5 == 0:
            presence = absences[place % 3]
            gone: dict[str, Any] = {"presence": presence, "evidence": {"wave": wave}}
            await mark_absent(services.database.pool, resource, clio_id=record["id"], **gone, **how)


def _changed(record: dict[str, Any], wave: int, at: datetime.datetime) -> dict[str, Any]:
    made = {**record, "updated_at": at.isoformat()}
    made |= {name: f"{made[name]} {wave}" for name in TEXTS if isinstance(made.get(name), str)}
    if wave % 2:
        made |= {name: None for name in REFERENCES if name in made and record["id"] % 3 == 0}
        if made.get("custom_field_values"):
            made["custom_field_values"] = made["custom_field_values"][1:]
    return made
