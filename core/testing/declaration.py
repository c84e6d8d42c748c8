"""The contract of a declaration: payload, table, migrations and GraphQL type say the same thing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from core.clio.priority import Priority
from core.db.migrations import CORE_MIGRATIONS, find_migrations
from core.embedded.servers import EmbeddedServers
from core.errors import ClioInvalidRequest
from core.registry import Registry
from core.resource import ToMany, sql_type
from core.testing.case import Case, only_where
from core.testing.comparing import listed
from core.testing.introspection import camel, field_descriptions
from core.testing.payloads import reaches
from core.testing.scene import Scene, required
from core.testing.snapshot import snapshot
from core.testing.stack import copied_database


class DeclarationContract(Case):
    """Tests of what a plugin declares, before any record is there."""

    @only_where(lambda case: case.declaration().has_list)
    async def test_clio_takes_the_fields(self, scene: Scene) -> None:
        """Every field that is asked for is one Clio has, nested one level at most: else each request is a 400."""
        endpoint = scene.resource.endpoint
        try:
            await scene.services.accounts.client(scene.firm).request(
                "GET",
                f"{endpoint.path}.json",
                priority=Priority.BACKFILL,
                params={**endpoint.params, "fields": endpoint.fields, "limit": "1"},
            )
        except ClioInvalidRequest as error:
            raise AssertionError(
                f"Clio refuses the fields of {endpoint.payload.__name__} ({error}): take out of the model what Clio "
                f"does not have, and flatten what nests twice. They are {endpoint.fields}"
            ) from error

    def test_a_row_has_exactly_the_own_columns(self) -> None:
        """`to_row` fills every own column and no other, of a bare record and of one in which every field is null."""
        resource = type(self).declaration()
        payload = resource.endpoint.payload
        nulls = {field.alias or name: None for name, field in payload.model_fields.items()}
        for what, record in {"nothing but its id": {}, "every field null": nulls}.items():
            try:
                row = payload.model_validate({**record, "id": 1}).to_row()
            except Exception as error:
                raise AssertionError(
                    f"{payload.__name__} fails on a record with {what} ({error}): let every field but id be None"
                ) from error
            missing, unknown = set(resource.own_columns) - set(row), set(row) - set(resource.own_columns)
            assert not missing, (
                f"{payload.__name__}.to_row leaves out {sorted(missing)}: fill them, or drop the columns"
            )
            assert not unknown, f"{payload.__name__}.to_row gives {sorted(unknown)}: add the columns, or drop the keys"

    def test_every_field_is_kept(self) -> None:
        """Each field that is asked for reaches a column, or a record that comes inside; else it is asked in vain."""
        resource = type(self).declaration()
        payload = resource.endpoint.payload
        vain = [
            field.alias or name
            for name, field in payload.model_fields.items()
            if name not in {"id", "etag", "created_at", "updated_at"} and not reaches(resource, field.alias or name)
        ]
        assert not vain, f"{payload.__name__}.to_row makes nothing of {vain}: fill a column, or take the fields out"

    def test_every_own_column_may_be_null(self) -> None:
        """Clio promises no field of an answer, so a column that may not be null would fail a page."""
        resource = type(self).declaration()
        strict = [name for name, column in resource.own_columns.items() if not column._meta.null]
        assert not strict, f"{resource.table_name}: declare {strict} with null=True, default=None"

    def test_the_table_is_named_after_the_plugin(self) -> None:
        """Tables of all plugins share one schema of the database: the plugin's name keeps them apart."""
        name, plugin = type(self).declaration().table_name, type(self).plugin().name
        assert name.startswith(f"{plugin}_"), f"table {name}: name it {plugin}_<resource>"

    @only_where(lambda case: bool(case.declaration().edges))
    async def test_edges_follow_an_indexed_bigint(self, scene: Scene) -> None:
        """An edge's column holds Clio's ids, and is in an index where the other end looks its records up by it."""
        rows = await scene.services.database.pool.fetch(
            """SELECT attname AS name, format_type(atttypid, NULL) AS type,
                      EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND attnum = ANY (indkey)) AS indexed
               FROM pg_attribute WHERE attrelid = $1::text::regclass""",
            scene.resource.table_name,
        )
        found = {row["name"]: (row["type"], row["indexed"]) for row in rows}
        problems = [
            f"{edge.name}: {edge.column} is {kind}{'' if indexed else ' without an index'}"
            for edge in scene.resource.edges
            for kind, indexed in [found.get(edge.column, ("not in the table", False))]
            if kind != ("bigint[]" if isinstance(edge, ToMany) else "bigint") or (edge.reverse and not indexed)
        ]
        assert not problems, (
            f"{scene.resource.table_name}: make the columns of edges bigint (bigint[] for a ToMany) with an index on "
            f"(firm, <column>, clio_id), or a gin index on the array:{listed(problems)}"
        )

    async def test_the_migrations_make_the_table(self, scene: Scene) -> None:
        """The table in the database has the declared columns, of those types, null where declared, and no others."""
        resource = scene.resource
        async with scene.services.database.transaction() as connection:
            wanted = ", ".join(
                f'"{name}" {sql_type(column)}{"" if column._meta.null else " NOT NULL"}'
                for name, column in resource.columns.items()
            )
            await connection.execute(f"CREATE TEMPORARY TABLE declared ({wanted}) ON COMMIT DROP")
            declared, made = await _columns(connection, "declared"), await _columns(connection, resource.table_name)
            unique = await connection.fetchval(
                """SELECT count(*) FROM pg_index WHERE indrelid = $1::text::regclass AND indisunique AND ARRAY(
                       SELECT attname::text FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)
                       ORDER BY 1) = ARRAY['clio_id', 'firm']""",
                resource.table_name,
            )
        problems = [
            f"{name}: the migrations make {made.get(name, 'nothing')}, declared is {declared.get(name, 'nothing')}"
            for name in sorted(declared.keys() | made.keys())
            if declared.get(name) != made.get(name)
        ]
        assert not problems, (
            f"{resource.table_name}: write a migration that brings the table to what is declared:{listed(problems)}"
        )
        assert unique, (
            f"{resource.table_name}: add CONSTRAINT {resource.table_name}_firm_clio_id UNIQUE (firm, clio_id)"
        )

    async def test_every_migration_can_be_undone(self, servers: EmbeddedServers, registry: Registry) -> None:
        """Each `.down.sql` leaves the database as it was before its `.up.sql`."""
        plugin = type(self).plugin()
        async with _empty_database(servers) as connection:
            before = [
                *find_migrations("core", CORE_MIGRATIONS),
                *(
                    step
                    for each in required(registry, plugin)
                    if each.migrations and each != plugin
                    for step in find_migrations(each.name, each.migrations)
                ),
            ]
            for step in before:
                await connection.execute(step.up.read_text(encoding="utf-8"))
            assert plugin.migrations is not None, f"plugin {plugin.name}: return a folder from the hook migrations()"
            steps, states = list(find_migrations(plugin.name, plugin.migrations)), [await snapshot(connection)]
            for step in steps:
                await connection.execute(step.up.read_text(encoding="utf-8"))
                states.append(await snapshot(connection))
            for step, state in zip(reversed(steps), reversed(states[:-1]), strict=True):
                await connection.execute(step.down.read_text(encoding="utf-8"))
                left = await snapshot(connection)
                assert left == state, (
                    f"{plugin.name}: {step.down.name} does not undo {step.up.name}: drop what is left over, and make "
                    f"again what is missing:{listed(sorted(left ^ state))}"
                )

    async def test_every_field_says_what_it_is(self, scene: Scene) -> None:
        """Fields of the type, and their arguments, have descriptions: they are the documentation of the API."""
        descriptions = await field_descriptions(scene.api, scene.resource.type_name)
        silent = [name for name, text in descriptions.items() if not text]
        assert not silent, f"{scene.resource.type_name}: give description=... to {', '.join(silent)}"

    async def test_every_own_column_is_served_or_says_why_not(self, scene: Scene) -> None:
        """A column is a field of the type, the column of an edge, or in the resource's `unserved` with the reason."""
        resource = scene.resource
        fields = await field_descriptions(scene.api, resource.type_name)
        served = resource.unserved.keys() | {edge.column for edge in resource.edges}
        hidden = [name for name in resource.own_columns if camel(name) not in fields and name not in served]
        assert not hidden, f"{resource.type_name}: add the fields {hidden}, or name them in `unserved` with the reason"
        vain = [
            name for name, reason in resource.unserved.items() if name not in resource.own_columns or not reason.strip()
        ]
        assert not vain, f"resource {resource.name}: `unserved` names {vain}, which are no columns or have no reason"


async def _columns(connection: Any, table: str) -> dict[str, str]:
    """Return the columns of a table with their types, as PostgreSQL writes them, and whether they may be null."""
    rows = await connection.fetch(
        """SELECT attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END AS type
           FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped""",
        table,
    )
    return {row["attname"]: row["type"] for row in rows}


@asynccontextmanager
async def _empty_database(servers: EmbeddedServers) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    async with copied_database(servers, "template1") as url:
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close()
