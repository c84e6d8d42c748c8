"""Every hook of the service. `docs/plugins/hooks.md` lists the same ones; a test holds the two together.

A plugin is a module (or object) behind an entry point of the group `clio_service.plugins`; the entry point's name is
the plugin's name. Beside its hooks it may state `requires`, the names of the plugins that must be loaded before it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pluggy
from litestar.types import ControllerRouterHandler

from core.resource import Resource
from core.routes import DirectRoute

if TYPE_CHECKING:
    from core.services import Services

PROJECT = "clio_service"
"""The pluggy project name."""

ENTRY_POINT_GROUP = "clio_service.plugins"
"""The entry-point group in which plugins are found, our own included."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def resources() -> Sequence[Resource]:  # type: ignore[empty-body]  # a hookspec is its signature
    """Declare the Clio resources this plugin mirrors.

    Called: once per process, while plugins are loaded, before any I/O.
    Returns: the resources, in the order in which they should be backfilled.
    Merged: concatenated in order of loading; a name, table, type, endpoint or webhook model claimed twice refuses the
        later plugin with PluginConflict naming both.
    Errors: the plugin is refused by name; the others load.
    Source: docs/plugins/writing.md. Since: hook API 1.
    """


@hookspec
def migrations() -> Path:  # type: ignore[empty-body]  # a hookspec is its signature
    """Name the folder that holds this plugin's migrations, `NNNN_name.up.sql` and `NNNN_name.down.sql`.

    Called: by `clio-service migrate` and at start-up, under one advisory lock for the whole database.
    Returns: an existing folder; each pair of files is one migration, run in order of its number in a transaction.
    Merged: plugin by plugin, in order of loading.
    Errors: a folder that is missing refuses the plugin by name; a statement that fails stops start-up with
        MigrationFailed naming plugin and file, and leaves the database as it was.
    Source: docs/adr/0003-migrations.md. Since: hook API 1.
    """


@hookspec
def route_handlers(  # type: ignore[empty-body]  # as above
    services: "Services",
) -> "Sequence[ControllerRouterHandler | DirectRoute]":
    """Add HTTP or WebSocket routes to the API.

    Called: once per application, while it is built; `services` is not open yet, so do no I/O.
    Returns: Litestar handlers, controllers or routers; a `DirectRoute` for a path to answer before routing.
    Merged: concatenated in order of loading.
    Errors: the application starts without that plugin's routes, and the log says so.
    Source: Litestar's routing. Since: hook API 1.
    """


@hookspec
def commands() -> Sequence[click.Command]:  # type: ignore[empty-body]  # a hookspec is its signature
    """Add commands, or groups of them, to `clio-service`.

    Called: once, when the command line is built; do no I/O.
    Returns: click commands.
    Merged: in order of loading; a name that is taken refuses the later command with a log line.
    Errors: the command line works without that plugin's commands, and the log says so.
    Source: click's commands. Since: hook API 1.
    """
