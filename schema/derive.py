"""GraphQL types of the mirrored resources, derived per schema: the plugins' own classes are never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import strawberry

from core.resource import Resource, ToOne
from schema.connections import connection_field, connection_type, list_arguments
from schema.context import Info
from schema.entities import Entity, describe_fields
from schema.filters import FilterInputs
from schema.orders import order_input
from schema.read.listing import ListEdge, resource_listings


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


def derive_types(resources: Sequence[Resource]) -> dict[str, Derived]:
    """Return what every resource brings, by the name of its type: object type, connection, filter and order."""
    listings = resource_listings(resources)
    descriptions = {each.type_name: describe_fields(each.type) | _edge_columns(each) for each in resources}
    shells = {each.type_name: _Shell(_subclass(each)) for each in resources}
    inputs = FilterInputs(descriptions)
    derived = {}
    for each in resources:
        entity = Entity(listings[each.type_name], shells[each.type_name].type)
        described = descriptions[each.type_name]
        derived[each.type_name] = Derived(
            each,
            entity,
            connection_type(entity),
            inputs.of(entity.listing),
            order_input(entity.listing, described),
        )
    for each in resources:
        for edge in each.edges:
            _add_edge(shells, derived, each, edge)
    for each in resources:
        _decorate(shells[each.type_name], each)
    return derived


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
    }


def _add_edge(shells: Mapping[str, _Shell], derived: Mapping[str, Derived], resource: Resource, edge: ToOne) -> None:
    near, far = derived[resource.type_name], derived[edge.to]
    fields = shells[resource.type_name].fields
    if edge.column not in describe_fields(resource.type):
        fields[edge.column] = (
            strawberry.ID | None,
            strawberry.field(description=_edge_columns(resource)[edge.column]),
        )
    fields[edge.name] = (
        None,
        _to_one_field(edge, far.entity, description=f"{edge.description} Null until its record has arrived."),
    )
    if edge.reverse is not None:
        shells[edge.to].fields[edge.reverse] = (
            None,
            connection_field(
                near.entity,
                near.connection,
                near.arguments(with_firm=False),
                owner=ListEdge(name=edge.name, column=edge.column, target=far.entity.listing),
                description=f"{edge.reverse_description or f'Every {near.entity.name} whose {edge.name} this is.'} "
                "Leaves out what is not present unless the filter speaks of presence.",
            ),
        )


def _to_one_field(edge: ToOne, target: Entity, *, description: str) -> Any:
    async def resolve(root: Any, info: Info) -> Any:
        number = vars(root)[edge.column]
        if number is None:
            return None
        return await target.find(info.context.readers, vars(root)["firm"], number)

    resolve.__annotations__ = {"root": Any, "info": strawberry.Info, "return": target.type | None}
    return strawberry.field(resolver=resolve, description=description)
