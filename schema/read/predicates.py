"""A filter, as plain data, to a predicate in SQL: pure functions of a declaration and arguments.

A filter is a mapping: `{"name": {"contains": "x"}, "or": [...], "client": {"name": {"eq": "y"}}}`. Its logic has two
values: a comparison with null does not hold, so that `ne`, `notIn` and `not` hold exactly where their opposites do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from schema.read.listing import Kind, ListColumn, ListEdge, Listing
from schema.read.parameters import Parameters

MOST_DEEP = 8
MOST_CONDITIONS = 100
MOST_VALUES = 10_000

_COMPARISONS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}

Where = Mapping[str, Any]


@dataclass
class _Budget:
    """How many conditions a filter may still hold."""

    left: int = MOST_CONDITIONS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise BadInput(f"the filter holds more than {MOST_CONDITIONS} conditions: ask in several queries")


def filter_predicate(listing: Listing, alias: str, where: Where | None, parameters: Parameters) -> str:
    """Return the predicate of a filter on `alias`, presence included.

    Raises:
        BadInput: a value is null, cannot be stored, or the filter is too large.
    """
    parts = []
    if where:
        parts.append(_all_of(listing, alias, where, parameters, _Budget(), 1))
    if listing.has_presence and not (where and mentions_presence(where)):
        parts.append(f"{alias}.presence = 'present'")
    return " AND ".join(parts) or "true"


def mentions_presence(where: Where) -> bool:
    """Tell whether a filter speaks of the listing's own presence, at any level of and, or, not."""
    nested = [*(where.get("and") or ()), *(where.get("or") or ()), *filter(None, [where.get("not")])]
    return "presence" in where or any(mentions_presence(each) for each in nested)


def _all_of(listing: Listing, alias: str, where: Where, parameters: Parameters, budget: _Budget, depth: int) -> str:
    if depth > MOST_DEEP:
        raise BadInput(f"the filter nests more than {MOST_DEEP} levels of and, or, not")
    parts = []
    for name, wanted in where.items():
        budget.spend()
        if wanted is None:
            raise BadInput(f"filter: {name} is null: leave it out, or use isNull")
        if name in {"and", "or"}:
            inner = [_all_of(listing, alias, each, parameters, budget, depth + 1) for each in wanted]
            parts.append(_joined(inner, "AND" if name == "and" else "OR"))
        elif name == "not":
            parts.append(f"({_all_of(listing, alias, wanted, parameters, budget, depth + 1)}) IS NOT TRUE")
        elif name in listing.edges:
            parts.append(_across(listing.edges[name], alias, wanted, parameters, budget, depth))
        elif name in listing.conditions:
            parts.append(listing.conditions[name].predicate(alias, wanted, parameters))
        else:
            parts += _column_predicates(listing.columns[name], alias, wanted, parameters, budget)
    return _joined(parts, "AND")


def _joined(parts: Sequence[str], operator: str) -> str:
    """Join predicates; none of them is true under AND and false under OR."""
    if not parts:
        return "true" if operator == "AND" else "false"
    return f" {operator} ".join(f"({part})" for part in parts)


def _across(edge: ListEdge, alias: str, where: Where, parameters: Parameters, budget: _Budget, depth: int) -> str:
    """Look through an edge: the record is there, of the same firm, and matches; whatever its presence."""
    far = f"{alias}_{edge.name}"
    inner = _all_of(edge.target, far, where, parameters, budget, depth + 1)
    return (
        f"EXISTS (SELECT FROM {edge.target.table} AS {far} WHERE {far}.{edge.target.firm_column} = {alias}.firm"
        f" AND {far}.{edge.target.key} = {alias}.{edge.column} AND ({inner}))"
    )


def _column_predicates(
    column: ListColumn, alias: str, wanted: Where, parameters: Parameters, budget: _Budget
) -> list[str]:
    name = f"{alias}.{column.name}"
    parts = []
    for operator, value in wanted.items():
        budget.spend()
        if value is None:
            raise BadInput(f"filter: {operator} of {column.name} is null: leave it out, or use isNull")
        parts.append(_comparison(name, column.kind, operator, value, parameters))
    return parts


def _comparison(name: str, kind: Kind, operator: str, value: Any, parameters: Parameters) -> str:
    if operator in _COMPARISONS:
        return f"{name} {_COMPARISONS[operator]} {parameters.add_one(value, kind)}"
    match operator:
        case "isNull":
            return f"{name} IS NULL" if value else f"{name} IS NOT NULL"
        case "eq":
            return f"{name} = {parameters.add_one(value, kind)}"
        case "ne":
            return f"{name} IS DISTINCT FROM {parameters.add_one(value, kind)}"
        case "in":
            return f"{name} = ANY ({_values(value, kind, parameters)})"
        case "notIn":
            return f"({name} = ANY ({_values(value, kind, parameters)})) IS NOT TRUE"
        case "contains" if kind is Kind.TEXTS:
            return f"{parameters.add_one(value, Kind.TEXT)} = ANY ({name})"
        case "contains":
            return f"strpos({name}, {parameters.add_one(value, kind)}) > 0"
        case "startsWith":
            return f"starts_with({name}, {parameters.add_one(value, kind)})"
        case _:
            raise BadInput(f"there is no filter operator {operator!r}")


def _values(values: Sequence[Any], kind: Kind, parameters: Parameters) -> str:
    if len(values) > MOST_VALUES:
        raise BadInput(f"a list in a filter holds at most {MOST_VALUES} values")
    return parameters.add_many(values, kind)
