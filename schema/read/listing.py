"""What can be read: a table, the kinds of its columns, and its edges. Everything under `schema.read` works on these."""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from piccolo.columns.base import Column
from piccolo.table import Table

from core.resource import Quantity, Resource, ToOne, sql_type


class Kind(enum.Enum):
    """What a column holds, by the PostgreSQL type its parameters are cast to."""

    TEXT = "text"
    PRESENCE = "varchar"
    ID = "bigint"
    QUANTITY = "int8"
    INT = "integer"
    FLOAT = "double precision"
    DECIMAL = "numeric"
    BOOL = "boolean"
    DATE = "date"
    INSTANT = "timestamptz"
    TEXTS = "text[]"
    OTHER = "other"


INCOMPARABLE = frozenset({Kind.TEXTS, Kind.OTHER})
"""Kinds without an order."""

_PREFIXES = (
    ("varchar", Kind.TEXT),
    ("text[]", Kind.TEXTS),
    ("text", Kind.TEXT),
    ("bigint", Kind.ID),
    ("integer", Kind.INT),
    ("smallint", Kind.INT),
    ("double precision", Kind.FLOAT),
    ("real", Kind.FLOAT),
    ("numeric", Kind.DECIMAL),
    ("boolean", Kind.BOOL),
    ("date", Kind.DATE),
    ("timestamp with time zone", Kind.INSTANT),
    ("timestamptz", Kind.INSTANT),
)


@dataclass(frozen=True, kw_only=True)
class ListColumn:
    """A column: its name, which is that of its GraphQL field, its kind, and whether it may be null.

    A computed one has an `expression`, which writes its SQL for the row of an alias; it is only ordered by.
    """

    name: str
    kind: Kind
    nullable: bool
    expression: Callable[[str], str] | None = None

    def sql(self, alias: str) -> str:
        """Return the column of a row in SQL."""
        return f"{alias}.{self.name}" if self.expression is None else self.expression(alias)


@dataclass(frozen=True, kw_only=True, eq=False)
class ListEdge:
    """An edge to one record of another listing, by the number kept in `column`, within the firm."""

    name: str
    column: str
    target: "Listing"


@dataclass(frozen=True, kw_only=True)
class ListCondition:
    """One more condition in the filter of the resource type `on`.

    `input` is a strawberry input. `read` turns what was given into plain data and raises BadInput; `predicate` writes
    the condition on the row of an alias, with every value one of the `schema.read.parameters.Parameters`.
    """

    on: str
    name: str
    input: Any
    description: str
    read: Callable[[Any], Any]
    predicate: Callable[[str, Any, Any], str]


@dataclass(frozen=True, kw_only=True)
class ListOrder:
    """One more way to order lists of the resource type `on`: a term of `orderBy` may name it instead of a field.

    `input` is the type of its value; `columns` turns the value into computed columns, the first of them first, or
    raises BadInput.
    """

    on: str
    name: str
    input: Any
    description: str
    columns: Callable[[Any], Sequence[ListColumn]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """A table as the API reads it. Equal only to itself.

    `ties` end every order, so that it is total; the firm last costs nothing where one firm is read. `key` is the number
    in a global id. Where `has_presence`, lists leave
    out what is not present unless the filter speaks of presence. `newest_first` turns the ties round.
    `reaches`, given SQL of firms (null for all) and of the position that a page begins after, writes a condition that
    fails the statement where rows after it are gone.
    """

    type_name: str
    table: str
    columns: Mapping[str, ListColumn]
    key: str
    ties: tuple[str, ...]
    has_presence: bool
    firm_column: str = "firm"
    newest_first: bool = False
    reaches: Callable[[str, tuple[str, str]], str] | None = None
    edges: dict[str, ListEdge] = field(default_factory=dict)
    conditions: dict[str, ListCondition] = field(default_factory=dict)
    orders: dict[str, ListOrder] = field(default_factory=dict)

    def select(self, alias: str) -> str:
        """Return the columns of a SELECT, every one by name."""
        return ", ".join(f"{alias}.{name}" for name in self.columns)

    @property
    def comparable(self) -> tuple[str, ...]:
        """The columns that can be ordered by: all but the surrogate id, the firm, lists and JSON."""
        unordered = {"id", "firm"} if self.has_presence else set()
        return tuple(
            name for name, column in self.columns.items() if column.kind not in INCOMPARABLE and name not in unordered
        )

    @property
    def filterable(self) -> tuple[str, ...]:
        """The columns a filter may name: those that can be ordered by, and lists of text."""
        texts = (name for name, column in self.columns.items() if column.kind is Kind.TEXTS)
        return (*self.comparable, *texts)


def column_kind(column: Column) -> Kind:
    """Return the kind of a Piccolo column; OTHER where the API cannot compare it, as JSON."""
    name = sql_type(column)
    if isinstance(column, Quantity):
        return Kind.QUANTITY
    if name.startswith("array") or name.endswith("[]"):
        base = getattr(column, "base_column", None)
        is_text = base is not None and sql_type(base).startswith(("text", "varchar"))
        return Kind.TEXTS if is_text else Kind.OTHER
    return next((kind for prefix, kind in _PREFIXES if name.startswith(prefix)), Kind.OTHER)


def list_columns(columns: Iterable[Column]) -> dict[str, ListColumn]:
    """Return the columns by name, in order."""
    made = {}
    for column in columns:
        name = column._meta.name  # noqa: SLF001 - Piccolo has no public way to ask
        kind = Kind.PRESENCE if name == "presence" else column_kind(column)
        made[name] = ListColumn(name=name, kind=kind, nullable=bool(column._meta.null))  # noqa: SLF001 - as above
    return made


def resource_listing(resource: Resource) -> Listing:
    """Return the listing of a mirrored resource, without its edges."""
    return Listing(
        type_name=resource.type_name,
        table=resource.table_name,
        columns=list_columns(resource.columns.values()),
        key="clio_id",
        ties=("clio_id", "firm"),
        has_presence=True,
    )


def resource_listings(resources: Iterable[Resource]) -> dict[str, Listing]:
    """Return the listing of every resource by the name of its type, tied together by their edges."""
    known = tuple(resources)
    listings = {resource.type_name: resource_listing(resource) for resource in known}
    for resource in known:
        for edge in resource.edges:
            if not isinstance(edge, ToOne):
                continue
            listings[resource.type_name].edges[edge.name] = ListEdge(
                name=edge.name, column=edge.column, target=listings[edge.to]
            )
    return listings


def table_listing(
    type_name: str,
    table: type[Table],
    *,
    leave_out: Iterable[str] = (),
    of: str | None = None,
    ties: tuple[str, ...] = ("id",),
    **options: Any,
) -> Listing:
    """Return the listing of one of core's tables; what `leave_out` names is never read. Ordered by id.

    `of` is a subquery that takes the table's place in FROM.
    """
    hidden = frozenset(leave_out)
    meta = table._meta  # noqa: SLF001 - Piccolo has no public way to ask
    columns = list_columns(column for column in meta.columns if column._meta.name not in hidden)  # noqa: SLF001
    return Listing(
        type_name=type_name,
        table=of or str(meta.tablename),
        columns=columns,
        key="id",
        ties=ties,
        has_presence=False,
        **options,
    )
