"""The stage of a contract: one small firm at a mock Clio, backfilled into a database of its own, and the API over it.

Every test of a class plays on the same stage, and leaves the mirror equal to Clio: what it creates, it creates for
itself. Tests that write without Clio do so in firms that nobody else looks at.
"""

import datetime
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import redis.asyncio

from core.embedded.servers import EmbeddedServers
from core.mirror.writer import Source, WriteResult, validate_records, write_records
from core.registry import LoadedPlugin, Registry
from core.resource import Resource
from core.services import Services
from core.sync import engine, requesting
from core.testing.api import Api, open_api
from core.testing.case import Case
from core.testing.comparing import differences
from core.testing.driving import Control, approve
from core.testing.stack import copied_database, free_port, mock_settings_for, settings_for
from mock_clio.server import MockClioServer

NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
BEHIND = datetime.timedelta(minutes=2)
"""How far Clio's clock begins behind ours: less than an incremental run looks back."""

LEAST_RECORDS = 3
"""Records the firm has of the resource, where it has any or they can be created."""


@dataclass(kw_only=True, repr=False)
class Scene:
    """A backfilled firm, the mock Clio it has its records from, and the API that serves it."""

    case: Case
    resource: Resource
    services: Services
    control: Control
    api: Api
    firm: int
    _firms: Any = field(default_factory=lambda: itertools.count(1000))

    def __repr__(self) -> str:
        return f"<scene of {self.resource.name}>"

    def new_firm(self) -> int:
        """Return the number of a firm that has nothing yet, for records that do not come from Clio."""
        return int(next(self._firms))

    async def rows(self, firm: int | None = None) -> dict[int, asyncpg.Record]:
        """Return the records in the mirror, by Clio's id, with `xmin`, which every write of a row changes."""
        found = await self.services.database.pool.fetch(
            f'SELECT *, xmin::text FROM "{self.resource.table_name}" WHERE firm = $1 ORDER BY clio_id',
            self.firm if firm is None else firm,
        )
        return {row["clio_id"]: row for row in found}

    async def present(self) -> dict[int, asyncpg.Record]:
        """Return the records that lists serve, by Clio's id and in the order of it."""
        return {clio_id: row for clio_id, row in (await self.rows()).items() if row["presence"] == "present"}

    async def row(self, clio_id: int, firm: int | None = None) -> asyncpg.Record | None:
        """Return one record in the mirror, whatever its presence."""
        return await self.services.database.pool.fetchrow(
            f'SELECT *, xmin::text FROM "{self.resource.table_name}" WHERE firm = $1 AND clio_id = $2',
            self.firm if firm is None else firm,
            clio_id,
        )

    async def change_count(self, firm: int | None = None) -> int:
        """Return how many changes of the resource are on record."""
        return int(
            await self.services.database.pool.fetchval(
                "SELECT count(*) FROM change WHERE firm = $1 AND resource = $2",
                self.firm if firm is None else firm,
                self.resource.name,
            )
        )

    async def unlike_its_image(self, clio_id: int, firm: int) -> list[str]:
        """Return where the change that created a record tells other values than its row has, written as JSON."""
        found = await self.services.database.pool.fetch(
            f"""SELECT key, told.value AS told, held.value AS held FROM (
                SELECT key, value FROM change, jsonb_each(after::jsonb)
                WHERE firm = $1 AND resource = $3 AND clio_id = $2 AND operation = 'created'
            ) AS told FULL JOIN (
                SELECT key, value FROM "{self.resource.table_name}" AS stored, jsonb_each(to_jsonb(stored))
                WHERE firm = $1 AND clio_id = $2 AND value <> 'null' AND key <> ALL ($4)
            ) AS held USING (key) WHERE told.value IS DISTINCT FROM held.value ORDER BY key""",
            firm,
            clio_id,
            self.resource.name,
            ["id", "firm", "clio_id", "presence", "seen_at"],
        )
        return [f"{row['key']} is {row['told']!r} in the change and {row['held']!r} in the row" for row in found]

    async def at_clio(self) -> dict[int, dict[str, Any]]:
        """Return every record at Clio with the fields that are asked for, by id."""
        return await self.control.records(self.resource.endpoint.path, fields=self.resource.endpoint.fields)

    async def unlike_clio(self, clio_id: int | None = None) -> list[str]:
        """Return where the mirror differs from Clio, in one record or in all of them; one that is gone is deleted."""
        wanted, rows = await self.at_clio(), await self.rows()
        found = []
        for key in sorted(wanted.keys() | rows.keys()) if clio_id is None else [clio_id]:
            if key not in rows:
                found.append(f"{self.resource.name} {key} is not in the mirror")
            elif key in wanted:
                [payload] = validate_records(self.resource, [wanted[key]])
                unlike = differences(self.resource, payload, rows[key])
                found += [f"{self.resource.name} {key}: {each}" for each in unlike]
            elif rows[key]["presence"] != "deleted":
                found.append(f"{self.resource.name} {key} is gone at Clio and {rows[key]['presence']} in the mirror")
        return found

    async def sync(self, *, full: bool = False, resource: Resource | None = None) -> asyncpg.Record:
        """Work on a run from beginning to end; return its row.

        Raises:
            AssertionError: it did not succeed; the message says why.
        """
        name = (resource or self.resource).name
        await self._drop_queued(name)
        [run] = await requesting.request_runs(self.services, firms=[self.firm], resource=name, full=full)
        return await self._work(run)

    async def reconcile(self) -> asyncpg.Record:
        """Compare Clio's whole list with the mirror; return the row of the run.

        Raises:
            AssertionError: it did not succeed; the message says why.
        """
        await self._drop_queued(self.resource.name)
        [run] = await requesting.request_reconciliations(self.services, firms=[self.firm], resource=self.resource.name)
        return await self._work(run)

    async def _drop_queued(self, resource: str) -> None:
        await self.services.database.pool.execute(
            "DELETE FROM sync_run WHERE firm = $1 AND resource = $2 AND state = 'queued'", self.firm, resource
        )

    async def _work(self, run: int) -> asyncpg.Record:
        outcome = await engine.work_on(self.services, run, owner="contract")
        row = await self.services.database.pool.fetchrow("SELECT * FROM sync_run WHERE id = $1", run)
        assert row is not None, f"run {run} is gone"
        assert outcome == "succeeded", (
            f"the {row['kind']} run of {row['resource']} ended as {outcome}: {row['error_code']} {row['error_message']}"
        )
        return row

    async def write(
        self,
        firm: int,
        *records: Mapping[str, Any],
        resource: Resource | None = None,
        updated_s: float = 0,
        seen_s: float = 0,
        source: Source = "incremental",
    ) -> WriteResult:
        """Write records into the mirror as if Clio had sent them, updated and seen so many seconds after noon."""
        made = resource or self.resource
        stamp = (
            {} if "updated_at" in made.endpoint.payload.absent else {"updated_at": after_noon(updated_s).isoformat()}
        )
        return await write_records(
            self.services.database.pool,
            made,
            firm=firm,
            payloads=validate_records(made, [{**stamp, **record} for record in records]),
            seen_at=after_noon(seen_s),
            source=source,
        )

    async def instant(self) -> str:
        """Return the instant that it is by the database's clock, as `asOf` takes it."""
        at: datetime.datetime = await self.services.database.pool.fetchval("SELECT clock_timestamp()")
        return at.isoformat()

    async def create(self) -> int:
        """Create a record at Clio; return its id."""
        return await self.control.create(self.resource.endpoint.path, **await self.case.example(self.control))

    async def edit(self, clio_id: int, fields: Mapping[str, Any]) -> None:
        """Change a record at Clio, later than whatever was done to it before: Clio's clock counts whole seconds."""
        await self._pass_time()
        await self.control.edit(self.resource.endpoint.path, clio_id, **fields)

    async def delete(self, clio_id: int) -> None:
        """Delete a record at Clio, later than whatever was done to it before."""
        await self._pass_time()
        await self.control.delete(self.resource.endpoint.path, clio_id)

    async def _pass_time(self) -> None:
        await self.control.call("POST", "clock/advance", {"seconds": 2})

    async def some_record(self) -> int:
        """Return the id of a record that the test may change: a new one, or the first where none can be created."""
        if not type(self.case).can_create():
            return min(await self.present())
        made = await self.create()
        await self.sync()
        return made


