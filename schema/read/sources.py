"""Where the value of a GraphQL field comes from in SQL. A field carries its source in its strawberry metadata.

The planner (`schema.read.compiler`) makes one statement of them; the resolver of the same field reads one at a time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from schema.entities import Entity
from schema.read.as_of import AsOfTables
from schema.read.parameters import Parameters
from schema.read.statements import Owned

READ = "clio_service.read"
"""The key of a source in the metadata of a strawberry field."""

MOST_NODES = 200
"""Ids that one `nodes` takes."""


@dataclass(frozen=True)
class GlobalIdOf:
    """The global id of a row, which holds the name of its type."""


GLOBAL_ID = GlobalIdOf()


@dataclass(frozen=True, eq=False)
class Expression:
    """One value: `sql` writes it for the row of an alias; an enum by the names of its values in GraphQL.

    A jsonb record is selected from as GraphQL asks.
    """

    sql: Callable[[str], str]


@dataclass(frozen=True, eq=False)
class ToOneRow:
    """The record of `entity` whose number is in `column`, within the firm."""

    entity: Entity
    column: str


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of `entity`, all of them, or the only one.

    `sql` writes a SELECT of the rows for the row of an alias, with a column `_place` that orders them; it is given the
    field's arguments by Python name and keeps values in the parameters.
    """

    entity: Entity
    sql: Callable[[str, Mapping[str, Any], Parameters], str]
    many: bool


@dataclass(frozen=True, eq=False)
class PageOf:
    """A page of the list of `entity`: of all rows, or of those an owner has. `as_of` serves the argument `asOf`."""

    entity: Entity
    owned: Owned | None
    as_of: AsOfTables | None = None


@dataclass(frozen=True, eq=False)
class Lookup:
    """One record of `entity` by `id` or `clioId`."""

    entity: Entity
    as_of: AsOfTables


@dataclass(frozen=True, eq=False)
class ByGlobalId:
    """An object of any of the entities by its global id: one, or a list of them."""

    entities: Mapping[str, Entity]
    many: bool
    as_of: AsOfTables


Source: TypeAlias = GlobalIdOf | Expression | ToOneRow | Rows | PageOf | Lookup | ByGlobalId
