"""Users: the people who work at the firm. Clio has no webhook for them, so they are polled."""

from collections.abc import Sequence
from pathlib import Path

from core.hookspecs import hookimpl
from core.resource import Resource
from plugins.users import clio, tables, types
from plugins.users.metrics import metrics_field
from schema.extensions import Extension, Graph, ObjectField

requires = ("schema",)

USER = Resource(name="user", table=tables.User, type=types.User, endpoint=clio.ENDPOINT, poll_s=120.0)


@hookimpl
def resources() -> list[Resource]:
    """Declare users."""
    return [USER]


@hookimpl
def migrations() -> Path:
    """Name the folder of the users' migrations."""
    return Path(__file__).parent / "migrations"


@hookimpl
def graphql_extensions(graph: Graph) -> Sequence[Extension]:  # noqa: ARG001 - the hook's signature
    """Add `metrics { users }`."""
    return [ObjectField(on="Metrics", name="users", field=metrics_field())]
