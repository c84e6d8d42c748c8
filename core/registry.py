"""Loading plugins one at a time, and what they declared as one typed façade over pluggy."""

import importlib.metadata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
import pluggy
from litestar.types import ControllerRouterHandler

from core import hookspecs
from core.conflicts import check_edges, check_resources
from core.errors import NotFound, PluginError
from core.logging import get_logger
from core.resource import Resource

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

OUR_DISTRIBUTION = "clio-integration-service"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A plugin that might be loaded. `load` imports it; `distribution` is the package it came in."""

    name: str
    distribution: str
    load: Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class LoadedPlugin:
    """A plugin in use: its module, and what it declared."""

    name: str
    distribution: str
    requires: tuple[str, ...]
    resources: tuple[Resource, ...]
    migrations: Path | None


@dataclass(frozen=True, kw_only=True)
class RefusedPlugin:
    """A plugin that could not be used, and why, in one line."""

    name: str
    distribution: str
    reason: str


@dataclass
class Registry:
    """What is loaded, in order of `requires`, and what was refused."""

    manager: pluggy.PluginManager
    plugins: list[LoadedPlugin] = field(default_factory=list)
    refused: list[RefusedPlugin] = field(default_factory=list)

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Every resource, in order of loading: a resource comes after those its plugin requires."""
        return tuple(resource for plugin in self.plugins for resource in plugin.resources)

    def resource(self, name: str) -> Resource:
        """Return a resource by its name.

        Raises:
            NotFound: no loaded plugin declares it; the message lists those there are.
        """
        for resource in self.resources:
            if resource.name == name:
                return resource
        known = ", ".join(resource.name for resource in self.resources) or "none"
        raise NotFound(f"there is no resource {name!r}; there are: {known}")

    def by_type(self, type_name: str) -> Resource | None:
        """Return the resource whose GraphQL type has that name; None if there is none."""
        return next((resource for resource in self.resources if resource.type_name == type_name), None)

    def route_handlers(self, services: "Services") -> list[ControllerRouterHandler]:
        """Return the routes of every plugin; one of a stranger's that fails to build them is logged and left out."""
        return [handler for _, handler in self._collect("route_handlers", services=services)]

    def commands(self) -> list[click.Command]:
        """Return the commands of every plugin; of two with one name, the first."""
        commands: dict[str, click.Command] = {}
        for plugin, command in self._collect("commands"):
            name = str(command.name)
            if name in commands:
                log.error("plugin_command_refused", plugin=plugin, command=name, reason="the name is taken")
            commands.setdefault(name, command)
        return list(commands.values())

    def _collect(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        for plugin in self.plugins:
            try:
                answers = list(self._call(plugin.name, hook, **arguments) or ())
            except Exception as error:
                if plugin.distribution == OUR_DISTRIBUTION:
                    raise
                log.exception("plugin_hook_refused", plugin=plugin.name, hook=hook, error=type(error).__name__)
            else:
                yield from ((plugin.name, answer) for answer in answers)

    def _call(self, plugin: str, hook: str, **arguments: Any) -> Any:
        """Call one hook of one plugin; None where it has no such hook."""
        others = [module for name, module in self.manager.list_name_plugin() if name != plugin]
        answers = self.manager.subset_hook_caller(hook, others)(**arguments)
        return answers[0] if answers else None

    def add(self, candidate: Candidate, module: Any, requires: tuple[str, ...]) -> None:
        """Register one imported plugin and take in what it declares.

        Raises:
            PluginError: a hook does not match its specification, failed, or declares what cannot be used.
        """
        self.manager.register(module, candidate.name)
        try:
            self.manager.check_pending()
            resources = tuple(self._call(candidate.name, "resources") or ())
            migrations = self._call(candidate.name, "migrations")
            if migrations is not None and not Path(migrations).is_dir():
                raise PluginError(f"its migrations folder {Path(migrations).name!r} does not exist")
            check_resources(candidate.name, resources, [(each.name, each.resources) for each in self.plugins])
            check_edges(resources, self.resources)
        except BaseException:
            self.manager.unregister(module)
            raise
        self.plugins.append(
            LoadedPlugin(
                name=candidate.name,
                distribution=candidate.distribution,
                requires=requires,
                resources=resources,
                migrations=migrations,
            )
        )


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
        registry.add(candidate, module, requires)
    except Exception as error:  # noqa: BLE001 - a stranger's hook may raise anything
        _refuse(registry, candidate, f"{type(error).__name__}: {error}")


def _refuse(registry: Registry, candidate: Candidate, reason: str) -> None:
    log.error("plugin_refused", plugin=candidate.name, distribution=candidate.distribution, reason=reason)
    registry.refused.append(
        RefusedPlugin(name=candidate.name, distribution=candidate.distribution, reason=" ".join(reason.split())[:500])
    )
