"""What is loaded: the plugins in order of `requires`, what they declared, and which were refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy

from core.errors import NotFound
from core.logging import get_logger
from core.resource import Resource

log = get_logger(__name__)

OUR_DISTRIBUTION = "clio-integration-service"


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

    def collect(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Yield (plugin, answer) for every answer of a hook; a stranger's hook that fails is logged and left out."""
        for plugin in self.plugins:
            try:
                answers = list(self.call(plugin.name, hook, **arguments) or ())
            except Exception as error:
                if plugin.distribution == OUR_DISTRIBUTION:
                    raise
                log.exception("plugin_hook_refused", plugin=plugin.name, hook=hook, error=type(error).__name__)
            else:
                yield from ((plugin.name, answer) for answer in answers)

    def call(self, plugin: str, hook: str, **arguments: Any) -> Any:
        """Call one hook of one plugin; None where it has no such hook, or nothing that is loaded specifies it."""
        if not hasattr(self.manager.hook, hook):
            return None
        others = [module for name, module in self.manager.list_name_plugin() if name != plugin]
        answers = self.manager.subset_hook_caller(hook, others)(**arguments)
        return answers[0] if answers else None
