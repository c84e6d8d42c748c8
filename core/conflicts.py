"""What two plugins may not both claim, and what a declaration may not name."""

from collections.abc import Iterable, Sequence
from typing import Any

from core.errors import PluginConflict, PluginError
from core.resource import Resource


def _claims(resource: Resource) -> dict[str, str]:
    claims = {
        "resource": resource.name,
        "list": resource.plural,
        "table": resource.table_name,
        "GraphQL type": resource.type_name,
        "endpoint": resource.endpoint.path,
    }
    if resource.webhook:
        claims["webhook model"] = resource.webhook.model
    return claims


def check_resources(plugin: str, new: Sequence[Resource], loaded: Iterable[tuple[str, Sequence[Resource]]]) -> None:
    """Refuse what is not a Resource, and what an earlier plugin, or the same one, has claimed already.

    Raises:
        PluginError: the hook returned something else than resources.
        PluginConflict: names the claim and both plugins.
    """
    taken = {(kind, value): owner for owner, owned in loaded for each in owned for kind, value in _claims(each).items()}
    for resource in new:
        if not isinstance(resource, Resource):
            raise PluginError(f"its hook resources() returned {type(resource).__name__}, not core.resource.Resource")
        for claim in _claims(resource).items():
            if claim in taken:
                raise PluginConflict(f"{claim[0]} {claim[1]!r} is claimed by both {taken[claim]} and {plugin}")
            taken[claim] = plugin


def check_edges(new: Sequence[Resource], loaded: Sequence[Resource]) -> None:
    """Refuse an edge to a type that is not there, or whose name the type at either end has already.

    Raises:
        PluginError: the type at the other end is not loaded; add its plugin to `requires`.
        PluginConflict: two edges, or an edge and a field, share a name on one type.
    """
    types = {resource.type_name: resource.type for resource in (*loaded, *new)}
    names = {type_name: field_names(declared) for type_name, declared in types.items()}
    for resource in (*loaded, *new):
        for edge in resource.edges:
            if edge.to not in types:
                raise PluginError(
                    f"edge {resource.name}.{edge.name} leads to {edge.to}, which no loaded plugin declares"
                )
            for type_name, field in ((resource.type_name, edge.name), (edge.to, edge.reverse)):
                if field is None:
                    continue
                if field in names[type_name]:
                    raise PluginConflict(f"{type_name}.{field} is declared twice; rename the edge of {resource.name}")
                names[type_name].add(field)


def field_names(declared: type[Any]) -> set[str]:
    """Return the Python names of the fields of a GraphQL type, as its classes annotate them."""
    return {name for base in declared.__mro__ for name in vars(base).get("__annotations__", {})}
