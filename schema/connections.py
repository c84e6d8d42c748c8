"""Connections as Relay has them: types per entity, and the fields that answer with one."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import strawberry

from schema.context import Info, place_of
from schema.entities import Entity
from schema.filters import plain
from schema.global_ids import read_firm
from schema.orders import plain_order
from schema.read.cursors import write_cursor
from schema.read.order import read_order
from schema.read.parameters import Parameters
from schema.read.predicates import filter_predicate
from schema.read.readers import ListReader, Record
from schema.read.statements import ListQuery, Owner
from schema.read.window import Page, read_window


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
        return write_cursor(self._reader.query.name, self._reader.query.order, record)


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


def argument(annotation: Any, description: str) -> Any:
    """Return the annotation of an optional argument."""
    return Annotated[annotation | None, strawberry.argument(description=description)]


def list_arguments(where: Any | None, order: Any | None, *, with_firm: bool) -> dict[str, Any]:
    """Return the arguments of a connection field, by Python name."""
    found = {
        "first": argument(int, "Rows from the start, or after `after`; 50 unless given."),
        "after": argument(str, "A cursor: the page begins after it."),
        "last": argument(int, "Rows from the end, or before `before`."),
        "before": argument(str, "A cursor: the page ends before it."),
    }
    if where is not None:
        found["filter"] = argument(where, "Which rows; all unless given.")
    if order is not None:
        terms: Any = list[order]  # type: ignore[valid-type]  # a class made at run time
        found["order_by"] = argument(terms, "Terms of the order; what ties is ordered by Clio's id.")
    if with_firm:
        found["firm"] = argument(strawberry.ID, "One firm, by number or global id; all of the caller's unless given.")
    return found


def with_arguments(resolve: Any, arguments: dict[str, Any], returns: Any) -> Any:
    """Give a resolver that takes `**arguments` the signature strawberry reads: root, info, then the arguments."""
    kinds = inspect.Parameter
    leading = [
        kinds("root", kinds.POSITIONAL_OR_KEYWORD, annotation=Any),
        kinds("info", kinds.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info),
    ]
    optional = [
        kinds(name, kinds.KEYWORD_ONLY, annotation=annotation, default=strawberry.UNSET)
        for name, annotation in arguments.items()
    ]
    resolve.__signature__ = inspect.Signature([*leading, *optional], return_annotation=returns)
    resolve.__annotations__ = {
        "root": Any,
        "info": strawberry.Info,
        **arguments,
        "return": returns,
    }
    return resolve


def connection_field(
    entity: Entity,
    connection: type[Any],
    arguments: dict[str, Any],
    *,
    description: str,
    owned: Callable[[str], str] | None = None,
) -> Any:
    """Return a field that answers with a connection; `owned` says in SQL which rows are the parent's, if it has one."""

    async def resolve(root: Any, info: Info, **given: Any) -> Listed:
        reader = info.context.readers.list_at(
            place_of(info.path), lambda: _read_query(entity, info, given, list_name=_list_name(info), owned=owned)
        )
        return Listed(reader, None if owned is None else (root.firm, int(root.clio_id)), entity)

    return strawberry.field(resolver=with_arguments(resolve, arguments, connection), description=description)


def _list_name(info: Info) -> str:
    """Return what fingerprints of cursors call the list: `contacts`, or `Contact.matters`."""
    parent = info.path.typename
    return info.field_name if parent == "Query" else f"{parent}.{info.field_name}"


def _read_query(
    entity: Entity, info: Info, given: dict[str, Any], *, list_name: str, owned: Callable[[str], str] | None
) -> ListQuery:
    context = info.context
    listing = entity.listing
    order = read_order(listing, plain_order(listing, given.get("order_by")))
    where = given.get("filter")
    filtered = None if where is None else plain(listing, where)
    filter_predicate(listing, "t", filtered, Parameters())  # refuses a bad filter here, at the field it was given to
    return ListQuery(
        listing=listing,
        firms=context.principal.allowed_firms(read_firm(given.get("firm"))),
        where=filtered,
        order=order,
        window=read_window(
            list_name,
            order,
            max_page=context.services.settings.graphql_max_page,
            **{name: given.get(name) for name in ("first", "after", "last", "before")},
        ),
        name=list_name,
        owned=owned,
    )
