"""The statements of a list: a page, a count, and records by their numbers. Text and parameters; nothing runs here.

A list has no owner (`contacts`) or one per parent (`Contact.matters`). With owners, one statement reads the page of
every owner: LATERAL runs the page's own query once for each, on the index of the edge's column.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from schema.read.listing import Listing
from schema.read.order import Order, backwards, computed_sql, keyset_predicate, order_sql
from schema.read.parameters import Parameters, firm_predicate
from schema.read.predicates import Where, filter_predicate
from schema.read.window import Window

Owner = tuple[int, int]
"""Firm and number of the record at the one end of an edge."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ListQuery:
    """One list, as it was asked for. `owned`, if the list has an owner, says in SQL which rows of an alias it owns."""

    listing: Listing
    firms: frozenset[int] | None
    where: Where | None
    order: Order
    window: Window
    name: str
    owned: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Statement:
    """SQL and its parameters."""

    text: str
    values: Sequence[Any]


def page_statement(query: ListQuery, owners: Sequence[Owner] | None = None) -> Statement:
    """Return the statement of a page; with owners, of one page each, every row with its owner's `_place` (from 1)."""
    parameters = Parameters()
    order = backwards(query.order) if query.window.from_end else query.order
    head = "" if owners is None else _owners_sql(owners, parameters)
    page = (
        f"SELECT {query.listing.select('t')}{computed_sql(order, 't')} FROM {query.listing.table} AS t"
        f" WHERE {_condition(query, parameters, owned=owners is not None, within_window=True)}"
        f" ORDER BY {order_sql(order, 't')} LIMIT {parameters.add(query.window.fetch, 'bigint')}"
    )
    if owners is None:
        return Statement(page, parameters.values)
    text = f"SELECT owner.place AS _place, r.* FROM {head} CROSS JOIN LATERAL ({page}) AS r"
    return Statement(f"{text} ORDER BY owner.place, {order_sql(order, 'r', computed=False)}", parameters.values)


def count_statement(query: ListQuery, owners: Sequence[Owner] | None = None) -> Statement:
    """Return the statement of a list's length, cursors aside; with owners, `_place` and `total` of each."""
    parameters = Parameters()
    head = "" if owners is None else _owners_sql(owners, parameters)
    count = (
        f"SELECT count(*) AS total FROM {query.listing.table} AS t"
        f" WHERE {_condition(query, parameters, owned=owners is not None, within_window=False)}"
    )
    if owners is None:
        return Statement(count, parameters.values)
    text = f"SELECT owner.place AS _place, r.total FROM {head} CROSS JOIN LATERAL ({count}) AS r"
    return Statement(text, parameters.values)


def records_statement(listing: Listing, firms: frozenset[int] | None, keys: Sequence[Owner]) -> Statement:
    """Return the statement that reads records by firm and number, whatever their presence."""
    parameters = Parameters()
    wanted = _pairs_sql(keys, parameters)
    text = (
        f"SELECT {listing.select('t')} FROM {wanted} AS wanted (firm, number)"
        f" JOIN {listing.table} AS t ON t.{listing.firm_column} = wanted.firm AND t.{listing.key} = wanted.number"
        f" WHERE {firm_predicate(listing, 't', firms, parameters)}"
    )
    return Statement(text, parameters.values)


def number_statement(listing: Listing, firms: frozenset[int] | None, number: int) -> Statement:
    """Return the statement that reads the records of one number, of which each firm may have one; two at most."""
    parameters = Parameters()
    text = (
        f"SELECT {listing.select('t')} FROM {listing.table} AS t"
        f" WHERE t.{listing.key} = {parameters.add(number, 'bigint')}"
        f" AND {firm_predicate(listing, 't', firms, parameters)} LIMIT 2"
    )
    return Statement(text, parameters.values)


def _condition(query: ListQuery, parameters: Parameters, *, owned: bool, within_window: bool) -> str:
    parts = [firm_predicate(query.listing, "t", query.firms, parameters)]
    if owned and query.owned is not None:
        parts.append(f"t.firm = owner.firm AND {query.owned('t')}")
    parts.append(filter_predicate(query.listing, "t", query.where, parameters))
    window = query.window
    if within_window and window.after is not None:
        parts.append(keyset_predicate(query.order, "t", window.after, parameters))
    if within_window and window.before is not None:
        parts.append(keyset_predicate(backwards(query.order), "t", window.before, parameters))
    return " AND ".join(parts)


def _owners_sql(owners: Sequence[Owner], parameters: Parameters) -> str:
    return f"{_pairs_sql(owners, parameters)} WITH ORDINALITY AS owner (firm, number, place)"


def _pairs_sql(pairs: Sequence[Owner], parameters: Parameters) -> str:
    firms = parameters.add([firm for firm, _ in pairs], "bigint[]")
    return f"unnest({firms}, {parameters.add([number for _, number in pairs], 'bigint[]')})"
