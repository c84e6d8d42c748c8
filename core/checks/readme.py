"""The README of a plugin, which lists every field of Clio's: kept, or left out with the reason."""

import importlib.metadata
import re
from collections.abc import Iterator

from core.checks.findings import Problem
from core.errors import PluginError
from core.registry import OUR_DISTRIBUTION, LoadedPlugin
from core.resource import Resource
from core.webhooks.completeness import parse_selection

KEPT, LEFT_OUT = "kept", "left out"


def readme_of(plugin: LoadedPlugin) -> str | None:
    """Return a plugin's README: the file beside its migrations folder, or else what its distribution ships; or None."""
    beside = plugin.migrations.parent / "README.md" if plugin.migrations is not None else None
    if beside is not None and beside.is_file():
        return beside.read_text(encoding="utf-8")
    if plugin.distribution in {"", OUR_DISTRIBUTION}:
        return None
    try:
        shipped = importlib.metadata.metadata(plugin.distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
    payload = shipped.json.get("description")
    return str(payload) if payload else None


def listed(readme: str, resource: Resource, part: str) -> dict[str, str] | None:
    """Return the fields in the table under `## <Type>: <part>`, with the rest of their row; None without a section."""
    section = re.search(
        rf"^## {re.escape(resource.type_name)}: {part}\s*?\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL
    )
    if section is None:
        return None
    rows = re.findall(r"^\|\s*`([^`]+)`\s*\|(.*)\|\s*$", section[1], re.MULTILINE)
    return {name: rest.strip(" |") for name, rest in rows}


def asked(resource: Resource) -> list[str]:
    """Return the fields that are asked for, as `matter{id}` where an association is."""
    try:
        selection = parse_selection(resource.endpoint.fields)
    except PluginError:
        return []
    return [name + (f"{{{','.join(nested)}}}" if nested else "") for name, nested in selection]


def check_readme(resource: Resource, readme: str) -> Iterator[Problem]:
    """Yield where the README and what is asked for differ."""
    heading = f"## {resource.type_name}: {KEPT}"
    kept = listed(readme, resource, KEPT)
    if kept is None:
        yield Problem(
            thing="README.md",
            wrong=f"has no section {heading!r}",
            step="add one, with a table whose first cell is each field that is asked for, such as `matter{id}`",
        )
        return
    wanted = asked(resource)
    for name in wanted:
        if name not in kept:
            yield Problem(
                thing="README.md", wrong=f"does not list {name} under {heading!r}", step="add its row to the table"
            )
    for name in kept:
        if name not in wanted:
            yield Problem(
                thing="README.md",
                wrong=f"lists {name} under {heading!r}, which is not asked for",
                step="take the row out, or write the field as it is asked for",
            )
    for name, rest in (kept | (listed(readme, resource, LEFT_OUT) or {})).items():
        if not rest:
            yield Problem(thing="README.md", wrong=f"says nothing about {name}", step="fill in its row")
