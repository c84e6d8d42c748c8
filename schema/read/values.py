"""Values of columns and of jsonb records as JSON, in the form in which the scalars of the schema write them.

`row_to_json` writes days, instants, numbers and truth as the schema does, given a session in UTC; what the schema
writes as text, ids and decimals among them, is cast. Whatever else a field may be is left to its resolver.
"""

from collections.abc import Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
)
from strawberry.types.field import StrawberryField

from schema.read.asked import Unplanned
from schema.read.selection import Selections

TEXTUAL = frozenset({"ID", "String", "Decimal"})
"""Scalars that are text in answers, whatever the column is."""

PLAIN = frozenset({"Boolean", "Int", "Float", "BigInt", "Date", "DateTime", "Time", "JSON"})
"""Scalars that `row_to_json` writes as the schema does."""

TEXT_IN_JSON = TEXTUAL | {"Date", "DateTime", "Time"}
"""Scalars that are text inside a jsonb column."""

MOST_NAME_BYTES = 63
"""PostgreSQL cuts longer names, and a response key is the name of a column."""


def response_key(key: str) -> str:
    """Return the name of a column for a response key.

    Raises:
        Unplanned: it is too long for a name in PostgreSQL.
    """
    if len(key) > MOST_NAME_BYTES:
        raise Unplanned(f"the key {key} is longer than {MOST_NAME_BYTES} characters")
    return f'"{key}"'


def strawberry_field(field: GraphQLField) -> StrawberryField:
    """Return the declaration of a field."""
    found: StrawberryField = field.extensions["strawberry-definition"]
    return found


def value_sql(expression: str, kind: Any, nodes: Sequence[FieldNode], selections: Selections) -> str:
    """Return SQL for a value as its GraphQL type writes it; records in jsonb are selected from.

    Raises:
        Unplanned: the type is none that SQL writes.
    """
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(bare, GraphQLObjectType | GraphQLList) and _holds_records(bare):
        return _json_sql(expression, bare, nodes, selections, 1)
    if isinstance(bare, GraphQLList):
        inner = bare.of_type.of_type if isinstance(bare.of_type, GraphQLNonNull) else bare.of_type
        if not isinstance(inner, GraphQLScalarType) or inner.name != "String":
            raise Unplanned(f"a list of {inner} is none that SQL writes")
        return expression
    return f"{expression}::text" if _is_textual(bare) else expression


def _holds_records(kind: Any) -> bool:
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    return isinstance(kind, GraphQLObjectType)


def _is_textual(kind: Any) -> bool:
    name = kind.name if isinstance(kind, GraphQLScalarType) else ""
    if name in TEXTUAL:
        return True
    if name not in PLAIN:
        raise Unplanned(f"the type {kind} is none that SQL writes")
    return False


def _json_sql(value: str, kind: Any, nodes: Sequence[FieldNode], selections: Selections, depth: int) -> str:
    """Return what is asked of a record, or of a list of records, that is a jsonb value."""
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(bare, GraphQLList):
        inner = _json_sql(f"e{depth}.value", bare.of_type, nodes, selections, depth + 1)
        return (
            f"CASE jsonb_typeof({value}) WHEN 'array' THEN (SELECT coalesce(json_agg({inner}), '[]'::json)"
            f" FROM jsonb_array_elements({value}) AS e{depth}) END"
        )
    columns = [
        f"{_member_sql(value, bare, each, selections, depth)} AS {response_key(key)}"
        for key, each in selections.of_nodes(bare, nodes).items()
    ]
    return (
        f"CASE jsonb_typeof({value}) WHEN 'object' THEN"
        f" (SELECT row_to_json(n) FROM (SELECT {', '.join(columns)}) AS n) END"
    )


def _member_sql(
    value: str, owner: GraphQLObjectType, nodes: Sequence[FieldNode], selections: Selections, depth: int
) -> str:
    name = nodes[0].name.value
    if name == "__typename":
        return f"'{owner.name}'::text"
    field = owner.fields[name]
    declared = strawberry_field(field)
    if declared.base_resolver is not None:
        raise Unplanned(f"{owner.name}.{name} has a resolver")
    bare = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    if _holds_records(bare):
        return _json_sql(f"({value} -> '{declared.python_name}')", bare, nodes, selections, depth)
    if isinstance(bare, GraphQLList):
        return f"{value} -> '{declared.python_name}'"
    if not isinstance(bare, GraphQLScalarType) or bare.name not in TEXT_IN_JSON | PLAIN:
        raise Unplanned(f"{owner.name}.{name} is of a type that SQL does not write")
    return f"{value} {'->>' if bare.name in TEXT_IN_JSON else '->'} '{declared.python_name}'"
