"""The commands about plugins."""

import json
from pathlib import Path

import click

from core.loading import load_plugins
from core.registry import Registry
from core.scaffold.package import write_package
from core.scaffold.plan import plan
from core.scaffold.spec import Specification

SPEC_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(epilog="Example: clio-service plugins list --json")
def plugins() -> None:
    """Look at the plugins that are installed, and begin a new one."""


@plugins.command("list", epilog="Example: clio-service plugins list --json")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def list_plugins(context: click.Context, *, as_json: bool) -> None:
    """List what is loaded and what was refused, and why; exit status 1 when something was refused."""
    registry = load_plugins()
    click.echo(json.dumps(_describe(registry), indent=2) if as_json else _table(registry))
    context.exit(1 if registry.refused else 0)


@plugins.command("new", epilog="Example: clio-service plugins new tasks --spec openapi.json")
@click.argument("name")
@click.option("--spec", type=SPEC_FILE, help="Clio's OpenAPI file; every field it has is then kept or explained.")
@click.option("--path", "parent", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where to.")
@click.option("--resource", "resource", help="Clio's path, where it is not NAME.")
def new_plugin(name: str, spec: Path | None, parent: Path, resource: str | None) -> None:
    """Write a package that mirrors the resource NAME, the plural as in Clio's path, such as tasks.

    The package is `clio-NAME-plugin`, in the current folder unless --path says otherwise; nothing is overwritten.
    """
    made = plan(
        name,
        path=resource or name,
        registry=load_plugins(),
        spec=Specification.read(spec) if spec else None,
    )
    written = write_package(made, parent)
    for file, lines in written.items():
        click.echo(f"{lines:5} {file}")
    click.echo(f"{sum(written.values()):5} lines in {len(written)} files")
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"next: pip install -e {parent / made.distribution} && clio-service plugins check {name}", err=True)


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
