"""Plain Strawberry on Litestar: resolvers, dataloaders and asyncpg rows, as its documentation shows them."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import strawberry
from litestar import Litestar
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.litestar import make_graphql_controller

from bench.graphql.data import FIRM

Row = asyncpg.Record

_MATTER = (
    "SELECT clio_id, display_number, description, status, open_date, client_clio_id, responsible_attorney_clio_id "
    "FROM matters_matter WHERE firm = $1"
)
_ACTIVITIES = """
SELECT a.* FROM unnest($2::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT clio_id, type, date, quantity_in_hours, total, note, user_clio_id, matter_clio_id
    FROM activities_activity WHERE firm = $1 AND matter_clio_id = wanted.id ORDER BY clio_id LIMIT $3) AS a"""


class Loaders:
    """The pool and the loaders of one request."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.contacts = DataLoader(load_fn=self._by_id("clio_id, name, type", "contacts_contact"))
        self.users = DataLoader(load_fn=self._by_id("clio_id, name, email", "users_user"))
        self.activities = DataLoader(load_fn=self._activities)

    def _by_id(self, columns: str, table: str) -> Callable[[list[int]], Any]:
        statement = f"SELECT {columns} FROM {table} WHERE firm = $1 AND clio_id = ANY($2::bigint[])"

        async def load(keys: list[int]) -> list[Row | None]:
            found = {row["clio_id"]: row for row in await self.pool.fetch(statement, FIRM, keys)}
            return [found.get(key) for key in keys]

        return load

    async def _activities(self, keys: list[tuple[int, int]]) -> Sequence[list[Row]]:
        found: dict[int, list[Row]] = {matter: [] for matter, _ in keys}
        for row in await self.pool.fetch(_ACTIVITIES, FIRM, list(found), keys[0][1]):
            found[row["matter_clio_id"]].append(row)
        return [found[matter] for matter, _ in keys]


Info = strawberry.Info[dict[str, Loaders], None]


@strawberry.type
class Contact:
    """A client."""

    clio_id: strawberry.ID
    name: str | None
    type: str | None


@strawberry.type
class User:
    """An attorney."""

    clio_id: strawberry.ID
    name: str | None
    email: str | None


async def _user(info: Info, number: int | None) -> User | None:
    row = None if number is None else await info.context["loaders"].users.load(number)
    return None if row is None else User(clio_id=row["clio_id"], name=row["name"], email=row["email"])


@strawberry.type
class Activity:
    """A time entry."""

    row: strawberry.Private[Row]
    clio_id: strawberry.ID
    type: str | None
    date: str | None
    quantity_in_hours: str | None
    total: str | None
    note: str | None

    @strawberry.field
    async def user(self, info: Info) -> User | None:
        """Return who did it."""
        return await _user(info, self.row["user_clio_id"])


@strawberry.type
class ActivityConnection:
    """A page of activities."""

    nodes: list[Activity]


@strawberry.type
class Matter:
    """A case."""

    row: strawberry.Private[Row]
    clio_id: strawberry.ID
    display_number: str | None
    description: str | None
    status: str | None
    open_date: str | None

    @strawberry.field
    async def client(self, info: Info) -> Contact | None:
        """Return whom the firm works for."""
        number = self.row["client_clio_id"]
        row = None if number is None else await info.context["loaders"].contacts.load(number)
        return None if row is None else Contact(clio_id=row["clio_id"], name=row["name"], type=row["type"])

    @strawberry.field
    async def responsible_attorney(self, info: Info) -> User | None:
        """Return who answers for the matter."""
        return await _user(info, self.row["responsible_attorney_clio_id"])

    @strawberry.field
    async def activities(self, info: Info, first: int) -> ActivityConnection:
        """Return the first activities by id."""
        rows = await info.context["loaders"].activities.load((self.row["clio_id"], first))
        return ActivityConnection(nodes=[_activity(row) for row in rows])


@strawberry.type
class MatterConnection:
    """A page of matters."""

    nodes: list[Matter]


def _activity(row: Row) -> Activity:
    texts = {name: None if row[name] is None else str(row[name]) for name in ("date", "quantity_in_hours", "total")}
    return Activity(row=row, clio_id=row["clio_id"], type=row["type"], note=row["note"], **texts)


def _matter(row: Row) -> Matter:
    return Matter(
        row=row,
        clio_id=row["clio_id"],
        display_number=row["display_number"],
        description=row["description"],
        status=row["status"],
        open_date=None if row["open_date"] is None else str(row["open_date"]),
    )


@strawberry.type
class Query:
    """The two ways in."""

    @strawberry.field
    async def matter(self, info: Info, clio_id: strawberry.ID) -> Matter | None:
        """Return one matter."""
        row = await info.context["loaders"].pool.fetchrow(f"{_MATTER} AND clio_id = $2", FIRM, int(clio_id))
        return None if row is None else _matter(row)

    @strawberry.field
    async def matters(self, info: Info, first: int, after: str | None = None) -> MatterConnection:
        """Return a page, in order of id."""
        statement = f"{_MATTER} AND clio_id > $2 ORDER BY clio_id LIMIT $3"
        rows = await info.context["loaders"].pool.fetch(statement, FIRM, int(after or 0), first)
        return MatterConnection(nodes=[_matter(row) for row in rows])


@asynccontextmanager
async def _pool(app: Litestar) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8) as pool:
        app.state.pool = pool
        yield


async def _context() -> dict[str, Loaders]:
    return {"loaders": Loaders(app.state.pool)}


_schema = strawberry.Schema(query=Query, extensions=[ParserCache, ValidationCache])
app = Litestar(
    route_handlers=[make_graphql_controller(_schema, path="/graphql", graphql_ide=None, context_getter=_context)],
    lifespan=[_pool],
)