def after_noon(seconds: float) -> datetime.datetime:
    """Return an instant of the day on which records are written without Clio."""
    return NOON + datetime.timedelta(seconds=seconds)


@asynccontextmanager
async def open_scene(
    case: type[Case], servers: EmbeddedServers, template: str, registry: Registry
) -> AsyncIterator[Scene]:
    """Set the stage for a class of tests: about a second, most of it the schema and the backfills."""
    port = free_port()
    async with AsyncExitStack() as stack:
        database_url = await stack.enter_async_context(copied_database(servers, template))
        async with redis.asyncio.Redis.from_url(servers.redis_url) as client:
            await client.flushall()
        seeded = mock_settings_for(port, users=3, contacts=8, matters=6)
        # Time that passes at Clio for an edit must not lead past our own, where a run leaves what it finds for later.
        seeded.clock_start = datetime.datetime.now(datetime.UTC) - BEHIND
        mock = await stack.enter_async_context(MockClioServer(seeded))
        settings = settings_for(database_url, servers.redis_url, port=port, clio=mock.url).model_copy(
            update={"webhook_days": 30.0}
        )
        services = await stack.enter_async_context(Services(settings, registry).open())
        control = Control(mock.url)
        await _populate(case(), control)
        state, code = await approve(await services.accounts.authorize_url("us"))
        firm = await services.accounts.complete(state=state, code=code)
        api = await stack.enter_async_context(open_api(settings, registry, firms=[firm], port=port))
        scene = Scene(case=case(), resource=case.declaration(), services=services, control=control, api=api, firm=firm)
        for plugin in required(registry, case.plugin()):
            for resource in plugin.resources:
                await scene.sync(full=True, resource=resource)
        yield scene


def required(registry: Registry, plugin: LoadedPlugin) -> Sequence[LoadedPlugin]:
    """Return a plugin after all that it requires, directly or not."""
    wanted = {plugin.name}
    for each in reversed(registry.plugins):
        if each.name in wanted:
            wanted.update(each.requires)
    return [each for each in registry.plugins if each.name in wanted]


async def _populate(case: Case, control: Control) -> None:
    """Declare the collection if the mock does not have it, and create records where there are few."""
    declared = type(case).declared
    if declared is not None:
        notation = {name: value for name, value in vars(declared).items() if value is not None}
        await control.call("POST", "resources", notation)
    if type(case).can_create():
        path = type(case).declaration().endpoint.path
        for _ in range(LEAST_RECORDS - len(await control.records(path, fields="id"))):
            await control.create(path, **await case.example(control))
