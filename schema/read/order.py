"""Orders and keysets: what a list is sorted by, and where in that order a cursor stands.

Nulls come last in ascending order and first in descending, as PostgreSQL has it, so that an index serves both ways and
one order read backwards is the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from schema.read.listing import ListColumn, Listing
from schema.read.parameters import Parameters

MOST_TERMS = 8


@dataclass(frozen=True)
class OrderTerm:
    """One column of an order."""

    column: ListColumn
    descending: bool = False

    def reversed(self) -> "OrderTerm":
        """Return the term that reads the other way."""
        return OrderTerm(self.column, descending=not self.descending)

    def __str__(self) -> str:
        return f"{self.column.name} {'desc' if self.descending else 'asc'}"


Order = tuple[OrderTerm, ...]


def read_order(listing: Listing, wanted: Iterable[tuple[str | ListColumn, bool]]) -> Order:
    """Return a total order: the wanted columns (by name, or computed; descending), then what breaks ties, ascending.

    Raises:
        BadInput: a column is named twice, or too many are.
    """
    terms: dict[str, OrderTerm] = {}
    for given, descending in wanted:
        column = listing.columns[given] if isinstance(given, str) else given
        if column.name in terms:
            raise BadInput(f"orderBy names {column.name} twice")
        terms[column.name] = OrderTerm(column, descending)
    if len(terms) > MOST_TERMS:
        raise BadInput(f"orderBy takes at most {MOST_TERMS} fields")
    for name in listing.ties:
        terms.setdefault(name, OrderTerm(listing.columns[name], listing.newest_first))
    return tuple(terms.values())


def backwards(order: Order) -> Order:
    """Return the same order read from its end."""
    return tuple(term.reversed() for term in order)


def order_sql(order: Order, alias: str, *, computed: bool = True) -> str:
    """Return the terms of ORDER BY; `computed` false is for an alias that has computed columns as columns."""
    names = (term.column.sql(alias) if computed else f"{alias}.{term.column.name}" for term in order)
    return ", ".join(f"{name} {'DESC' if term.descending else 'ASC'}" for name, term in zip(names, order, strict=True))


def computed_sql(order: Order, alias: str) -> str:
    """Return the computed columns of an order for a SELECT, each after a comma; a cursor is made of them."""
    return "".join(
        f", {term.column.sql(alias)} AS {term.column.name}" for term in order if term.column.expression is not None
    )


def order_text(order: Order) -> str:
    """Return the order as text, for fingerprints."""
    return ",".join(map(str, order))


def keyset_predicate(order: Order, alias: str, position: Sequence[Any], parameters: Parameters) -> str:
    """Return the predicate of the rows that come strictly after a position."""
    one_way = len({term.descending for term in order}) == 1
    if one_way and not any(term.column.nullable for term in order):
        names = ", ".join(term.column.sql(alias) for term in order)
        values = ", ".join(
            parameters.add_one(value, term.column.kind) for term, value in zip(order, position, strict=True)
        )
        return f"({names}) {'<' if order[0].descending else '>'} ({values})"
    return _after(order, alias, position, parameters)


def _after(order: Order, alias: str, position: Sequence[Any], parameters: Parameters) -> str:
    """Spell the comparison out, column by column: the only way once nulls or both directions are in play."""
    term, value = order[0], position[0]
    name = term.column.sql(alias)
    placeholder = None if value is None else parameters.add_one(value, term.column.kind)
    beyond = _beyond(name, term, placeholder)
    if len(order) == 1:
        return beyond
    same = f"{name} IS NULL" if placeholder is None else f"{name} = {placeholder}"
    return f"({beyond} OR ({same} AND {_after(order[1:], alias, position[1:], parameters)}))"


def _beyond(name: str, term: OrderTerm, placeholder: str | None) -> str:
    if placeholder is None:
        return f"{name} IS NOT NULL" if term.descending else "false"
    if term.descending:
        return f"{name} < {placeholder}"
    return f"({name} > {placeholder} OR {name} IS NULL)" if term.column.nullable else f"{name} > {placeholder}"
