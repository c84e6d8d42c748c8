"""Loading plugins one at a time, and the typed façade over what their hooks contribute."""

import importlib.metadata
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pluggy
from litestar.types import ControllerRouterHandler

from core import hookspecs
from core.conflicts import check_edges, check_resources
from core.errors import PluginError
from core.logging import get_logger
from core.registry import OUR_DISTRIBUTION, LoadedPlugin, RefusedPlugin, Registry
from core.routes import DirectRoute
from core.services import Services
from core.tracing import is_traced, trace_hooks

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A plugin that might be loaded. `load` imports it; `distribution` is the package it came in."""

    name: str
    distribution: str
    load: Callable[[], Any]


def route_handlers(services: Services) -> "list[ControllerRouterHandler | DirectRoute]":
    """Return the routes of every plugin."""
    return [handler for _, handler in services.registry.collect("route_handlers", services=services)]


def commands(registry: Registry) -> list[click.Command]:
    """Return the commands of every plugin; of two with one name, the first."""
    found: dict[str, click.Command] = {}
    for plugin, command in registry.collect("commands"):
        name = str(command.name)
        if name in found:
            log.error("plugin_command_refused", plugin=plugin, command=name, reason="the name is taken")
        found.setdefault(name, command)
    return list(found.values())


def installed_plugins() -> list[Candidate]:
    """Return the plugins installed in this environment, ours first, then by name; imports none of them."""
    found = [
        Candidate(name=point.name, distribution=point.dist.name if point.dist else "", load=point.load)
        for point in importlib.metadata.entry_points(group=hookspecs.ENTRY_POINT_GROUP)
    ]
    return sorted(found, key=lambda each: (each.distribution != OUR_DISTRIBUTION, each.name))


def load_plugins(candidates: Iterable[Candidate] | None = None) -> Registry:
    """Load the plugins (those installed unless given) one at a time, in order of `requires`.

    A plugin that cannot be imported, breaks a hook's specification, requires what is not there or claims what another
    has is refused by name, with those that require it; every other one is loaded.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    if is_traced(os.environ):
        trace_hooks(manager)
    registry = Registry(manager)
    waiting: list[tuple[Candidate, Any, tuple[str, ...]]] = []
    for candidate in installed_plugins() if candidates is None else candidates:
        try:
            module = candidate.load()
            waiting.append((candidate, module, _requires(module)))
        except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything at import
            _refuse(registry, candidate, f"it cannot be imported: {type(error).__name__}: {error}")
    while ready := _first_ready(waiting, registry):
        waiting.remove(ready)
        _add(registry, *ready)
    for candidate, _, requires in waiting:
        missing = sorted(set(requires) - {plugin.name for plugin in registry.plugins})
        _refuse(registry, candidate, f"it requires {', '.join(missing)}, which is not loaded")
    return registry


def _requires(module: ModuleType) -> tuple[str, ...]:
    requires = getattr(module, "requires", ())
    if isinstance(requires, str) or not all(isinstance(name, str) for name in requires):
        raise PluginError('`requires` must be a tuple of plugin names, such as ("contacts",)')
    return tuple(requires)


def _first_ready(
    waiting: Sequence[tuple[Candidate, Any, tuple[str, ...]]], registry: Registry
) -> tuple[Candidate, Any, tuple[str, ...]] | None:
    loaded = {plugin.name for plugin in registry.plugins}
    return next((entry for entry in waiting if loaded.issuperset(entry[2])), None)


def _add(registry: Registry, candidate: Candidate, module: Any, requires: tuple[str, ...]) -> None:
    if any(plugin.name == candidate.name for plugin in registry.plugins):
        _refuse(registry, candidate, "another plugin of that name is loaded already")
        return
    try:
        if (brought := getattr(module, "hookspecs", None)) is not None:
            registry.manager.add_hookspecs(brought)
        registry.manager.register(module, candidate.name)
        registry.manager.check_pending()
        registry.plugins.append(_declared(registry, candidate, requires))
    except Exception as error:  # noqa: BLE001 - a stranger's hook may raise anything
        if registry.manager.is_registered(module):
            registry.manager.unregister(module)
        _refuse(registry, candidate, f"{type(error).__name__}: {error}")


def _declared(registry: Registry, candidate: Candidate, requires: tuple[str, ...]) -> LoadedPlugin:
    """Return what a registered plugin declares.

    Raises:
        PluginError: it declares what cannot be used, or what another plugin has.
    """
    resources = tuple(registry.call(candidate.name, "resources") or ())
    migrations = registry.call(candidate.name, "migrations")
    if migrations is not None and not Path(migrations).is_dir():
        raise PluginError(f"its migrations folder {Path(migrations).name!r} does not exist")
    check_resources(candidate.name, resources, [(each.name, each.resources) for each in registry.plugins])
    check_edges(resources, registry.resources)
    return LoadedPlugin(
        name=candidate.name,
        distribution=candidate.distribution,
        requires=requires,
        resources=resources,
        migrations=migrations,
    )


def _refuse(registry: Registry, candidate: Candidate, reason: str) -> None:
    log.error("plugin_refused", plugin=candidate.name, distribution=candidate.distribution, reason=reason)
    registry.refused.append(
        RefusedPlugin(name=candidate.name, distribution=candidate.distribution, reason=" ".join(reason.split())[:500])
    )
