"""The schema as text, for the file that is committed and for whoever generates clients."""

from pathlib import Path

from core.registry import Registry
from schema.build import build_schema

COMMITTED = Path(__file__).parent / "schema.graphql"
"""The printed schema of the plugins in this distribution; a test holds it to what is built."""


def print_registry_schema(registry: Registry) -> str:
    """Return the schema of what the registry holds, in GraphQL's schema language, with a line feed at its end."""
    return build_schema(registry).as_str() + "\n"
