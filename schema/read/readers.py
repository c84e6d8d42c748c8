"""Reading for one request: lists and records, batched so that the number of statements does not follow the rows."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeAlias

import asyncpg
from strawberry.dataloader import DataLoader

from core.db.reading import Reading
from schema.read.listing import Listing
from schema.read.statements import (
    ListQuery,
    Owner,
    Statement,
    count_statement,
    page_statement,
    records_statement,
)
from schema.read.window import Page, cut

Record = asyncpg.Record

Load: TypeAlias = Callable[[Reading, frozenset[int] | None, list[Any]], Awaitable[Sequence[Any]]]


async def fetch(pool: Reading, statement: Statement) -> list[Record]:
    """Run a statement and return its rows."""
    rows: list[Record] = await pool.fetch(statement.text, *statement.values)
    return rows


class ListReader:
    """One list at one level of a request: its pages and its counts, each in one statement for all owners."""

    def __init__(self, pool: Reading, query: ListQuery) -> None:
        self.query = query
        self._pool = pool
        self.pages: DataLoader[Owner | None, Page[Record]] = DataLoader(load_fn=self._load_pages)
        self.counts: DataLoader[Owner | None, int] = DataLoader(load_fn=self._load_counts)

    async def _load_pages(self, owners: list[Owner | None]) -> Sequence[Page[Record]]:
        owned = _owned(owners)
        rows = await fetch(self._pool, page_statement(self.query, owned))
        if owned is None:
            return [cut(self.query.window, rows)] * len(owners)
        grouped: list[list[Record]] = [[] for _ in owned]
        for row in rows:
            grouped[row["_place"] - 1].append(row)
        return [cut(self.query.window, group) for group in grouped]

    async def _load_counts(self, owners: list[Owner | None]) -> Sequence[int]:
        owned = _owned(owners)
        rows = await fetch(self._pool, count_statement(self.query, owned))
        if owned is None:
            return [rows[0]["total"]] * len(owners)
        totals = {row["_place"]: row["total"] for row in rows}
        return [totals[place] for place in range(1, len(owned) + 1)]


def _owned(owners: Sequence[Owner | None]) -> list[Owner] | None:
    """Return the owners of a level; None for a list that has none. A level has either all or none."""
    found = [owner for owner in owners if owner is not None]
    return found or None


class Readers:
    """Everything read for one request; nothing is kept beyond it."""

    def __init__(self, pool: Callable[[], Reading], firms: frozenset[int] | None) -> None:
        self._pool = pool
        self._firms = firms
        self._lists: dict[Any, ListReader] = {}
        self._records: dict[tuple[Listing, Any], DataLoader[Owner, Record | None]] = {}
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    @property
    def pool(self) -> Reading:
        """The pool; asked for late, so that a schema can be built before the services are open."""
        return self._pool()

    def list_at(self, place: Any, make: Callable[[], ListQuery]) -> ListReader:
        """Return the reader of the list at a place in the request; `make` is called once for all of its owners."""
        reader = self._lists.get(place)
        if reader is None:
            reader = self._lists[place] = ListReader(self.pool, make())
        return reader

    def records(self, listing: Listing, place: Any = None) -> DataLoader[Owner, Record | None]:
        """Return the loader, at a place in the request, of records by firm and number; foreign and missing are None."""
        loader = self._records.get((listing, place))
        if loader is None:
            loader = self._records[listing, place] = DataLoader(load_fn=self._record_loader(listing))
        return loader

    def loader(self, key: Hashable, load: Load) -> DataLoader[Any, Any]:
        """Return the loader that `load` serves in this request; `key` tells it from others.

        `load` is given the pool, the caller's firms (None for every firm) and the keys asked for together, and returns
        what belongs to each, in their order.
        """
        known = self._loaders.get(key)
        if known is None:

            async def load_keys(keys: list[Any]) -> Sequence[Any]:
                return await load(self.pool, self._firms, keys)

            known = self._loaders[key] = DataLoader(load_fn=load_keys)
        return known

    def forget(self) -> None:
        """Drop what was read, before the next event of a subscription or after a mutation."""
        self._lists.clear()
        self._records.clear()
        self._loaders.clear()

    def _record_loader(self, listing: Listing) -> Callable[[list[Owner]], Any]:
        async def load(keys: list[Owner]) -> list[Record | None]:
            rows = await fetch(self.pool, records_statement(listing, self._firms, keys))
            found = {(row[listing.firm_column], row[listing.key]): row for row in rows}
            return [found.get(key) for key in keys]

        return load
