"""A firm and its files for the tests of documents: the API on its port, sync runs and deliveries worked on by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx

from core.app import create_app
from core.auth.tokens import mint
from core.process import listen, serve_app
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.sync import engine, requesting
from core.testing.driving import Control, until
from core.webhooks import lifecycle
from core.webhooks.processing import process_deliveries

RESOURCES = ("folder", "document", "document_version")
TABLES = {
    "folder": "documents_folder",
    "document": "documents_document",
    "document_version": "documents_version",
}


class Office:
    """A connected firm whose files are at the mock Clio."""

    def __init__(self, settings: Settings, services: Services, control: Control, firm: int) -> None:
        self.settings, self.services, self.control, self.firm = settings, services, control, firm

    async def sync(self, *resources: str, full: bool = False) -> list[asyncpg.Record]:
        """Run one sync of each resource (those of this plugin unless given) to its end; return the runs."""
        done = []
        for resource in resources or RESOURCES:
            [run] = await requesting.request_runs(self.services, firms=[self.firm], resource=resource, full=full)
            assert await engine.work_on(self.services, run, owner="test") == "succeeded"
            done.append(await self.services.database.pool.fetchrow("SELECT * FROM sync_run WHERE id = $1", run))
            await self.services.database.pool.execute("DELETE FROM sync_run WHERE state = 'queued'")
        return [each for each in done if each is not None]

    async def reconcile(self, resource: str) -> dict[str, int]:
        """Compare one resource with Clio's list; return what was found."""
        [run] = await requesting.request_reconciliations(self.services, firms=[self.firm], resource=resource)
        assert await engine.work_on(self.services, run, owner="test") == "succeeded"
        found = await self.services.database.pool.fetchrow(
            "SELECT missing, stale, extra, repaired, deleted, requests FROM reconciliation_report WHERE run = $1", run
        )
        assert found is not None
        return dict(found)

    async def deliver(self) -> None:
        """Let the mock send all it has to send, and process it."""
        await self.control.call("POST", "deliveries/settle")
        await process_deliveries(self.services)

    async def subscribe(self) -> None:
        """Subscribe to everything that has a webhook."""
        await lifecycle.register(self.services, self.firm)

    async def rows(self, resource: str) -> dict[int, dict[str, Any]]:
        """Return the rows of a resource by Clio id, without what the mirror counts and stamps itself."""
        found = await self.services.database.pool.fetch(f"SELECT * FROM {TABLES[resource]}")
        left_out = {"id", "seen_at"}
        return {row["clio_id"]: {name: value for name, value in row.items() if name not in left_out} for row in found}

    async def row(self, resource: str, clio_id: int) -> dict[str, Any]:
        """Return one row."""
        return (await self.rows(resource))[clio_id]

    async def operations(self, resource: str, clio_id: int) -> list[str]:
        """Return what happened to a record by the change log, in order."""
        found = await self.services.database.pool.fetch(
            "SELECT operation FROM change WHERE resource = $1 AND clio_id = $2 ORDER BY id", resource, clio_id
        )
        return [row["operation"] for row in found]

    async def changes(self) -> int:
        """Count all changes ever written."""
        return int(await self.services.database.pool.fetchval("SELECT count(*) FROM change"))

    async def upload(self, parent: int, name: str, *, kind: str = "Folder", size: int = 1000) -> int:
        """File a document in a folder, or a new version of a document; return the document's id."""
        data = {"name": name, "parent": {"id": parent, "type": kind}, "size": size}
        return await self.control.create("documents", **data)

    async def plain(self) -> dict[str, Any]:
        """Return a document at Clio that is neither locked nor in the trash."""
        found = (await self.control.records("documents")).values()
        return next(each for each in found if not each["locked"] and each["deleted_at"] is None)

    async def clock(self, seconds: int) -> None:
        """Let time pass at Clio."""
        await self.control.call("POST", "clock/advance", {"seconds": seconds})

    async def query(self, document: str, *, firms: list[int] | None = None, **variables: Any) -> Any:
        """Run a GraphQL document as the bearer of a token for some firms (this one unless given); return its data."""
        body = await self.answer(document, firms=firms, **variables)
        assert "errors" not in body, body
        return body["data"]

    async def answer(
        self,
        document: str,
        *,
        firms: list[int] | None = None,
        scopes: tuple[str, ...] = ("read", "write"),
        **variables: Any,
    ) -> Any:
        """Run a GraphQL document; return the whole answer."""
        allowed = frozenset([self.firm] if firms is None else firms)
        token = mint(self.settings, subject="test", firms=allowed, scopes=frozenset(scopes), ttl_s=600)
        async with httpx.AsyncClient(timeout=20) as http:
            answer = await http.post(
                f"{self.settings.public_base}/graphql",
                json={"query": document, "variables": variables},
                headers={"Authorization": f"Bearer {token}"},
            )
        return answer.json()


@contextlib.asynccontextmanager
async def open_office(
    settings: Settings, services: Services, registry: Registry, control: Control, firm: int
) -> AsyncIterator[Office]:
    """Serve the API on its port; yield the office."""
    stop = asyncio.Event()
    with listen(settings.host, settings.port, setting="PORT") as listener:
        serving = asyncio.create_task(serve_app(create_app(Services(settings, registry)), listener, stop))

        async def answers() -> bool:
            assert not serving.done()
            async with httpx.AsyncClient() as http:
                try:
                    return (await http.get(f"{settings.public_base}/health/ready")).status_code == 200
                except httpx.TransportError:
                    return False

        await until(answers)
        yield Office(settings, services, control, firm)
        stop.set()
        await serving
