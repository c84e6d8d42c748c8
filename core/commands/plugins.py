"""The commands about plugins."""

import json

import click

from core.loading import load_plugins
from core.registry import Registry


@click.group(epilog="Example: clio-service plugins list --json")
def plugins() -> None:
    """Look at the plugins that are installed."""


@plugins.command("list", epilog="Example: clio-service plugins list --json")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def list_plugins(context: click.Context, *, as_json: bool) -> None:
    """List what is loaded and what was refused, and why; exit status 1 when something was refused."""
    registry = load_plugins()
    click.echo(json.dumps(_describe(registry), indent=2) if as_json else _table(registry))
    context.exit(1 if registry.refused else 0)


def _describe(registry: Registry) -> dict[str, object]:
    return {
        "loaded": [
            {
                "name": plugin.name,
                "distribution": plugin.distribution,
                "requires": list(plugin.requires),
                "resources": [resource.name for resource in plugin.resources],
            }
            for plugin in registry.plugins
        ],
        "refused": [
            {"name": plugin.name, "distribution": plugin.distribution, "reason": plugin.reason}
            for plugin in registry.refused
        ],
    }


def _table(registry: Registry) -> str:
    lines = [
        f"{plugin.name:<16} loaded   {', '.join(resource.name for resource in plugin.resources) or '-'}"
        + (f"  (after {', '.join(plugin.requires)})" if plugin.requires else "")
        for plugin in registry.plugins
    ]
    return "\n".join(lines + [f"{plugin.name:<16} REFUSED  {plugin.reason}" for plugin in registry.refused])
