"""What the projection of custom field values costs a page: the same pages with their triggers on and off, in turns."""

import datetime
import statistics
import time
from typing import Any

from bench.stage import stage
from core.mirror.writer import validate_records, write_records
from core.services import Services

MATTERS, VALUES, PAGE, ROUNDS = 6_000, 6, 200, 5
KINDS = ("text_line", "currency", "date", "checkbox", "picklist", "numeric")
GIVEN = ("Bar association", "1250.50", "2026-03-01", "true", "702", "42")


async def measure() -> None:
    """Print rows a second of matters with custom field values, medians of alternating rounds."""
    async with stage(contacts=1, rate_limit=1_000) as (services, _, _):
        seconds: dict[str, list[float]] = {"ENABLE": [], "DISABLE": []}
        for number in range(ROUNDS * 2):
            how = ("ENABLE", "DISABLE")[number % 2]
            pool = services.database.pool
            await pool.execute("TRUNCATE matters_matter, change, custom_fields_value")
            await pool.execute(f"ALTER TABLE matters_matter {how} TRIGGER USER")
            seconds[how].append(await _write(services))
        on, off = (statistics.median(seconds[how]) for how in ("ENABLE", "DISABLE"))
        print(
            f"values: {MATTERS} matters with {VALUES} values each: {MATTERS / on:,.0f} rows/s with the projection, "
            f"{MATTERS / off:,.0f} without: {on / off:.2f} x the time"
        )


async def _write(services: Services) -> float:
    resource = services.registry.resource("matter")
    at = datetime.datetime(2026, 5, 1, tzinfo=datetime.UTC)
    pages = [
        validate_records(resource, [_matter(first + place, at) for place in range(PAGE)])
        for first in range(1, MATTERS, PAGE)
    ]
    started = time.perf_counter()
    for page in pages:
        await write_records(services.database.pool, resource, firm=1, payloads=page, seen_at=at, source="backfill")
    return time.perf_counter() - started


def _matter(number: int, at: datetime.datetime) -> dict[str, Any]:
    values = [
        {
            "id": f"{kind}-{number}{place}",
            "field_name": f"Field {place}",
            "field_type": kind,
            "value": given,
            "soft_deleted": False,
            "custom_field": {"id": place},
        }
        for place, (kind, given) in enumerate(zip(KINDS, GIVEN, strict=True), 1)
    ]
    return {
        "id": number,
        "updated_at": at,
        "description": "Lease dispute",
        "status": "Open",
        "custom_field_values": values,
    }
