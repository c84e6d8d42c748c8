"""One firm's contacts at the mock Clio and in the mirror, and reconcile runs between them."""

import datetime
from typing import Any

import asyncpg

from core.mirror.writer import mark_absent, validate_records, write_records
from core.services import Services
from core.sync import approval, engine, requesting
from core.testing.driving import Control

MOST_TURNS = 400


class Scene:
    """Drives both ends of a firm and asserts on what is between."""

    def __init__(self, services: Services, firm: int, control: Control, resource: str = "contact") -> None:
        self.services, self.firm, self.control = services, firm, control
        self.resource = services.registry.resource(resource)

    @property
    def table(self) -> str:
        return self.resource.table_name

    async def mirror_all(self) -> None:
        """Write every record of Clio's, as a backfill that is a while ago would have."""
        await self.backfill()
        await self.services.database.pool.execute("DELETE FROM sync_run")
        await self.services.database.pool.execute("DELETE FROM change")
        await self.services.database.pool.execute(f"UPDATE {self.table} SET seen_at = seen_at - interval '1 hour'")

    async def backfill(self) -> None:
        run = (await requesting.request_runs(self.services, firms=[self.firm], resource=self.resource.name, full=True))[
            0
        ]
        assert await engine.work_on(self.services, run, owner="backfill") == "succeeded"

    async def request(self) -> int:
        [run] = await requesting.request_reconciliations(self.services, firms=[self.firm], resource=self.resource.name)
        return run

    async def reconcile(self) -> tuple[str, dict[str, int]]:
        """Run one from beginning to end; return its outcome and its report's counters that are not 0."""
        return await self.finish(await self.request())

    async def approve(self, run: int) -> tuple[str, dict[str, int]]:
        """Approve what a run holds, and run what asks for it to the end; return as `reconcile` does."""
        asking = await approval.approve(self.services, run, by="somebody")
        assert asking is not None
        return await self.finish(asking)

    async def finish(self, run: int) -> tuple[str, dict[str, int]]:
        """Work on a run to its end; return its outcome and its report's counters that are not 0."""
        outcome = "queued"
        for _ in range(MOST_TURNS):
            outcome = await self.work(run)
            if outcome not in {"queued", "throttled"}:
                break
        return outcome, await self.counters(run)

    async def work(self, run: int, *, owner: str = "test") -> str:
        await self.services.database.pool.execute("UPDATE sync_run SET not_before_at = now() WHERE finished_at IS NULL")
        return await engine.work_on(self.services, run, owner=owner)

    async def report(self, run: int) -> asyncpg.Record:
        row = await self.services.database.pool.fetchrow("SELECT * FROM reconciliation_report WHERE run = $1", run)
        assert row is not None
        return row

    async def counters(self, run: int) -> dict[str, int]:
        row = await self.report(run)
        names = ("missing", "stale", "extra", "repaired", "deleted", "hidden", "unknown", "kept")
        return {name: row[name] for name in names if row[name]}

    async def run_row(self, run: int) -> asyncpg.Record:
        row = await self.services.database.pool.fetchrow("SELECT * FROM sync_run WHERE id = $1", run)
        assert row is not None
        return row

    async def presences(self, firm: int | None = None) -> dict[int, str]:
        rows = await self.services.database.pool.fetch(
            f"SELECT clio_id, presence FROM {self.table} WHERE firm = $1", firm or self.firm
        )
        return {row["clio_id"]: row["presence"] for row in rows}

    async def present(self) -> set[int]:
        return {clio_id for clio_id, presence in (await self.presences()).items() if presence == "present"}

    async def changes(self) -> list[tuple[int, str, str]]:
        rows = await self.services.database.pool.fetch(
            "SELECT clio_id, operation, source FROM change WHERE firm = $1 AND resource = $2 ORDER BY clio_id, id",
            self.firm,
            self.resource.name,
        )
        return [(row["clio_id"], row["operation"], row["source"]) for row in rows]

    async def forget(self, *clio_ids: int) -> None:
        """Lose rows, as nothing of ours would."""
        await self.services.database.pool.execute(
            f"DELETE FROM {self.table} WHERE firm = $1 AND clio_id = ANY ($2)", self.firm, clio_ids
        )

    async def age(self, *clio_ids: int) -> None:
        """Make rows older than Clio's records, and different."""
        await self.services.database.pool.execute(
            f"""UPDATE {self.table} SET etag = 'old', clio_updated_at = clio_updated_at - interval '1 day', name = 'Old'
            WHERE firm = $1 AND clio_id = ANY ($2)""",
            self.firm,
            clio_ids,
        )

    async def mark(self, clio_id: int, presence: Any, *, ago_s: float = 60) -> None:
        seen_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=ago_s)
        moved = await mark_absent(
            self.services.database.pool,
            self.resource,
            firm=self.firm,
            clio_id=clio_id,
            presence=presence,
            seen_at=seen_at,
            source="webhook",
            evidence={"webhook": "deleted"},
        )
        assert moved

    async def deliver(self, record: dict[str, Any]) -> None:
        """Write a record as a webhook that arrives now."""
        await write_records(
            self.services.database.pool,
            self.resource,
            firm=self.firm,
            payloads=validate_records(self.resource, [record]),
            seen_at=datetime.datetime.now(datetime.UTC),
            source="webhook",
        )

    async def copy_to_firm(self, firm: int) -> None:
        """Give another firm rows with the same Clio ids."""
        names = [name for name in self.resource.columns if name not in {"id", "firm"}]
        listed = ", ".join(names)
        await self.services.database.pool.execute(
            f"INSERT INTO {self.table} (firm, {listed}) SELECT $1, {listed} FROM {self.table} WHERE firm = $2",
            firm,
            self.firm,
        )

    async def row_versions(self, firm: int | None = None) -> dict[int, str]:
        """Return the place of each row in its file, which every write moves."""
        rows = await self.services.database.pool.fetch(
            f"SELECT clio_id, ctid::text FROM {self.table} WHERE firm = $1", firm or self.firm
        )
        return {row["clio_id"]: row["ctid"] for row in rows}
