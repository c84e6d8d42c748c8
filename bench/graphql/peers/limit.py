"""The limit: what one Python process can do at best. One statement by hand, no GraphQL, no rights, bytes straight out.

The forms are measured: `row_to_json` over rows beats `json_build_object` by two thirds, and the firm as a parameter
inside the laterals beats comparing it with the outer row's by a third.
"""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from bench.graphql.data import FIRM

Send = Callable[[dict[str, Any]], Awaitable[None]]

_CLIENT = """LEFT JOIN LATERAL (
    SELECT x.clio_id::text AS "clioId", x.name{more} FROM contacts_contact AS x
    WHERE x.firm = $1 AND x.clio_id = m.client_clio_id) AS c ON true"""
_ATTORNEY = """LEFT JOIN LATERAL (
    SELECT x.clio_id::text AS "clioId", x.name FROM users_user AS x
    WHERE x.firm = $1 AND x.clio_id = m.responsible_attorney_clio_id) AS u ON true"""
_COLUMNS = 'm.clio_id::text AS "clioId", m.display_number AS "displayNumber", m.description, m.status, m.open_date'

ONE = f"""
SELECT convert_to('{{"data":{{"matter":' || row_to_json(node)::text || '}}}}', 'UTF8') FROM (
    SELECT {_COLUMNS} AS "openDate", c AS client
    FROM matters_matter AS m {_CLIENT.format(more=", x.type")}
    WHERE m.firm = $1 AND m.clio_id = $2) AS node"""

_PAGE = """
SELECT convert_to('{{"data":{{"matters":{{"nodes":' || coalesce(json_agg(node), '[]')::text || '}}}}}}', 'UTF8') FROM (
    SELECT {fields}
    FROM (SELECT * FROM matters_matter WHERE firm = $1 AND clio_id > $2 ORDER BY clio_id LIMIT $3) AS m
    {client} {attorney}
    ORDER BY m.clio_id) AS node"""

PAGE = _PAGE.format(
    fields=f'{_COLUMNS} AS "openDate", c AS client, u AS "responsibleAttorney"',
    client=_CLIENT.format(more=", x.type"),
    attorney=_ATTORNEY,
)

_ACTIVITIES = """(SELECT r FROM (SELECT coalesce(json_agg(n), '[]') AS nodes FROM (
    SELECT a.clio_id::text AS "clioId", a.type, a.date, a.quantity_in_hours::text AS "quantityInHours",
        a.total::text AS total, a.note, v AS "user"
    FROM activities_activity AS a
    LEFT JOIN LATERAL (
        SELECT x.clio_id::text AS "clioId", x.name, x.email FROM users_user AS x
        WHERE x.firm = $1 AND x.clio_id = a.user_clio_id) AS v ON true
    WHERE a.firm = $1 AND a.matter_clio_id = m.clio_id ORDER BY a.clio_id LIMIT 10) AS n) AS r)"""

DEEP = _PAGE.format(
    fields='m.clio_id::text AS "clioId", m.display_number AS "displayNumber", m.status, c AS client, '
    f'u AS "responsibleAttorney", {_ACTIVITIES} AS activities',
    client=_CLIENT.format(more=""),
    attorney=_ATTORNEY,
)


class Limit:
    """A bare ASGI application; the query's text only tells which of the three statements is meant."""

    def __init__(self) -> None:
        self._pool: Any = None

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send
    ) -> None:
        """Answer one request, or live through start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        answer = await self._answer(json.loads(body))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, asked: dict[str, Any]) -> bytes:
        variables = asked["variables"]
        if "id" in variables:
            found: bytes = await self._pool.fetchval(ONE, FIRM, int(variables["id"]))
        else:
            statement = DEEP if "activities" in asked["query"] else PAGE
            found = await self._pool.fetchval(statement, FIRM, int(variables["after"]), variables["first"])
        return found

    async def _live(self, receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
        await receive()
        self._pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


app = Limit()
