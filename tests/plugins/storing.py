"""Writing records as Clio sends them, for tests of plugins."""

import datetime
from typing import Any

from core.mirror.writer import WriteResult, mark_absent, validate_records, write_records
from core.services import Services

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)


async def store(
    services: Services, resource: str, *records: dict[str, Any], firm: int = 1, minute: int = 0, seen_s: int = 0
) -> WriteResult:
    """Write records of one resource, updated so many minutes after NOW and read `seen_s` seconds after that."""
    at = NOW + datetime.timedelta(minutes=minute)
    made = services.registry.resource(resource)
    return await write_records(
        services.database.pool,
        made,
        firm=firm,
        payloads=validate_records(made, [{"updated_at": at.isoformat(), **record} for record in records]),
        seen_at=at + datetime.timedelta(seconds=seen_s),
        source="backfill",
    )


async def lose(services: Services, resource: str, clio_id: int, *, firm: int = 1) -> None:
    """Let Clio have said that a record is deleted."""
    at = NOW + datetime.timedelta(minutes=1)
    made = services.registry.resource(resource)
    assert await mark_absent(
        services.database.pool,
        made,
        firm=firm,
        clio_id=clio_id,
        presence="deleted",
        seen_at=at,
        source="webhook",
        evidence={"webhook": "deleted"},
    )
