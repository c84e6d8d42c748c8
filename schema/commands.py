"""`clio-service schema`: print the schema, and check the committed file against it."""

import difflib
from pathlib import Path

import click

from core.loading import load_plugins
from schema.printing import COMMITTED, print_registry_schema


@click.group(epilog="Example: clio-service schema print > schema.graphql")
def schema() -> None:
    """Print the GraphQL schema, or check a file against it."""


@schema.command("print", epilog="Example: clio-service schema print > schema/schema.graphql")
def print_schema() -> None:
    """Print the schema of the installed plugins."""
    click.echo(print_registry_schema(load_plugins()), nl=False)


@schema.command("check", epilog="Example: clio-service schema check schema/schema.graphql")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=COMMITTED)
@click.pass_context
def check_schema(context: click.Context, file: Path) -> None:
    """Compare FILE (the committed schema unless given) with the installed plugins; exit status 1 where they differ."""
    found = file.read_text(encoding="utf-8").splitlines(keepends=True)
    wanted = print_registry_schema(load_plugins()).splitlines(keepends=True)
    difference = list(difflib.unified_diff(found, wanted, str(file), "installed plugins"))
    click.echo("".join(difference) or f"{file.name} is up to date\n", nl=False)
    context.exit(1 if difference else 0)
