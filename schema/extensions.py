"""What a plugin adds to the schema beyond the types of its resources: fields, lists, conditions and orders.

SQL in any of them is read as of an instant where `asOf` asks so (`schema.read.as_of`): names of mirror tables then mean
those as they were. What names another table of the plugin's is refused, unless an `AsOfTable` says what that was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.errors import PluginError
from core.resource import Resource
from schema.entities import Entity
from schema.read.as_of import AsOf, AsOfTable, by_key
from schema.read.listing import ListColumn, ListCondition, ListOrder
from schema.read.statements import Owned


@dataclass(frozen=True, kw_only=True)
class ObjectField:
    """A field for the object type `on`: that of a resource, `Metrics`, `Query` or `Mutation`.

    `field` is a strawberry field with a resolver. A resolver on a resource's type is given an object whose attributes
    are the columns of the row; it reads through `info.context.readers` or `schema.extensions.batched`, so that the
    number of statements does not follow the number of rows. `types` are object types that only an interface leads to.
    """

    on: str
    name: str
    field: Any
    types: Sequence[type[Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A list of `to` on every object of the resource type `on`, paginated, filtered and ordered as every list.

    `owned` writes the condition in SQL under which a row of `to` (its alias) belongs to an owner (the SQL of its firm
    and of its Clio id); the firms are compared already.
    """

    on: str
    name: str
    to: str
    owned: Owned
    description: str


__all__ = [
    "AsOf",
    "AsOfTable",
    "Connection",
    "Extension",
    "Graph",
    "ListColumn",
    "ListCondition",
    "ListOrder",
    "ObjectField",
    "by_key",
]

Extension: TypeAlias = ObjectField | Connection | ListCondition | ListOrder | AsOfTable


@dataclass(frozen=True)
class Graph:
    """The object types of one schema while it is built; handed to the hook `graphql_extensions`."""

    entities: Mapping[str, Entity]
    resources: Mapping[str, Resource]

    def __contains__(self, type_name: object) -> bool:
        return type_name in self.entities

    def entity(self, type_name: str) -> Entity:
        """Return the type of a mirrored resource: its class for annotations, and `find` to read one record, batched.

        Raises:
            PluginError: no loaded plugin declares it; add its plugin to `requires`.
        """
        if type_name not in self.entities:
            raise PluginError(f"there is no GraphQL type {type_name}: add the plugin that declares it to `requires`")
        return self.entities[type_name]
