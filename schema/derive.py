"""GraphQL types of the mirrored resources, derived per schema: the plugins' own classes are never changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import strawberry

from core.resource import Resource, ToOne
from schema.arguments import list_arguments
from schema.connections import connection_field, connection_type
from schema.entities import Entity, describe_fields
from schema.extensions import AsOfTable, Connection, Extension, Graph, ListCondition, ListOrder, ObjectField
from schema.fields import to_one_field
from schema.filters import FilterInputs
from schema.orders import order_input
from schema.read.listing import resource_listings
from schema.read.statements import Owned
from schema.types.changes import CHANGE_CONNECTION, CHANGE_HISTORY

PRESENT_ONLY = "Leaves out what is not present unless the filter speaks of presence."


@dataclass(frozen=True, eq=False)
class Derived:
    """What one resource brings into a schema."""

    resource: Resource
    entity: Entity
    connection: type[Any]
    where: type[Any]
    order: type[Any]

    def arguments(self, *, with_firm: bool) -> dict[str, Any]:
        """Return the arguments of a list of this resource."""
        return list_arguments(self.where, self.order, with_firm=with_firm)


@dataclass
class _Shell:
    """A subclass of a plugin's class before strawberry has read it; its fields may name any other shell."""

    type: type[Any]
    fields: dict[str, tuple[Any | None, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class DerivedTypes:
    """What is derived.

    That is the types of all resources by name, the fields that plugins add to `Query`, `Mutation` and `Metrics`, the
    types that only an interface leads to, and what plugins say of their own tables as of an instant.
    """

    resources: Mapping[str, Derived]
    root_fields: Sequence[ObjectField]
    other_types: Sequence[type[Any]]
    as_of_tables: Sequence[AsOfTable]


def derive_types(
    resources: Sequence[Resource], extend: Callable[[Graph], Iterable[Extension]] = lambda _: ()
) -> DerivedTypes:
    """Return what every resource brings: object type, connection, filter and order, with what plugins add to them."""
    listings = resource_listings(resources)
    descriptions = {each.type_name: describe_fields(each.type) | _edge_columns(each) for each in resources}
    shells = {each.type_name: _Shell(_subclass(each)) for each in resources}
    entities = {name: Entity(listings[name], shell.type) for name, shell in shells.items()}
    extensions = list(extend(Graph(entities, {each.type_name: each for each in resources})))
    for extension in extensions:
        if isinstance(extension, ListCondition):
            listings[extension.on].conditions[extension.name] = extension
        elif isinstance(extension, ListOrder):
            listings[extension.on].orders[extension.name] = extension
    inputs = FilterInputs(descriptions)
    derived = {
        each.type_name: Derived(
            each,
            entities[each.type_name],
            connection_type(entities[each.type_name]),
            inputs.of(listings[each.type_name]),
            order_input(listings[each.type_name], descriptions[each.type_name]),
        )
        for each in resources
    }
    root_fields = _add_fields(shells, derived, resources, extensions)
    for each in resources:
        _decorate(shells[each.type_name], each)
    other_types = {each: None for extension in extensions for each in getattr(extension, "types", ())}
    as_of_tables = [extension for extension in extensions if isinstance(extension, AsOfTable)]
    return DerivedTypes(derived, root_fields, tuple(other_types), as_of_tables)


def _add_fields(
    shells: Mapping[str, _Shell],
    derived: Mapping[str, Derived],
    resources: Sequence[Resource],
    extensions: Sequence[Extension],
) -> list[ObjectField]:
    """Give the types their edges and what plugins add to them; return the fields of the types that are not theirs."""
    for resource in resources:
        for edge in resource.edges:
            add = _add_to_one if isinstance(edge, ToOne) else _add_to_many
            add(shells, derived, resource, edge)
    for resource in resources:
        shells[resource.type_name].fields.setdefault("history", (None, _history(resource)))
    left = []
    for extension in extensions:
        if isinstance(extension, Connection):
            shells[extension.on].fields[extension.name] = (
                None,
                _connection(derived[extension.to], extension.owned, extension.description),
            )
        elif isinstance(extension, ObjectField):
            if extension.on in shells:
                shells[extension.on].fields[extension.name] = (None, extension.field)
            else:
                left.append(extension)
    return left


def _history(resource: Resource) -> Any:
    return connection_field(
        CHANGE_HISTORY,
        CHANGE_CONNECTION,
        list_arguments(None, None, with_firm=False),
        owned=lambda alias, firm, number: (
            f"{alias}.firm = {firm} AND {alias}.resource = '{resource.name}' AND {alias}.clio_id = {number}"
        ),
        description="Every change of this record, newest first, as they were written to the mirror.",
    )


def _subclass(resource: Resource) -> type[Any]:
    namespace: dict[str, Any] = {"__doc__": resource.type.__doc__, "__module__": __name__, "__annotations__": {}}
    return type(resource.type_name, (resource.type,), namespace)


def _decorate(shell: _Shell, resource: Resource) -> None:
    for name, (annotation, made) in shell.fields.items():
        setattr(shell.type, name, made)
        if annotation is not None:
            shell.type.__annotations__[name] = annotation
    definition = vars(resource.type)["__strawberry_definition__"]
    strawberry.type(shell.type, name=resource.type_name, description=definition.description)


def _edge_columns(resource: Resource) -> dict[str, str]:
    """Describe the columns that edges follow: the number at the other end, known before its record has arrived."""
    return {
        edge.column: f"Clio's id of the {edge.name.replace('_', ' ')}, known even while its record is not."
        for edge in resource.edges
        if isinstance(edge, ToOne)
    }


def _add_to_one(shells: Mapping[str, _Shell], derived: Mapping[str, Derived], resource: Resource, edge: Any) -> None:
    near, far = derived[resource.type_name], derived[edge.to]
    fields = shells[resource.type_name].fields
    if edge.column not in describe_fields(resource.type):
        fields[edge.column] = (
            strawberry.ID | None,
            strawberry.field(description=_edge_columns(resource)[edge.column]),
        )
    fields[edge.name] = (
        None,
        to_one_field(far.entity, edge.column, description=f"{edge.description} Null until its record has arrived."),
    )
    if edge.reverse is not None:
        described = edge.reverse_description or f"Every {near.entity.name} whose {edge.name} this is."
        shells[edge.to].fields[edge.reverse] = (
            None,
            _connection(near, lambda alias, _, number: f"{alias}.{edge.column} = {number}", described),
        )


def _add_to_many(shells: Mapping[str, _Shell], derived: Mapping[str, Derived], resource: Resource, edge: Any) -> None:
    near, far = derived[resource.type_name], derived[edge.to]
    table, column = resource.table_name, edge.column
    shells[resource.type_name].fields[edge.name] = (
        None,
        _connection(
            far,
            lambda alias, firm, number: (
                f"{alias}.clio_id = ANY (ARRAY(SELECT unnest(near.{column}) FROM {table} AS near"
                f" WHERE near.firm = {firm} AND near.clio_id = {number}))"
            ),
            edge.description,
        ),
    )
    if edge.reverse is not None:
        described = edge.reverse_description or f"Every {near.entity.name} among whose {edge.name} this is."
        shells[edge.to].fields[edge.reverse] = (
            None,
            _connection(near, lambda alias, _, number: f"{alias}.{column} @> ARRAY[{number}]", described),
        )


def _connection(rows: Derived, owned: Owned, description: str) -> Any:
    return connection_field(
        rows.entity,
        rows.connection,
        rows.arguments(with_firm=False),
        owned=owned,
        description=f"{description} {PRESENT_ONLY}",
    )
