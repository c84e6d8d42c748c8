"""The whole service in this event loop: the API on its port, and a worker."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from core.app import create_app
from core.auth.tokens import mint
from core.jobs.worker import WorkerProcess
from core.process import listen, serve_app
from core.registry import Registry
from core.services import Services
from core.settings import Settings
from core.testing.driving import Control, approve_redirect, until


class Running:
    """A running service, seen as its users see it."""

    def __init__(self, settings: Settings, services: Services, control: Control) -> None:
        self.settings, self.services, self.control = settings, services, control
        self.firm = 0

    def token(self, *, firms: frozenset[int] | None = None, ttl_s: float = 600) -> str:
        """Mint a token with every scope."""
        return mint(
            self.settings, subject="test", firms=firms, scopes=frozenset({"read", "write", "admin"}), ttl_s=ttl_s
        )

    async def query(self, document: str, **variables: object) -> dict[str, object]:
        """Run a GraphQL document for every firm; return its data."""
        async with httpx.AsyncClient(timeout=20) as http:
            answer = await http.post(
                f"{self.settings.public_base}/graphql",
                json={"query": document, "variables": variables},
                headers={"Authorization": f"Bearer {self.token()}"},
            )
        body = answer.json()
        assert "errors" not in body, body
        data: dict[str, object] = body["data"]
        return data

    async def connect(self) -> None:
        """Connect the mock's firm as a person would, and wait until its mirror stands still."""
        url = await self.services.accounts.authorize_url("us")
        async with httpx.AsyncClient(timeout=30) as browser:
            page = await browser.get(await approve_redirect(url))
        assert page.status_code == 200, page.text
        self.firm = await self.services.database.pool.fetchval("SELECT max(id) FROM firm")
        await until(self.has_caught_up)
        await until(self.is_quiet)

    async def has_caught_up(self) -> bool:
        """Whether the incremental run that follows each backfill is done, so that only webhooks bring news now."""
        done = await self.services.database.pool.fetchval(
            "SELECT count(DISTINCT resource) FROM sync_run WHERE kind = 'incremental' AND state = 'succeeded'"
        )
        return bool(done == len(self.services.registry.resources))

    async def is_quiet(self) -> bool:
        """Whether nothing is queued, running or waiting."""
        return not await self.services.database.pool.fetchval(
            """SELECT EXISTS (SELECT FROM sync_run WHERE finished_at IS NULL)
                   OR EXISTS (SELECT FROM webhook_delivery WHERE status IN ('received', 'processing', 'failed'))"""
        )

    async def differences(self) -> list[str]:
        """Compare what is mirrored with the mock's own, record by record; the trash is absent from both.

        Left out is what Clio lists below other records alone, and the mock therefore shows nobody as a whole.
        """
        found = []
        for resource in self.services.registry.resources:
            if resource.endpoint.parents is not None:
                continue
            wanted = await self.control.records(resource.endpoint.path)
            rows = await self.services.database.pool.fetch(
                f'SELECT clio_id, etag FROM "{resource.table_name}" WHERE presence = $1', "present"
            )
            mirrored = {row["clio_id"]: row["etag"] for row in rows}
            expected = {clio_id: record["etag"] for clio_id, record in wanted.items() if not record.get("deleted_at")}
            found += [
                f"{resource.name} {clio_id}: mirror {mirrored.get(clio_id)}, clio {expected.get(clio_id)}"
                for clio_id in mirrored.keys() | expected.keys()
                if mirrored.get(clio_id) != expected.get(clio_id)
            ]
        return found

    async def mirrors(self) -> bool:
        """Whether the mirror equals Clio."""
        return not await self.differences()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Polling so rare that what arrives soon arrived by webhook."""
    return settings.model_copy(update={"poll_factor": 100.0})


@pytest.fixture
async def service(
    settings: Settings, services: Services, registry: Registry, control: Control
) -> AsyncIterator[Running]:
    """The API and a worker, running."""
    stop = asyncio.Event()
    with listen(settings.host, settings.port, setting="PORT") as listener:
        tasks = [
            asyncio.create_task(serve_app(create_app(Services(settings, registry)), listener, stop)),
            asyncio.create_task(WorkerProcess(services).run(stop)),
        ]

        async def answers() -> bool:
            assert not any(task.done() for task in tasks)
            async with httpx.AsyncClient() as http:
                try:
                    return (await http.get(f"{settings.public_base}/health/ready")).status_code == 200
                except httpx.TransportError:
                    return False

        await until(answers)
        yield Running(settings, services, control)
        stop.set()
        await asyncio.gather(*tasks)
