"""Taking in what plugins add to the schema, each checked for what it names before any type is made."""

from collections.abc import Callable, Iterable
from typing import Any

from core.errors import PluginConflict, PluginError
from core.logging import get_logger
from core.registry import OUR_DISTRIBUTION, Registry
from schema.entities import describe_fields
from schema.extensions import AsOfTable, Connection, Extension, Graph, ListCondition, ListOrder, ObjectField

log = get_logger(__name__)

ROOTS = ("Query", "Mutation", "Metrics")
"""Object types that belong to no resource and may gain fields."""


def extensions_of(registry: Registry) -> Callable[[Graph], Iterable[Extension]]:
    """Return what asks every plugin for its extensions of a graph; a stranger's that do not fit are logged, left out.

    Raises (when called):
        PluginError: one of our own plugins names what is not there.
        PluginConflict: one of our own plugins claims a name that is taken.
    """
    ours = {plugin.name for plugin in registry.plugins if plugin.distribution == OUR_DISTRIBUTION}

    def collect(graph: Graph) -> list[Extension]:
        taken = _names(registry, graph)
        kept: list[Extension] = []
        for plugin, extension in registry.collect("graphql_extensions", graph=graph):
            try:
                _check(plugin, extension, graph, taken)
            except PluginError as error:
                if plugin in ours:
                    raise
                log.warning("graphql_extension_refused", plugin=plugin, reason=str(error))
            else:
                kept.append(extension)
        return kept

    return collect


def _names(registry: Registry, graph: Graph) -> dict[tuple[str, str], str]:
    """Return who has which name: object fields as (type, name), filter and order terms under a kind of their own."""
    taken = {}
    for resource in registry.resources:
        for field in describe_fields(resource.type):
            taken[resource.type_name, field] = resource.name
        for edge in resource.edges:
            taken[resource.type_name, edge.name] = resource.name
            if edge.reverse is not None:
                taken[edge.to, edge.reverse] = resource.name
        taken["table", resource.table_name] = resource.name
        listing = graph.entity(resource.type_name).listing
        for name in (*listing.filterable, *listing.edges, "and_", "or_", "not_"):
            taken[f"{resource.type_name} filter", name] = resource.name
    return taken


def _check(plugin: str, extension: Any, graph: Graph, taken: dict[tuple[str, str], str]) -> None:
    match extension:
        case ObjectField():
            known, place = extension.on in graph or extension.on in ROOTS, extension.on
        case Connection():
            known, place = extension.on in graph and extension.to in graph, extension.on
        case ListCondition():
            known, place = extension.on in graph, f"{extension.on} filter"
        case ListOrder():
            known, place = extension.on in graph, f"{extension.on} order"
        case AsOfTable():
            known, place = True, "table"
            if not extension.name.startswith(f"{plugin}_"):
                raise PluginError(
                    f"the table {extension.name} is not the plugin's: its name has to begin with {plugin}_"
                )
        case _:
            raise PluginError(f"its hook graphql_extensions() returned {type(extension).__name__}, not an extension")
    if not known:
        raise PluginError(f"{extension.on}.{extension.name} extends a type that no loaded plugin declares")
    claim = (place, extension.name)
    if claim in taken:
        raise PluginConflict(f"{place}.{extension.name} is claimed by both {taken[claim]} and {plugin}: rename it")
    taken[claim] = plugin
