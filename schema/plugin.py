"""The GraphQL face as a plugin: `/graphql`, `/schema.graphql` and the command `schema`."""

from typing import TYPE_CHECKING

import click
from litestar import get
from litestar.types import ControllerRouterHandler

from core.hookspecs import hookimpl
from core.routes import DirectRoute
from schema import hookspecs
from schema.build import build_schema
from schema.commands import schema as schema_command
from schema.transport import graphql_routes

if TYPE_CHECKING:
    from core.services import Services

requires: tuple[str, ...] = ()

__all__ = ["commands", "hookspecs", "requires", "route_handlers"]


@hookimpl
def route_handlers(services: "Services") -> "list[ControllerRouterHandler | DirectRoute]":
    """Build the schema of everything that is loaded by now, and serve it."""
    schema = build_schema(services.registry)
    text = schema.as_str() + "\n"

    @get(
        "/schema.graphql",
        media_type="application/graphql; charset=utf-8",
        include_in_schema=False,
        sync_to_thread=False,
    )
    def schema_text() -> str:
        return text

    return [*graphql_routes(schema, services), schema_text]


@hookimpl
def commands() -> list[click.Command]:
    """Add `clio-service schema`."""
    return [schema_command]
