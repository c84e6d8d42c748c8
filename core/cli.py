"""`clio-service`: the one command. Data goes to stdout, logs to stderr; exit 0 done, 1 failed, 2 wrong use."""

import sys

import click

from core.commands import (
    budget,
    demo,
    firm_schedules,
    firms,
    history,
    metrics,
    plugins,
    reconciliations,
    replay,
    running,
    webhooks,
)
from core.errors import ServiceError
from core.loading import commands, load_plugins
from core.logging import configure_logging


@click.group(epilog="Example: clio-service serve --worker")
@click.version_option(package_name="clio-integration-service")
def cli() -> None:
    """Mirror law firms' Clio accounts into PostgreSQL and serve them as GraphQL."""


for command in (
    running.serve,
    running.worker,
    running.migrate_database,
    firms.connect,
    firms.sync,
    reconciliations.reconcile,
    webhooks.webhooks,
    replay.replay_command,
    metrics.metrics,
    budget.budget,
    history.history,
    firms.token,
    firm_schedules.firms,
    plugins.plugins,
    running.mock_clio,
    demo.demo,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; an error made on purpose is one clear message on stderr and exit status 1."""
    configure_logging()
    for command in commands(load_plugins()):
        if command.name not in cli.commands:
            cli.add_command(command)
    try:
        status = cli(standalone_mode=False)
    except click.ClickException as wrong_use:
        wrong_use.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except ServiceError as error:
        click.echo(f"clio-service: {error}", err=True)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)
