"""Running every check on the loaded plugins."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.checks.against_spec import check_against_spec
from core.checks.declaration import check_declaration
from core.checks.findings import Note, Problem
from core.checks.migrations import check_files, check_table
from core.checks.readme import check_readme, readme_of
from core.errors import BadInput
from core.registry import LoadedPlugin, Registry
from core.scaffold.spec import Specification


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found, each with the plugin it was found in, in order of loading; refused plugins come last."""

    checked: Sequence[str]
    problems: Sequence[tuple[str, Problem]]
    notes: Sequence[tuple[str, Note]]


def check_plugins(registry: Registry, names: Sequence[str], spec: Specification | None) -> Report:
    """Check the plugins of those names, or all; a refused one is a problem itself. No I/O but reading their files.

    Raises:
        BadInput: no plugin of a name is installed; the message names those that are near.
    """
    known = [plugin.name for plugin in registry.plugins] + [plugin.name for plugin in registry.refused]
    for name in names:
        if name not in known:
            near = ", ".join(difflib.get_close_matches(name, known)) or ", ".join(known)
            raise BadInput(f"no plugin {name!r} is installed; there are: {near}")
    wanted = set(names or known)
    found = [
        (plugin.name, finding)
        for plugin in registry.plugins
        if plugin.name in wanted
        for finding in check_plugin(plugin, spec)
    ]
    refused = [
        (plugin.name, Problem(thing="it", wrong=f"was refused: {plugin.reason}", step="put that right first"))
        for plugin in registry.refused
        if plugin.name in wanted
    ]
    return Report(
        checked=[name for name in known if name in wanted],
        problems=[(name, each) for name, each in found if isinstance(each, Problem)] + refused,
        notes=[(name, each) for name, each in found if isinstance(each, Note)],
    )


def check_plugin(plugin: LoadedPlugin, spec: Specification | None) -> Iterator[Problem | Note]:
    """Yield what is wrong with one plugin."""
    if plugin.migrations is not None:
        yield from check_files(plugin.migrations)
    readme = readme_of(plugin)
    for resource in plugin.resources:
        yield from check_table(resource, plugin.migrations)
        yield from check_declaration(resource)
        if readme is not None:
            yield from check_readme(resource, readme)
        if spec is not None:
            yield from check_against_spec(resource, spec, readme)
