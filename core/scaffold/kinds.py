"""Kinds of a field: what OpenAPI calls them, and what they are in Python, Piccolo, GraphQL, SQL and the mock Clio."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of field. `options` are what its Piccolo column needs, `mock` the mock Clio's word for it."""

    python: str
    column: str
    graphql: str
    sql: str
    mock: str
    options: tuple[str, ...] = ()


TEXT = Kind(python="str", column="Text", graphql="str", sql="text", mock="str")
BIGINT = Kind(python="int", column="BigInt", graphql="strawberry.ID", sql="bigint", mock="i64")
"""Served as an ID: GraphQL's Int has 32 bits, and the filters of the API take every bigint as an ID."""
INTEGER = Kind(python="int", column="Integer", graphql="int", sql="integer", mock="i32")
NUMERIC = Kind(python="Decimal", column="Numeric", graphql="Decimal", sql="numeric", mock="f64")
FLOAT = Kind(python="Decimal", column="Numeric", graphql="Decimal", sql="numeric", mock="f32")
BOOLEAN = Kind(python="bool", column="Boolean", graphql="bool", sql="boolean", mock="bool")
DATE = Kind(python="datetime.date", column="Date", graphql="datetime.date", sql="date", mock="date")
INSTANT = Kind(
    python="datetime.datetime", column="Timestamptz", graphql="datetime.datetime", sql="timestamptz", mock="datetime"
)
TEXTS = Kind(
    python="list[str]",
    column="Array",
    graphql="list[str]",
    sql="text[]",
    mock="strings",
    options=("base_column=Text()",),
)


def kind_of(declared: Mapping[str, Any]) -> Kind | None:
    """Return the kind of a property of an OpenAPI schema; None where the mirror has no column for its shape."""
    match declared.get("type"), declared.get("format"):
        case "string", "date":
            return DATE
        case "string", "date-time":
            return INSTANT
        case "string", _:
            return TEXT
        case "integer", "int32":
            return INTEGER
        case "integer", _:
            return BIGINT
        case "number", "float":
            return FLOAT
        case "number", _:
            return NUMERIC
        case "boolean", _:
            return BOOLEAN
        case "array", _ if declared.get("items", {}).get("type") == "string":
            return TEXTS
    return None
