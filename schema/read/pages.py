"""The SQL of a connection: a page of a list, with what is asked of it, as one JSON object."""

import dataclasses
from typing import Any

from schema.arguments import list_name, read_list_query
from schema.global_ids import read_firm
from schema.read.as_of import by_key, parts_of
from schema.read.asked import Asked, Piece, Sql, Unplanned, joined
from schema.read.compiler import Compiler, Nodes, Place, Select
from schema.read.cursors import cursor_sql
from schema.read.order import backwards, computed_sql, order_sql
from schema.read.parameters import Parameters
from schema.read.sources import PageOf
from schema.read.statements import ListQuery, list_condition
from schema.read.values import response_key, strawberry_field


def page_sql(compiler: Compiler, place: Place, source: PageOf) -> Sql:
    """Return the JSON of a connection field: a subquery, read once for each row that the list belongs to."""
    return _Connection(compiler, place, source).sql()


class _Connection:
    """One connection field of a document.

    `rows` is the alias of the rows that are shown. `page` is what was fetched for them: a CTE where more than one field
    asks for it, with one row more than wanted where it matters whether there are more.
    """

    def __init__(self, compiler: Compiler, place: Place, source: PageOf) -> None:
        self._compiler = compiler
        self._source = source
        self._arguments = compiler.arguments(place)
        self._known: ListQuery | None = None
        self._name = list_name(place.kind.name, strawberry_field(place.defined).python_name)
        self._owner = None if source.owned is None else (f"{place.alias}.firm", f"{place.alias}.clio_id")
        self._table, self._rows, self._page = compiler.alias(), compiler.alias(), compiler.alias()
        self._kind: Any = getattr(place.defined.type, "of_type", place.defined.type)
        self._asked = compiler.selections.of_nodes(self._kind, place.nodes)
        names = [nodes[0].name.value for nodes in self._asked.values()]
        self._has_info = "pageInfo" in names
        self._is_shared = self._has_info or sum(name in {"nodes", "edges"} for name in names) > 1

    def sql(self) -> Sql:
        """Return the connection as a JSON object."""
        columns = [Sql(self._field(nodes), f" AS {response_key(key)}") for key, nodes in self._asked.items()]
        page = Sql(f"WITH {self._page} AS MATERIALIZED (", self._fetched, ") ") if self._is_shared else Sql()
        return Sql("(SELECT row_to_json(c) FROM (", page, "SELECT ", joined(columns, ", "), ") AS c)")

    def _field(self, nodes: Nodes) -> "str | Piece | Sql":
        compiler, entity = self._compiler, self._source.entity
        match nodes[0].name.value:
            case "__typename":
                return f"'{self._kind.name}'::text"
            case "totalCount":
                return self._total
            case "pageInfo":
                return self._info(nodes)
            case "nodes":
                return self._list(compiler.select(compiler.type_of(entity), entity.listing, nodes, self._rows))
            case "edges":
                return self._list(self._edges(nodes))
            case name:
                raise Unplanned(f"{self._kind.name}.{name} has a resolver of its own")

    def _list(self, select: Select) -> Sql:
        row = select.of(Sql(self._shown), " ORDER BY ", self._ordered)
        return Sql("(SELECT coalesce(json_agg(row_to_json(x)), '[]'::json) FROM (", row, ") AS x)")

    def _edges(self, nodes: Nodes) -> Select:
        compiler, entity, select = self._compiler, self._source.entity, Select()
        kind: Any = compiler.selections.schema.type_map[f"{entity.name}Edge"]
        for key, each in compiler.selections.of_nodes(kind, nodes).items():
            match each[0].name.value:
                case "__typename":
                    select.add(key, f"'{kind.name}'::text")
                case "cursor":
                    select.add(key, self._cursor)
                case "node":
                    node = compiler.alias()
                    inner = compiler.select(compiler.type_of(entity), entity.listing, each, self._rows)
                    select.joins.append(Sql(" CROSS JOIN LATERAL (", inner.of_one(), f") AS {node}"))
                    select.add(key, f"row_to_json({node})")
                case name:
                    raise Unplanned(f"{kind.name}.{name} has a resolver of its own")
        return select

    def _info(self, nodes: Nodes) -> Sql:
        select = Select()
        kind: Any = self._compiler.selections.schema.type_map["PageInfo"]
        pieces: dict[str, str | Piece] = {
            "__typename": "'PageInfo'::text",
            "hasNextPage": self._has_next,
            "hasPreviousPage": self._has_previous,
            "startCursor": self._end(last=False),
            "endCursor": self._end(last=True),
        }
        for key, each in self._compiler.selections.of_nodes(kind, nodes).items():
            select.add(key, pieces[each[0].name.value])
        return Sql("(SELECT row_to_json(i) FROM (", select.of_one(), ") AS i)")

    def query(self, asked: Asked) -> ListQuery:
        """Return the list as the request asks for it.

        Raises:
            BadInput, Forbidden: as `schema.arguments.read_list_query`.
        """
        found = asked.lists.get(self)
        if found is None:
            found = asked.lists[self] = self._read(asked)
        return found

    def _read(self, asked: Asked) -> ListQuery:
        given = self._arguments.read(asked.variables)
        if self._known is not None:
            return dataclasses.replace(self._known, firms=asked.principal.allowed_firms(read_firm(given.get("firm"))))
        query = read_list_query(
            self._source.entity,
            given,
            asked.principal,
            name=self._name,
            owned=self._source.owned,
            max_page=asked.max_page,
        )
        if self._arguments.is_fixed:
            self._known = query
        return query

    def _fetched(self, asked: Asked) -> str:
        """Write the rows of the page in the order in which they are read, which is backwards from the end."""
        query, table = self.query(asked), self._table
        if not (asked.is_past and query.listing.has_presence) or self._looks_elsewhere(query):
            return self._scanned(asked, query.listing.table)
        if query.is_whole_in_key_order:
            return self._scanned(asked, by_key(query.listing.table))
        # The order is an index's for each of the two, and not for both together.
        parts = " UNION ALL ".join(f"({self._scanned(asked, part)})" for part in parts_of(query.listing.table))
        ordered = order_sql(query.scanned_by, table, computed=False)
        return f"SELECT * FROM ({parts}) AS {table} ORDER BY {ordered} LIMIT {self._limit(query)}"

    def _looks_elsewhere(self, query: ListQuery) -> bool:
        """Tell whether a condition looks into other tables.

        With a LIMIT beside it, PostgreSQL would look through them once for each row, hoping to have enough rows soon.
        """
        condition = list_condition(query, self._table, Parameters(), owner=self._owner, within_window=False)
        return "EXISTS" in condition

    def _scanned(self, asked: Asked, source: str) -> str:
        query, table = self.query(asked), self._table
        scan = query.scanned_by
        condition = list_condition(query, table, asked.parameters, owner=self._owner, within_window=True)
        return (
            f"SELECT {table}.*{computed_sql(scan, table)} FROM {source} AS {table}"
            f" WHERE {condition} ORDER BY {order_sql(scan, table)} LIMIT {self._limit(query)}"
        )

    def _limit(self, query: ListQuery) -> int:
        return query.window.fetch if self._has_info else query.window.limit

    def _shown(self, asked: Asked) -> str:
        """Write the rows that are shown, with their alias: what was fetched, without what only tells of more."""
        window = self.query(asked).window
        if not self._is_shared:
            rows = f"({self._fetched(asked)})"
        elif self._has_info:
            rows = self._cut(self._page, asked, window.limit)
        else:
            rows = self._page
        if window.keep_last is not None:
            rows = self._cut(f"{rows} AS {self._table}", asked, window.keep_last, from_end=True)
        return f"{rows} AS {self._rows}"

    def _cut(self, rows: str, asked: Asked, limit: int, *, from_end: bool = False) -> str:
        query = self.query(asked)
        order = backwards(query.sorted_by) if from_end else query.scanned_by
        alias = self._table if from_end else self._page
        return f"(SELECT * FROM {rows} ORDER BY {order_sql(order, alias, computed=False)} LIMIT {limit})"

    def _ordered(self, asked: Asked) -> str:
        return order_sql(self.query(asked).sorted_by, self._rows, computed=False)

    def _cursor(self, asked: Asked) -> str:
        return cursor_sql(self._name, self.query(asked).order, self._rows, computed=False)

    def _total(self, asked: Asked) -> str:
        query = self.query(asked)
        condition = list_condition(query, self._table, asked.parameters, owner=self._owner, within_window=False)
        return f"(SELECT count(*) FROM {query.listing.table} AS {self._table} WHERE {condition})"

    def _has_next(self, asked: Asked) -> str:
        window = self.query(asked).window
        if window.before is not None or window.from_end:
            return str(window.before is not None).lower()
        return f"(SELECT count(*) FROM {self._page}) > {window.limit}"

    def _has_previous(self, asked: Asked) -> str:
        window = self.query(asked).window
        if window.after is not None:
            return "true"
        if window.from_end:
            return f"(SELECT count(*) FROM {self._page}) > {window.limit}"
        if window.keep_last is None:
            return "false"
        return f"least((SELECT count(*) FROM {self._page}), {window.limit}) > {window.keep_last}"

    def _end(self, *, last: bool) -> Piece:
        def write(asked: Asked) -> str:
            order = self.query(asked).sorted_by
            sorted_by = order_sql(backwards(order) if last else order, self._rows, computed=False)
            return f"(SELECT {self._cursor(asked)} FROM {self._shown(asked)} ORDER BY {sorted_by} LIMIT 1)"

        return write
