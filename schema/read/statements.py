"""The statements of a list: a page, a count, and records by their numbers. Text and parameters; nothing runs here.

A list has no owner (`contacts`) or one per parent (`Contact.matters`). With owners, one statement reads the page of
every owner: LATERAL runs the page's own query once for each, on the index of the edge's column.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from schema.read.cursors import CURSOR, cursor_sql
from schema.read.listing import Listing
from schema.read.order import Order, OrderTerm, backwards, computed_sql, keyset_predicate, order_sql
from schema.read.parameters import Parameters, firm_predicate
from schema.read.predicates import Where, filter_predicate
from schema.read.window import Window

Owner = tuple[int, int]
"""Firm and number of the record at the one end of an edge."""

Owned: TypeAlias = Callable[[str, str, str], str]
"""Writes the condition under which a row (its alias) belongs to an owner (SQL of its firm and its number)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ListQuery:
    """One list, as it was asked for. `owned`, if the list has an owner, says in SQL which rows are the owner's."""

    listing: Listing
    firms: frozenset[int] | None
    where: Where | None
    order: Order
    window: Window
    name: str
    owned: Owned | None = None

    @property
    def is_of_one_firm(self) -> bool:
        """Whether all rows of a list, or of one owner's list, are of one firm."""
        return self.owned is not None or (self.firms is not None and len(self.firms) == 1)

    @property
    def sorted_by(self) -> Order:
        """The order without the firm where that is one, so that an index has the order as it is."""
        return tuple(filter(self._sorts, self.order))

    @property
    def scanned_by(self) -> Order:
        """The order in which a page is read: backwards where it is counted from the end."""
        return backwards(self.sorted_by) if self.window.from_end else self.sorted_by

    @property
    def is_whole_in_key_order(self) -> bool:
        """Whether it is all rows of one firm in the order of their numbers: a page then reads its own rows alone."""
        is_whole = self.owned is None and not self.where and self.is_of_one_firm
        return is_whole and all(term.column.name == self.listing.key for term in self.sorted_by)

    def beyond(self, alias: str, position: Sequence[Any], order: Order, parameters: Parameters) -> str:
        """Return the condition of the rows after a position in the list's order, or in that order backwards."""
        kept = [(term, value) for term, value in zip(order, position, strict=True) if self._sorts(term)]
        return keyset_predicate(tuple(term for term, _ in kept), alias, [value for _, value in kept], parameters)

    def _sorts(self, term: OrderTerm) -> bool:
        return not (self.is_of_one_firm and term.column.name == "firm")


@dataclass(frozen=True)
class Statement:
    """SQL and its parameters."""

    text: str
    values: Sequence[Any]


def page_statement(query: ListQuery, owners: Sequence[Owner] | None = None) -> Statement:
    """Return the statement of a page; with owners, of one page each, every row with its owner's `_place` (from 1)."""
    parameters = Parameters()
    order = query.scanned_by
    head = "" if owners is None else _owners_sql(owners, parameters)
    page = (
        f"SELECT {query.listing.select('t')}{computed_sql(order, 't')},"
        f" {cursor_sql(query.name, query.order, 't')} AS {CURSOR} FROM {query.listing.table} AS t"
        f" WHERE {list_condition(query, 't', parameters, owner=_owner(owners), within_window=True)}"
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
        f" WHERE {list_condition(query, 't', parameters, owner=_owner(owners), within_window=False)}"
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


def list_condition(
    query: ListQuery, alias: str, parameters: Parameters, *, owner: tuple[str, str] | None, within_window: bool
) -> str:
    """Return the condition of a list's rows; `owner` is the SQL of its owner's firm and number, if it has one."""
    parts = [firm_predicate(query.listing, alias, query.firms, parameters)]
    if owner is not None and query.owned is not None:
        if query.firms is None or len(query.firms) > 1:
            parts.append(f"{alias}.firm = {owner[0]}")
        parts.append(query.owned(alias, *owner))
    parts.append(filter_predicate(query.listing, alias, query.where, parameters))
    window = query.window
    if within_window and window.after is not None and query.listing.reaches is not None:
        firms = "NULL" if query.firms is None else parameters.add(sorted(query.firms), "bigint[]")
        first, second = (parameters.add(value, "bigint") for value in window.after)
        parts.append(query.listing.reaches(firms, (first, second)))
    if within_window and window.after is not None:
        parts.append(query.beyond(alias, window.after, query.order, parameters))
    if within_window and window.before is not None:
        parts.append(query.beyond(alias, window.before, backwards(query.order), parameters))
    return " AND ".join(parts)


def _owner(owners: Sequence[Owner] | None) -> tuple[str, str] | None:
    return None if owners is None else ("owner.firm", "owner.number")


def _owners_sql(owners: Sequence[Owner], parameters: Parameters) -> str:
    return f"{_pairs_sql(owners, parameters)} WITH ORDINALITY AS owner (firm, number, place)"


def _pairs_sql(pairs: Sequence[Owner], parameters: Parameters) -> str:
    firms = parameters.add([firm for firm, _ in pairs], "bigint[]")
    return f"unnest({firms}, {parameters.add([number for _, number in pairs], 'bigint[]')})"
