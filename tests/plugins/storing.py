"""Writing records as Clio sends them, for tests of plugins."""

import datetime
from typing import Any

from core.mirror.writer import mark_absent, validate_records, write_records
from core.services import Services

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)


async def store(services: Services, resource: str, *records: dict[str, Any], firm: int = 1) -> None:
    """Write records of one resource, each updated at NOW unless it says otherwise."""
    made = services.registry.resource(resource)
    await write_records(
        services.database.pool,
        made,
        firm=firm,
        payloads=validate_records(made, [{"updated_at": NOW.isoformat(), **record} for record in records]),
        seen_at=NOW,
        source="backfill",
    )


async def lose(services: Services, resource: str, clio_id: int, *, firm: int = 1) -> None:
    """Let Clio have said that a record is deleted."""
    at = NOW + datetime.timedelta(minutes=1)
    made = services.registry.resource(resource)
    assert await mark_absent(
        services.database.pool, made, firm=firm, clio_id=clio_id, presence="deleted", seen_at=at, source="webhook"
    )
