"""How large a document may be: tokens, depth, aliases.

The rules are classes of this module and not made per request, so that the cache of validated documents recognises them.
"""

from collections.abc import Callable, Iterator

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from strawberry.extensions import SchemaExtension

MOST_DEEP = 15
MOST_ALIASES = 50
MOST_TOKENS = 5000

Fragments = dict[str, FragmentDefinitionNode]


class Measure:
    """Adds up or compares over a selection set, every fragment once, however often it is spread."""

    def __init__(self, fragments: Fragments, of_field: Callable[[FieldNode, int], int], *, deepest: bool) -> None:
        self._fragments = fragments
        self._of_field = of_field
        self._deepest = deepest
        self._known: dict[str, int] = {}

    def of(self, selections: SelectionSetNode | None) -> int:
        """Return the measure of a selection set; 0 of none."""
        found = [self._of_one(each) for each in selections.selections] if selections else []
        return max(found, default=0) if self._deepest else sum(found)

    def _of_one(self, node: object) -> int:
        if isinstance(node, FieldNode):
            return self._of_field(node, self.of(node.selection_set))
        if isinstance(node, InlineFragmentNode):
            return self.of(node.selection_set)
        if isinstance(node, FragmentSpreadNode):
            return self._of_fragment(node.name.value)
        return 0

    def _of_fragment(self, name: str) -> int:
        if name not in self._known and name in self._fragments:
            self._known[name] = 0  # a fragment within itself ends here; another rule refuses it
            self._known[name] = self.of(self._fragments[name].selection_set)
        return self._known.get(name, 0)


def _fragments(document: DocumentNode) -> Fragments:
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}


def _operations(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    return (each for each in document.definitions if isinstance(each, OperationDefinitionNode))


def _is_introspection(node: FieldNode) -> bool:
    return node.name.value in {"__schema", "__type"}


def depth_of_field(node: FieldNode, inner: int) -> int:
    """Count a field's levels. GraphQL's own rule bounds introspection, which no firm's data answers: one level."""
    return 1 if _is_introspection(node) else 1 + inner


def aliases_of_field(node: FieldNode, inner: int) -> int:
    """Count a field's aliases, its own and those below it."""
    return inner + (node.alias is not None)


class DepthLimit(ASTValidationRule):
    """Refuses an operation whose fields nest more than `MOST_DEEP` levels, fragments included."""

    def enter_document(self, node: DocumentNode, *_args: object) -> None:
        """Measure each operation of the document."""
        measure = Measure(_fragments(node), depth_of_field, deepest=True)
        for operation in _operations(node):
            if (depth := measure.of(operation.selection_set)) > MOST_DEEP:
                message = f"the operation is {depth} levels deep, and the limit is {MOST_DEEP}: ask in several queries"
                self.report_error(GraphQLError(message, operation))


class AliasLimit(ASTValidationRule):
    """Refuses an operation with more than `MOST_ALIASES` aliases, a fragment's counted each time it is spread."""

    def enter_document(self, node: DocumentNode, *_args: object) -> None:
        """Count the aliases of each operation of the document."""
        measure = Measure(_fragments(node), aliases_of_field, deepest=False)
        for operation in _operations(node):
            if (aliases := measure.of(operation.selection_set)) > MOST_ALIASES:
                message = f"the operation has {aliases} aliases, and the limit is {MOST_ALIASES}: ask in several"
                self.report_error(GraphQLError(message, operation))


RULES: tuple[type[ASTValidationRule], ...] = (DepthLimit, AliasLimit)


class DocumentLimits(SchemaExtension):
    """Adds the limits to what every document is checked against."""

    def on_operation(self) -> Iterator[None]:
        """Run before the document is parsed."""
        self.execution_context.parse_options["max_tokens"] = MOST_TOKENS
        self.execution_context.validation_rules += RULES
        yield
