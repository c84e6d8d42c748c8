"""Every field that Clio has is kept or left out on purpose: the READMEs of the plugins are held to it."""

import re
from pathlib import Path

import pytest

from core.loading import load_plugins
from core.resource import Resource
from core.webhooks.completeness import parse_selection
from mock_clio.tables.catalog import SCHEMAS

PLUGINS = Path(__file__).parents[2] / "plugins"

OURS = [
    (plugin.name, resource)
    for plugin in load_plugins().plugins
    if (PLUGINS / plugin.name).is_dir()
    for resource in plugin.resources
]


def table_of(plugin: str, heading: str) -> list[str]:
    """Return the first cell of every row of the table under a heading, without its code marks."""
    text = (PLUGINS / plugin / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None, f"plugins/{plugin}/README.md has no section {heading!r}"
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", section[1], re.MULTILINE)
    assert all(rest.strip(" |") for _, rest in rows), f"{plugin}: a row under {heading!r} says nothing"
    return [name for name, _ in rows]


@pytest.mark.parametrize(("plugin", "resource"), OURS, ids=[f"{name}-{each.type_name}" for name, each in OURS])
def test_every_field_is_kept_or_left_out_with_a_reason(plugin: str, resource: Resource) -> None:
    kept = table_of(plugin, f"{resource.type_name}: kept")
    left_out = table_of(plugin, f"{resource.type_name}: left out")
    asked = {
        name + (f"{{{','.join(nested)}}}" if nested else "")
        for name, nested in parse_selection(resource.endpoint.fields)
    }
    assert set(kept) == asked
    names = [name.partition("{")[0] for name in kept]
    schema = SCHEMAS[resource.type_name]
    assert sorted(names + left_out) == sorted({*schema.fields, *schema.associations})
