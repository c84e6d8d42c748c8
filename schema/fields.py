"""Fields that say in SQL, once, what they are, for the planner's statement and for their own resolvers alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry

from core.db.reading import Reading
from schema.arguments import with_arguments
from schema.context import Info, level_of, place_of
from schema.entities import Entity
from schema.read.listing import Listing
from schema.read.parameters import Parameters
from schema.read.readers import Record, fetch
from schema.read.sources import READ, Expression, Rows, ToOneRow
from schema.read.statements import Statement

ROW_ID = "id"
"""The surrogate key that every table has, by which rows that were read are found again."""


def computed_field(near: Listing, annotation: Any, source: Expression, *, description: str) -> Any:
    """Return a field of the rows of `near` that has one value, given by an expression in SQL.

    One statement for all rows of a level where it is resolved by itself. The expression reads within the row's firm.
    """

    async def load(pool: Reading, _firms: frozenset[int] | None, rows: list[int]) -> list[Any]:
        parameters = Parameters()
        text = (
            f"SELECT t.{ROW_ID} AS _owner, {source.sql('t')} AS value FROM {near.table} AS t"
            f" WHERE t.{ROW_ID} = ANY ({parameters.add(rows, 'bigint[]')})"
        )
        found = {row["_owner"]: row["value"] for row in await fetch(pool, Statement(text, parameters.values))}
        return [found.get(row) for row in rows]

    async def resolve(root: Any, info: Info) -> Any:
        return (
            await info.context.readers_at(info.path)
            .loader((source, level_of(info.path)), load)
            .load(vars(root)[ROW_ID])
        )

    resolve.__annotations__ = {"root": Any, "info": strawberry.Info, "return": annotation}
    return strawberry.field(resolver=resolve, description=description, metadata={READ: source})


def rows_field(
    near: Listing,
    annotation: Any,
    source: Rows,
    *,
    description: str,
    arguments: Mapping[str, Any] | None = None,
) -> Any:
    """Return a field of the rows of `near` that has rows of an entity: all of a list, or one.

    `arguments` are annotations by Python name, each with a default of None unless it must be given. One statement for
    all rows of a level where it is resolved by itself. The rows are read within the firm of the row they belong to.
    """

    async def resolve(root: Any, info: Info, **given: Any) -> Any:
        async def load(pool: Reading, _firms: frozenset[int] | None, rows: list[int]) -> Sequence[list[Record]]:
            parameters = Parameters()
            text = (
                f"SELECT t.{ROW_ID} AS _owner, r.* FROM {near.table} AS t"
                f" CROSS JOIN LATERAL ({source.sql('t', given, parameters)}) AS r"
                f" WHERE t.{ROW_ID} = ANY ({parameters.add(rows, 'bigint[]')}) ORDER BY r._place"
            )
            found: dict[int, list[Record]] = {row: [] for row in rows}
            for row in await fetch(pool, Statement(text, parameters.values)):
                found[row["_owner"]].append(row)
            return [found[row] for row in rows]

        key = (source, place_of(info.path))
        rows = await info.context.readers_at(info.path).loader(key, load).load(vars(root)[ROW_ID])
        made = [source.entity.make(row) for row in rows]
        return made if source.many else next(iter(made), None)

    return strawberry.field(
        resolver=with_arguments(resolve, dict(arguments or {}), annotation),
        description=description,
        metadata={READ: source},
    )


def to_one_field(entity: Entity, column: str, *, description: str) -> Any:
    """Return a field that leads to the record of `entity` whose number a column of the row holds, within the firm.

    Null where the column is, and until the record has arrived. Batched with its neighbours at one level.
    """

    async def resolve(root: Any, info: Info) -> Any:
        number = vars(root)[column]
        if number is None:
            return None
        return await entity.find(
            info.context.readers_at(info.path), vars(root)["firm"], number, place=level_of(info.path)
        )

    resolve.__annotations__ = {"root": Any, "info": strawberry.Info, "return": entity.type | None}
    return strawberry.field(resolver=resolve, description=description, metadata={READ: ToOneRow(entity, column)})
