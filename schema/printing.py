"""The schema as text, for review and for clients' code generators."""

from core.registry import Registry
from schema.assembly import service_schema


def print_registry_schema(registry: Registry) -> str:
    """Return the schema of a registry's plugins in GraphQL's schema definition language, ending in a newline."""
    return service_schema(registry).as_str().rstrip("\n") + "\n"
