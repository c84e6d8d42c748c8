"""What an operation may read, in objects, from the page sizes it declares; counted before anything is read.

An object costs 1. A connection costs its page size times what one of its nodes costs, a list without pages is taken to
hold ten, and a count costs 1. So the cost bounds the objects in the answer, and with them the work of PostgreSQL.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from schema.read.sources import READ, ByGlobalId, PageOf, Rows
from schema.read.values import strawberry_field
from schema.read.window import DEFAULT_PAGE

USUAL_ROWS = 10
"""Objects that a list without pages is taken to hold."""

Variables: TypeAlias = Mapping[str, Any]
Size: TypeAlias = Callable[[Variables], int]


@dataclass(frozen=True)
class Cost:
    """A cost, in objects: what is fixed, and what is read as often as variables say."""

    fixed: int = 0
    parts: tuple[tuple[Size, "Cost"], ...] = ()

    def of(self, variables: Variables) -> int:
        """Return the cost with the coerced variables of a request."""
        return self.fixed + sum(size(variables) * part.of(variables) for size, part in self.parts)

    def times(self, size: "int | Size") -> "Cost":
        """Return the cost of as many, or of as many as variables say."""
        if isinstance(size, int):
            many = size
            return Cost(self.fixed * many, tuple((_scaled(each, many), part) for each, part in self.parts))
        return Cost(0, ((size, self),))


def _scaled(size: Size, by: int) -> Size:
    return lambda variables: size(variables) * by


def _sum(costs: Iterable[Cost]) -> Cost:
    known = list(costs)
    return Cost(sum(each.fixed for each in known), tuple(part for each in known for part in each.parts))


ONE = Cost(1)


def cost_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Cost:
    """Return the cost of a valid operation. What @skip and @include may leave out counts, too."""
    root: Any = schema.get_root_type(operation.operation)
    return _Counter(schema, fragments).of_selection(root, operation.selection_set)


class _Counter:
    """Counts the selections of one document; a fragment is counted once, however often it is spread."""

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._known: dict[str, Cost] = {}

    def of_selection(self, kind: Any, selected: SelectionSetNode | None) -> Cost:
        return _sum(self._of(kind, node) for node in (selected.selections if selected else ()))

    def _of(self, kind: Any, node: Any) -> Cost:
        match node:
            case InlineFragmentNode():
                condition = node.type_condition
                named = kind if condition is None else self._schema.type_map[condition.name.value]
                return self.of_selection(named, node.selection_set)
            case FragmentSpreadNode():
                return self._of_fragment(node.name.value)
            case FieldNode() if node.selection_set is not None and not node.name.value.startswith("__"):
                return self._of_field(kind.fields[node.name.value], node)
            case _:
                return Cost()

    def _of_fragment(self, name: str) -> Cost:
        if name not in self._known:
            fragment = self._fragments[name]
            kind = self._schema.type_map[fragment.type_condition.name.value]
            self._known[name] = self.of_selection(kind, fragment.selection_set)
        return self._known[name]

    def _of_field(self, field: Any, node: FieldNode) -> Cost:
        given = {each.name.value: each.value for each in node.arguments or ()}
        source = strawberry_field(field).metadata.get(READ)
        kind: Any = get_named_type(field.type)
        if isinstance(source, PageOf):
            return self._of_page(kind, node, _page_size(given))
        inner = _sum([ONE, self.of_selection(kind, node.selection_set)])
        match source:
            case Rows(many=True):
                return inner.times(USUAL_ROWS)
            case ByGlobalId(many=True):
                return inner.times(_length(given["ids"]))
            case _:
                return inner

    def _of_page(self, connection: Any, node: FieldNode, size: int | Size) -> Cost:
        """Count what is asked once of a connection apart from what is asked of each of its nodes."""
        found = [ONE]
        for asked in self._fields(node.selection_set, set()):
            match asked.name.value:
                case "totalCount":
                    found.append(ONE)
                case "nodes":
                    found.append(self._of(connection, asked).times(size))
                case "edges":
                    edge: Any = get_named_type(connection.fields["edges"].type)
                    inside = (self._of(edge, each) for each in self._fields(asked.selection_set, set()))
                    found.append(_sum([ONE, *inside]).times(size))
        return _sum(found)

    def _fields(self, selected: SelectionSetNode | None, seen: set[str]) -> Iterable[FieldNode]:
        """Yield what is asked of an object type, fragments spread out."""
        for node in selected.selections if selected else ():
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                yield from self._fields(self._fragments[node.name.value].selection_set, seen)


def _page_size(given: Mapping[str, ValueNode]) -> "int | Size":
    """Return the rows of a page; `first` and `last` together give the smaller."""
    readers = [_int_reader(given[name]) for name in ("first", "last") if name in given]

    def size(variables: Variables) -> int:
        sizes = [found for read in readers if (found := read(variables)) is not None]
        return max(0, min(sizes, default=DEFAULT_PAGE))

    varies = any(isinstance(given.get(name), VariableNode) for name in ("first", "last"))
    return size if varies else size({})


def _int_reader(node: ValueNode) -> Callable[[Variables], int | None]:
    if isinstance(node, VariableNode):
        name = node.name.value
        return lambda variables: variables.get(name)
    fixed = int(node.value) if isinstance(node, IntValueNode) else None
    return lambda _variables: fixed


def _length(node: ValueNode) -> "int | Size":
    if isinstance(node, VariableNode):
        name = node.name.value
        return lambda variables: len(variables.get(name) or ())
    return len(node.values) if isinstance(node, ListValueNode) else 1
