"""One firm's contacts in the mirror, written and read by tests."""

import datetime
from typing import Any

import asyncpg

from core.db.engine import Database
from core.mirror.writer import Checkpoint, Source, WriteResult, mark_absent, validate_records, write_records
from core.resource import Resource

EPOCH = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def at(seconds: float) -> datetime.datetime:
    return EPOCH + datetime.timedelta(seconds=seconds)


def contact(clio_id: int, *, updated: float = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": clio_id,
        "etag": f'"{clio_id}-{updated}"',
        "created_at": at(0).isoformat(),
        "updated_at": at(updated).isoformat(),
        "name": "Ada Example",
        "type": "Person",
        **fields,
    }


class Mirror:
    """Writes and reads one firm's contacts."""

    def __init__(self, database: Database, resource: Resource, firm: int = 1) -> None:
        self.database, self.resource, self.firm = database, resource, firm

    async def write(
        self,
        *records: dict[str, Any],
        seen: float,
        source: Source = "incremental",
        checkpoint: Checkpoint | None = None,
    ) -> WriteResult:
        return await write_records(
            self.database.pool,
            self.resource,
            firm=self.firm,
            payloads=validate_records(self.resource, records),
            seen_at=at(seen),
            source=source,
            checkpoint=checkpoint,
        )

    async def delete(self, clio_id: int, *, seen: float) -> bool:
        return await mark_absent(
            self.database.pool,
            self.resource,
            firm=self.firm,
            clio_id=clio_id,
            presence="deleted",
            seen_at=at(seen),
            source="webhook",
            evidence={"webhook": "deleted"},
        )

    async def row(self, clio_id: int = 1) -> asyncpg.Record:
        row = await self.database.pool.fetchrow(
            "SELECT *, ctid::text FROM contacts_contact WHERE firm = $1 AND clio_id = $2", self.firm, clio_id
        )
        assert row is not None
        return row

    async def changes(self) -> list[tuple[str, Any, Any]]:
        rows = await self.database.pool.fetch(
            "SELECT operation, before, after FROM change WHERE firm = $1 ORDER BY id", self.firm
        )
        return [(row["operation"], row["before"], row["after"]) for row in rows]
