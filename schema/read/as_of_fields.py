"""Which fields can be read as of an instant: those whose value follows, in SQL, from what has a history."""

from collections.abc import Sequence
from typing import Any

from graphql import FieldNode, GraphQLObjectType, get_named_type, is_abstract_type
from strawberry.types.field import StrawberryField

from core.errors import AsOfUnsupported
from schema.read.as_of import AsOfTables
from schema.read.selection import Selections
from schema.read.sources import READ, PageOf, ToOneRow
from schema.read.values import strawberry_field


def check_fields(selections: Selections, tables: AsOfTables, kind: Any, nodes: Sequence[FieldNode]) -> None:
    """Go through what is asked of a type, and all that is below, whether or not there will be such an object.

    Raises:
        AsOfUnsupported: a field has a resolver of its own, of whose answer nobody knows of when it is, or leads to what
            has no history.
    """
    if is_abstract_type(kind):
        for each in selections.schema.get_possible_types(kind):
            check_fields(selections, tables, each, nodes)
    elif isinstance(kind, GraphQLObjectType):
        for below in selections.of_nodes(kind, nodes).values():
            _check_field(selections, tables, kind, below)


def _check_field(
    selections: Selections, tables: AsOfTables, kind: GraphQLObjectType, nodes: Sequence[FieldNode]
) -> None:
    name = nodes[0].name.value
    if name.startswith("__"):
        return
    field = kind.fields[name]
    if not (_is_of_a_page(kind) or _has_history(strawberry_field(field), tables)):
        raise AsOfUnsupported(f"{kind.name}.{name}")
    check_fields(selections, tables, get_named_type(field.type), nodes)


def _has_history(declared: StrawberryField, tables: AsOfTables) -> bool:
    match declared.metadata.get(READ):
        case None:
            return declared.base_resolver is None
        case ToOneRow(entity=entity) | PageOf(entity=entity):
            return tables.has_history(entity.listing)
        case _:
            return True


def _is_of_a_page(kind: GraphQLObjectType) -> bool:
    """Tell whether a type is a connection, an edge or PageInfo, whose fields only hold what was read."""
    return kind.name == "PageInfo" or "pageInfo" in kind.fields or kind.fields.keys() == {"cursor", "node"}
