"""Plans: what of an operation becomes one statement, what is left to the resolvers, and the answer's bytes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)
from graphql.language import Visitor, visit
from strawberry.schema import Schema

from core.logging import get_logger
from schema.read.asked import Asked, Sql, Unplanned
from schema.read.compiler import Compiler, Place
from schema.read.pages import page_sql
from schema.read.past_roots import as_of_sql
from schema.read.roots import global_id_sql, lookup_sql
from schema.read.selection import Selections
from schema.read.sources import READ, ByGlobalId, Lookup, PageOf
from schema.read.statements import Statement
from schema.read.values import strawberry_field

log = get_logger(__name__)


@dataclass(frozen=True, eq=False)
class Plan:
    """One query operation. `fields` are its root fields by response key, in order; None is left to the resolvers.

    `rest` is the document of what is left to them; None where nothing is.
    """

    fields: Mapping[str, Sql | bytes | None]
    rest: DocumentNode | None

    @property
    def is_empty(self) -> bool:
        """Whether no field is read by the statement."""
        return not any(isinstance(each, Sql) for each in self.fields.values())

    def statement(self, asked: Asked) -> Statement:
        """Return the statement of one request: a row with the JSON of each planned field, in order, as bytes.

        Where something is read as of an instant, a last column says whether the history it needs was purged.

        Raises:
            Unplanned: something that was asked this time has a resolver only.
            ServiceError, GraphQLError: an argument is not good; the resolvers say so at its field.
        """
        columns = [
            f"convert_to(({each.render(asked)})::text, 'UTF8')"
            for each in self.fields.values()
            if isinstance(each, Sql)
        ]
        if asked.horizons:
            columns.append(" OR ".join(asked.horizons))
        return Statement(f"SELECT {', '.join(columns)}", asked.parameters.values)

    def pieces(self, row: Iterable[bytes | None], rest: Mapping[str, bytes]) -> list[bytes]:
        """Return the JSON text of `data` from what the statement and what the resolvers found; to be joined, once."""
        found = iter(row)
        pieces = [b"{"]
        for key, each in self.fields.items():
            value = rest[key] if each is None else each if isinstance(each, bytes) else next(found) or b"null"
            pieces += (b'"%b":' % key.encode(), value, b",")
        pieces[-1] = b"}"
        return pieces


class Planner:
    """Makes plans of the operations of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._strawberry = schema
        self._schema = schema._schema  # noqa: SLF001 - strawberry has no public way to its GraphQL schema

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode, included: Mapping[str, Any]) -> Plan:
        """Return the plan of a valid query operation; `included` holds the variables that @skip and @include name."""
        query = self._schema.query_type
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        selections = Selections(self._schema, fragments, included)
        fields: dict[str, Sql | bytes | None] = {}
        left = []
        if query is None:
            raise Unplanned("the schema has no queries")
        for key, nodes in selections.of_root(query, operation.selection_set).items():
            fields[key] = self._field(query, selections, nodes)
            if fields[key] is None:
                left += nodes
        return Plan(fields, _document_of(document, operation, left) if left else None)

    def _field(self, query: GraphQLObjectType, selections: Selections, nodes: Any) -> Sql | bytes | None:
        name = nodes[0].name.value
        if name == "__typename":
            return b'"%b"' % query.name.encode()
        if name not in query.fields:
            return None
        place = Place(nodes, query, "")
        is_past = any(each.name.value == "asOf" for each in nodes[0].arguments or ())
        compiler = Compiler(self._strawberry, selections, page_sql, is_past=is_past)
        source: Any = strawberry_field(place.defined).metadata.get(READ)
        try:
            found = self._root(compiler, place, source)
            return as_of_sql(compiler, place, source.as_of, found) if is_past and found is not None else found
        except Unplanned as reason:
            log.info("graphql_field_not_planned", field=name, reason=str(reason))
        return None

    def _root(self, compiler: Compiler, place: Place, source: Any) -> Sql | None:
        match source:
            case PageOf() as page:
                return page_sql(compiler, place, page)
            case Lookup() as lookup:
                return lookup_sql(compiler, place, lookup)
            case ByGlobalId() as by_id:
                return global_id_sql(compiler, place, by_id)
            case _:
                return None


def _document_of(document: DocumentNode, operation: OperationDefinitionNode, nodes: Sequence[Any]) -> DocumentNode:
    """Return a document that asks for some root fields of an operation alone, with what they need of it."""
    kept = OperationDefinitionNode(
        loc=operation.loc,
        operation=operation.operation,
        name=operation.name,
        directives=operation.directives,
        selection_set=SelectionSetNode(loc=operation.selection_set.loc, selections=tuple(nodes)),
        variable_definitions=operation.variable_definitions,
    )
    fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
    return DocumentNode(loc=document.loc, definitions=(kept, *fragments))


def included_variables(document: DocumentNode) -> frozenset[str]:
    """Return the variables on which @skip and @include depend anywhere in a document."""
    found: set[str] = set()

    class Finder(Visitor):
        """Notes the variable of each of the two directives."""

        def enter_directive(self, node: Any, *_args: Any) -> None:
            if node.name.value in {"skip", "include"}:
                found.update(each.value.name.value for each in node.arguments if isinstance(each.value, VariableNode))

    visit(document, Finder())
    return frozenset(found)
