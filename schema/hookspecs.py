"""The hooks that the GraphQL face adds to those of `core.hookspecs`. A plugin that uses one requires `schema`."""

from collections.abc import Sequence

from core.hookspecs import hookspec
from schema.extensions import Extension, Graph


@hookspec
def graphql_extensions(graph: Graph) -> Sequence[Extension]:  # type: ignore[empty-body]  # a hookspec is its signature
    """Add fields, lists, conditions or orders to GraphQL types: one's own, another plugin's, `Metrics` or `Query`.

    Called: once per schema, after the types of all resources are known and before any is read by strawberry; do no I/O.
    Returns: `ObjectField`, `Connection`, `ListCondition` and `ListOrder` from `schema.extensions`. Make strawberry
        types that name a type of `graph` inside the hook, for each schema has its own.
    Merged: concatenated in order of loading; a name that a type has already refuses the schema with PluginConflict.
    Errors: the schema is built without that plugin's extensions, and the log says so.
    Source: docs/plugins/writing.md. Since: hook API 1.
    """
