"""Which part of a list is wanted: first, after, last, before, as Relay's Cursor Connections have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from core.errors import BadInput
from schema.read.cursors import read_cursor
from schema.read.order import Order

DEFAULT_PAGE = 50
"""Rows of a page where neither `first` nor `last` is given."""

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a list, between two positions; `from_end` reads it from its end, `limit` rows at most.

    `keep_last` cuts what was read to its last rows: that is `last` given together with `first`.
    """

    limit: int
    from_end: bool
    keep_last: int | None
    after: tuple[Any, ...] | None
    before: tuple[Any, ...] | None

    @property
    def fetch(self) -> int:
        """Rows to read: one more than wanted tells whether there are more."""
        return self.limit + 1


def read_window(
    list_name: str,
    order: Order,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    max_page: int,
) -> Window:
    """Check the arguments of a connection.

    Raises:
        BadInput: a size is negative or above the limit, or a cursor does not belong here.
    """
    for name, size in (("first", first), ("last", last)):
        if size is not None and size < 0:
            raise BadInput(f"{name} must not be negative")
        if size is not None and size > max_page:
            raise BadInput(f"{name} is {size}, and a page holds at most {max_page}: ask for less and page on")
    from_end = last is not None and first is None
    limit = last if from_end else first
    return Window(
        limit=min(DEFAULT_PAGE, max_page) if limit is None else limit,
        from_end=from_end,
        keep_last=last if first is not None else None,
        after=None if after is None else read_cursor(list_name, order, after, name="after"),
        before=None if before is None else read_cursor(list_name, order, before, name="before"),
    )


@dataclass(frozen=True)
class Page(Generic[Row]):
    """The rows of a page, in the list's order, and whether there are rows before and after them.

    Beyond a cursor that was given there is taken to be a row: the one the cursor stands for.
    """

    rows: Sequence[Row]
    has_previous: bool
    has_next: bool


def cut(window: Window, fetched: Sequence[Row]) -> Page[Row]:
    """Return the page in what was fetched for a window, in the order in which it was fetched."""
    more = len(fetched) > window.limit
    rows = fetched[: window.limit]
    if window.from_end:
        return Page(rows[::-1], has_previous=more or window.after is not None, has_next=window.before is not None)
    shorter = window.keep_last is not None and len(rows) > window.keep_last
    if window.keep_last is not None:
        rows = rows[max(0, len(rows) - window.keep_last) :]
    return Page(rows, has_previous=shorter or window.after is not None, has_next=more or window.before is not None)
