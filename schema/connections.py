"""Connections as Relay has them: types per entity, and the fields that answer with one."""

from typing import Any

import strawberry

from schema.arguments import list_name, read_list_query, with_arguments
from schema.as_of import begin_as_of
from schema.context import Info, place_of
from schema.entities import Entity
from schema.read.as_of import AsOfTables
from schema.read.cursors import CURSOR
from schema.read.parameters import Parameters
from schema.read.predicates import filter_predicate
from schema.read.readers import ListReader, Record
from schema.read.sources import READ, PageOf
from schema.read.statements import ListQuery, Owned, Owner
from schema.read.window import Page


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = strawberry.field(description="Whether rows follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether rows come before this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first row; null in an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last row; null in an empty page.")


class Listed:
    """One list of one owner: read when, and as far as, its fields are asked for."""

    def __init__(self, reader: ListReader, owner: Owner | None, entity: Entity) -> None:
        self._reader = reader
        self._owner = owner
        self.entity = entity

    async def page(self) -> Page[Record]:
        """Return the page; read once, with those of the other owners."""
        return await self._reader.pages.load(self._owner)

    async def total(self) -> int:
        """Return the length of the list; counted once, with those of the other owners."""
        return await self._reader.counts.load(self._owner)

    def cursor(self, record: Record) -> str:
        """Return the cursor of a row of this list."""
        return str(record[CURSOR])


class Position:
    """A row and the list it is in."""

    def __init__(self, listed: Listed, record: Record) -> None:
        self.listed = listed
        self.record = record


async def _nodes(root: Any) -> Any:
    return [root.entity.make(record) for record in (await root.page()).rows]


async def _edges(root: Any) -> Any:
    return [Position(root, record) for record in (await root.page()).rows]


async def _total(root: Any) -> int:
    return int(await root.total())


async def _page_info(root: Any) -> PageInfo:
    page = await root.page()
    ends = [root.cursor(page.rows[0]), root.cursor(page.rows[-1])] if page.rows else [None, None]
    return PageInfo(
        has_next_page=page.has_next, has_previous_page=page.has_previous, start_cursor=ends[0], end_cursor=ends[1]
    )


def _cursor(root: Any) -> str:
    return str(root.listed.cursor(root.record))


def _node(root: Any) -> Any:
    return root.listed.entity.make(root.record)


def make_type(name: str, description: str, fields: dict[str, tuple[Any, Any]]) -> type[Any]:
    """Return an object type with the given fields: Python name -> annotation, strawberry field."""
    made = type(
        name, (), {"__doc__": description, "__module__": __name__, **{k: field for k, (_, field) in fields.items()}}
    )
    made.__annotations__ = {field: annotation for field, (annotation, _) in fields.items() if annotation is not None}
    return strawberry.type(made, name=name, description=description)


def connection_type(entity: Entity) -> type[Any]:
    """Return `<Type>Connection`, with its `<Type>Edge`."""
    name = entity.name
    edge = make_type(
        f"{name}Edge",
        f"A {name} and where it stands in its list.",
        {
            "cursor": (str, strawberry.field(resolver=_cursor, description="Pass it as `after` or `before`.")),
            "node": (entity.type, strawberry.field(resolver=_node, description=f"The {name}.")),
        },
    )
    return make_type(
        f"{name}Connection",
        f"A page of a list of {name}.",
        {
            "edges": (list[edge], strawberry.field(resolver=_edges, description="The rows with their cursors.")),  # type: ignore[valid-type]
            "nodes": (list[entity.type], strawberry.field(resolver=_nodes, description="The rows.")),  # type: ignore[name-defined]
            "page_info": (PageInfo, strawberry.field(resolver=_page_info, description="Where the page lies.")),
            "total_count": (
                int,
                strawberry.field(
                    resolver=_total, description="Length of the whole list, cursors aside; counted only when asked for."
                ),
            ),
        },
    )


def connection_field(
    entity: Entity,
    connection: type[Any],
    arguments: dict[str, Any],
    *,
    description: str,
    owned: Owned | None = None,
    as_of: AsOfTables | None = None,
) -> Any:
    """Return a field that answers with a connection; `owned` says in SQL which rows are the parent's, if it has one.

    `as_of` is for one that takes the argument `as_of`.
    """

    async def resolve(root: Any, info: Info, **given: Any) -> Listed:
        await begin_as_of(info, given, as_of)
        reader = info.context.readers_at(info.path).list_at(
            place_of(info.path), lambda: _read_query(entity, info, given, owned)
        )
        return Listed(reader, None if owned is None else (root.firm, int(root.clio_id)), entity)

    return strawberry.field(
        resolver=with_arguments(resolve, arguments, connection),
        description=description,
        metadata={READ: PageOf(entity, owned, as_of)},
    )


def _read_query(entity: Entity, info: Info, given: dict[str, Any], owned: Owned | None) -> ListQuery:
    context = info.context
    query = read_list_query(
        entity,
        given,
        context.principal,
        name=list_name(info.path.typename or "", info.python_name),
        owned=owned,
        max_page=context.services.settings.graphql_max_page,
    )
    filter_predicate(query.listing, "t", query.where, Parameters())  # refuses a bad filter at the field it was given to
    return query
