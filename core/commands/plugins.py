"""The commands about plugins."""

import dataclasses
import json
from pathlib import Path

import click

from core.checks.run import Report, check_plugins
from core.loading import load_plugins
from core.registry import Registry
from core.scaffold.package import write_package
from core.scaffold.plan import plan
from core.scaffold.spec import Specification

SPEC_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(epilog="Example: clio-service plugins list --json")
def plugins() -> None:
    """Look at the plugins that are installed, check them, and begin a new one."""


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


@plugins.command("check", epilog="Example: clio-service plugins check tasks --spec openapi.json")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--spec", type=SPEC_FILE, help="Clio's OpenAPI file, to compare the fields with.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def check(context: click.Context, names: tuple[str, ...], spec: Path | None, *, as_json: bool) -> None:
    """Check plugins (all unless named) without a database; exit status 1 and one line per problem.

    Compares migrations, table, payload, GraphQL type, edges, webhook and README with each other.
    """
    report = check_plugins(load_plugins(), names, Specification.read(spec) if spec else None)
    if as_json:
        click.echo(json.dumps(_report(report), indent=2))
    else:
        for plugin, problem in report.problems:
            click.echo(f"{plugin}: {problem.thing} {problem.wrong}; {problem.step}")
        for plugin, note in report.notes:
            click.echo(f"{plugin}: note: {note.thing} {note.text}")
        click.echo(f"{len(report.checked)} checked, {len(report.problems)} problem(s)")
    context.exit(1 if report.problems else 0)


def _report(report: Report) -> dict[str, object]:
    return {
        "checked": list(report.checked),
        "problems": [{"plugin": plugin, **dataclasses.asdict(problem)} for plugin, problem in report.problems],
        "notes": [{"plugin": plugin, **dataclasses.asdict(note)} for plugin, note in report.notes],
    }


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
