"""From what a document asks of a row to SQL: one SELECT for each object, derived from the sources of its fields.

An edge to one record is a LEFT JOIN, whose row becomes JSON or null; whatever is a list is a subquery.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import FieldNode, GraphQLEnumType, GraphQLNonNull, GraphQLObjectType, get_named_type
from strawberry.schema import Schema

from schema.entities import Entity
from schema.global_ids import global_id_sql
from schema.read.arguments import ArgumentReader
from schema.read.as_of import by_key
from schema.read.asked import Asked, Piece, Sql, Unplanned, joined
from schema.read.listing import Listing
from schema.read.parameters import firm_predicate
from schema.read.selection import Selections
from schema.read.sources import READ, Expression, GlobalIdOf, PageOf, Rows, ToOneRow
from schema.read.values import response_key, strawberry_field, value_sql

Nodes: TypeAlias = Sequence[FieldNode]


@dataclass
class Select:
    """What is selected of one row: columns by response key, and the joins they need."""

    columns: list[Sql] = field(default_factory=list)
    joins: list[Sql] = field(default_factory=list)

    def add(self, key: str, *value: "str | Piece | Sql") -> None:
        """Add a column."""
        self.columns.append(Sql(*value, f" AS {response_key(key)}"))

    def of(self, base: "str | Sql", *tail: "str | Piece | Sql") -> Sql:
        """Return `SELECT ... FROM base`, and what follows."""
        return Sql("SELECT ", joined(self.columns, ", "), " FROM ", base, *self.joins, *tail)

    def of_one(self) -> Sql:
        """Return a SELECT of one row whose columns all come from around it."""
        return self.of("(SELECT) AS one") if self.joins else Sql("SELECT ", joined(self.columns, ", "))


@dataclass(frozen=True)
class Place:
    """A field of the row of an alias, or of a root type: its nodes, and the object type they are asked of."""

    nodes: Nodes
    kind: GraphQLObjectType
    alias: str

    @property
    def name(self) -> str:
        """The name of the field."""
        return self.nodes[0].name.value

    @property
    def defined(self) -> Any:
        """The field as GraphQL has it."""
        return self.kind.fields[self.name]


PageCompiler: TypeAlias = Callable[["Compiler", Place, PageOf], Sql]


class Compiler:
    """Compiles the selections of one root field; `is_past` says that it may be read as of an instant."""

    def __init__(self, schema: Schema, selections: Selections, page: PageCompiler, *, is_past: bool = False) -> None:
        self.schema = schema
        self._is_past = is_past
        self.selections = selections
        self._page = page
        self._aliases = 0

    def alias(self) -> str:
        """Return an alias that nothing around it has."""
        self._aliases += 1
        return f"t{self._aliases}"

    def row_of(self, listing: Listing) -> str:
        """Return what rows of a listing are selected from by firm and number."""
        return by_key(listing.table) if self._is_past and listing.has_presence else listing.table

    def type_of(self, entity: Entity | type[Any]) -> GraphQLObjectType:
        """Return the object type of an entity, or of one of the classes behind an interface."""
        name = entity.name if isinstance(entity, Entity) else entity.__name__
        found = self.selections.schema.type_map[name]
        if not isinstance(found, GraphQLObjectType):
            raise Unplanned(f"{name} is no object type")
        return found

    def select(self, kind: GraphQLObjectType, listing: Listing, nodes: Nodes, alias: str) -> Select:
        """Return what is asked of the row of an alias as an object of a type.

        Raises:
            Unplanned: a field has a resolver and no source.
        """
        select = Select()
        for key, each in self.selections.of_nodes(kind, nodes).items():
            if each[0].name.value == "__typename":
                select.add(key, f"'{kind.name}'::text")
            else:
                self._add(select, key, Place(each, kind, alias), listing)
        return select

    def arguments(self, place: Place) -> ArgumentReader:
        """Return what reads the arguments of a field."""
        return ArgumentReader(self.schema, place.defined, place.nodes[0])

    def object(self, entity: Entity, nodes: Nodes, alias: str, base: "str | Sql", *tail: "str | Piece | Sql") -> Sql:
        """Return a SELECT of one JSON object for each row of the base, which has the alias."""
        row = self.select(self.type_of(entity), entity.listing, nodes, alias).of(Sql(base), *tail)
        return Sql("SELECT row_to_json(o) FROM (", row, ") AS o")

    def _add(self, select: Select, key: str, place: Place, listing: Listing) -> None:
        alias = place.alias
        match strawberry_field(place.defined).metadata.get(READ):
            case GlobalIdOf():
                firm, number = f"{alias}.{listing.firm_column}", f"{alias}.{listing.key}"
                select.add(key, global_id_sql(place.kind.name, firm, number))
            case Expression(sql=sql) if isinstance(get_named_type(place.defined.type), GraphQLEnumType):
                select.add(key, sql(alias))
            case Expression(sql=sql) if place.nodes[0].selection_set is None:
                select.add(key, self._value(f"({sql(alias)})", place))
            case Expression(sql=sql):
                # OFFSET 0 keeps PostgreSQL from writing the expression out at each use of its value.
                value = self._value("v.value", place)
                select.add(key, f"(SELECT {value} FROM (SELECT {sql(alias)} AS value OFFSET 0) AS v)")
            case ToOneRow() as edge:
                self._join(select, key, place, edge)
            case Rows() as rows:
                select.add(key, self._rows(place, rows))
            case PageOf() as page:
                select.add(key, self._page(self, place, page))
            case None:
                select.add(key, self._column(place, listing))
            case source:
                raise Unplanned(f"{place.kind.name}.{place.name} reads from {type(source).__name__}")

    def _column(self, place: Place, listing: Listing) -> str:
        declared = strawberry_field(place.defined)
        column = listing.columns.get(declared.python_name)
        if declared.base_resolver is not None or column is None:
            raise Unplanned(f"{place.kind.name}.{place.name} has a resolver of its own")
        if column.nullable and isinstance(place.defined.type, GraphQLNonNull):
            raise Unplanned(f"{place.kind.name}.{place.name} may not be null, and its column may")
        return self._value(f"{place.alias}.{column.name}", place)

    def _value(self, expression: str, place: Place) -> str:
        return value_sql(expression, place.defined.type, place.nodes, self.selections)

    def _join(self, select: Select, key: str, place: Place, edge: ToOneRow) -> None:
        """Join the record of an edge, and make its object of it where there is one: after the join, for that row."""
        far, row, near, listing = self.alias(), self.alias(), place.alias, edge.entity.listing

        def match(asked: Asked) -> str:
            within = firm_predicate(listing, far, asked.principal.firms, asked.parameters)
            if asked.principal.firms is None or len(asked.principal.firms) > 1:
                within += f" AND {far}.{listing.firm_column} = {near}.firm"
            return f"{within} AND {far}.{listing.key} = {near}.{edge.column}"

        inner = self.select(self.type_of(edge.entity), listing, place.nodes, far)
        columns = joined(inner.columns, ", ")
        select.joins += [
            Sql(f" LEFT JOIN {self.row_of(listing)} AS {far} ON ", match),
            *inner.joins,
            Sql(" LEFT JOIN LATERAL (SELECT ", columns, f" WHERE {far}.{listing.key} IS NOT NULL) AS {row} ON true"),
        ]
        select.add(key, f"row_to_json({row})")

    def _rows(self, place: Place, rows: Rows) -> Sql:
        alias, reader = self.alias(), self.arguments(place)

        def base(asked: Asked) -> str:
            return f"({rows.sql(place.alias, reader.read(asked.variables), asked.parameters)}) AS {alias}"

        if rows.entity.kinds is None:
            found = self.object(rows.entity, place.nodes, alias, Sql(base), f" ORDER BY {alias}._place")
        else:
            item = self._one_of(rows.entity, place.nodes, alias)
            found = Sql("SELECT ", item, " AS row_to_json FROM ", base, f" ORDER BY {alias}._place")
        if not rows.many:
            return Sql("(", found, ")")
        return Sql("(SELECT coalesce(json_agg(i.row_to_json), '[]'::json) FROM (", found, ") AS i)")

    def _one_of(self, entity: Entity, nodes: Nodes, alias: str) -> Sql:
        """Return the JSON of a row as an object of the type that a column of it says."""
        kinds = entity.kinds
        if kinds is None:
            raise Unplanned(f"{entity.name} has one type alone")

        def branch(kind: type[Any]) -> Sql:
            row = self.select(self.type_of(kind), entity.listing, nodes, alias)
            if not row.columns:
                return Sql("'{}'::json")
            return Sql("(SELECT row_to_json(n) FROM (", row.of_one(), ") AS n)")

        other = branch(kinds.other)
        cases = []
        for value, kind in kinds.types.items():
            made = branch(kind)
            if made.text is None or made.text != other.text:
                cases.append(Sql(f" WHEN '{value}' THEN ", made))
        return Sql(f"CASE {alias}.{kinds.column}", *cases, " ELSE ", other, " END") if cases else other
