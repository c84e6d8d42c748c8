"""The parameters of one statement, and the predicate that keeps every statement within the caller's firms."""

from collections.abc import Sequence
from typing import Any

from core.errors import BadInput
from schema.read.listing import Kind, Listing

_BITS = {Kind.ID: 64, Kind.QUANTITY: 64, Kind.INT: 32}


class Parameters:
    """Collects parameters while SQL is written, after `values`; they never become text of the statement."""

    def __init__(self, values: Sequence[Any] = ()) -> None:
        self.values: list[Any] = list(values)
        self._firms: dict[frozenset[int], str] = {}

    def add(self, value: Any, cast: str) -> str:
        """Keep a value and return its placeholder, cast to a PostgreSQL type."""
        self.values.append(value)
        return f"${len(self.values)}::{cast}"

    def add_firms(self, firms: frozenset[int]) -> str:
        """Keep the firms that may be read, once for the whole statement; one firm is a number, more are an array."""
        if firms not in self._firms:
            one = len(firms) == 1
            self._firms[firms] = self.add(next(iter(firms)), "bigint") if one else self.add(sorted(firms), "bigint[]")
        return self._firms[firms]

    def add_one(self, value: Any, kind: Kind) -> str:
        """Keep one value of a column's kind."""
        return self.add(checked(value, kind), kind.value)

    def add_many(self, values: Sequence[Any], kind: Kind) -> str:
        """Keep a list of values of a column's kind, as one array."""
        return self.add([checked(value, kind) for value in values], f"{kind.value}[]")


def checked(value: Any, kind: Kind) -> Any:
    """Return a value that PostgreSQL can take as a parameter of that kind.

    Raises:
        BadInput: a number is beyond 64 bits, or text holds what PostgreSQL cannot store.
    """
    if kind in _BITS and not -(2 ** (_BITS[kind] - 1)) <= value < 2 ** (_BITS[kind] - 1):
        raise BadInput(f"a number must be a whole one of at most {_BITS[kind]} bits")
    if kind in {Kind.TEXT, Kind.PRESENCE, Kind.TEXTS} and not storable(value):
        raise BadInput("text must not hold NUL characters or lone surrogates")
    return value


def storable(text: str) -> bool:
    """Tell whether PostgreSQL can hold the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def firm_predicate(listing: Listing, alias: str, firms: frozenset[int] | None, parameters: Parameters) -> str:
    """Return the predicate of the firms that may be read; every statement on a firm's table carries it.

    One firm is compared by `=`, so that an index on (firm, ...) also gives the order; None is every firm.
    """
    return firms_condition(f"{alias}.{listing.firm_column}", firms, parameters)


def firms_condition(column: str, firms: frozenset[int] | None, parameters: Parameters) -> str:
    """Return the condition that a column is one of the firms; None is every firm."""
    if firms is None:
        return f"{column} IS NOT NULL"
    placeholder = parameters.add_firms(firms)
    return f"{column} = {placeholder}" if len(firms) == 1 else f"{column} = ANY ({placeholder})"
