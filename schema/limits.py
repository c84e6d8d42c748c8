"""What a document may cost before it is executed: its depth and its aliases, fragments spread out.

One module-level rule, so that the cache of validated documents holds: a rule made per request would be a new key each
time.
"""

from dataclasses import dataclass
from typing import Any

from graphql import (
    ASTValidationRule,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
)

MOST_DEPTH = 15
MOST_ALIASES = 60
MOST_TOKENS = 5_000


@dataclass(frozen=True)
class _Cost:
    """What a selection costs."""

    depth: int = 0
    aliases: int = 0


class CostRule(ASTValidationRule):
    """Refuses an operation that nests too deep or aliases too much; introspection is free."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._fragments: dict[str, _Cost] = {}

    def enter_operation_definition(self, node: OperationDefinitionNode, *_args: Any) -> None:
        """Measure one operation of the document."""
        cost = self._measure(node.selection_set)
        if cost.depth > MOST_DEPTH:
            self.report_error(GraphQLError(f"the query nests {cost.depth} levels, and {MOST_DEPTH} are allowed", node))
        if cost.aliases > MOST_ALIASES:
            self.report_error(
                GraphQLError(f"the query has {cost.aliases} aliases, and {MOST_ALIASES} are allowed", node)
            )

    def _measure(self, selected: SelectionSetNode | None) -> _Cost:
        costs = [self._measure_one(node) for node in (selected.selections if selected else ())]
        return _Cost(max((cost.depth for cost in costs), default=0), sum(cost.aliases for cost in costs))

    def _measure_one(self, node: Any) -> _Cost:
        match node:
            case FieldNode() if node.name.value.startswith("__"):
                return _Cost()
            case FieldNode():
                inner = self._measure(node.selection_set)
                return _Cost(inner.depth + 1, inner.aliases + (node.alias is not None))
            case InlineFragmentNode():
                return self._measure(node.selection_set)
            case FragmentSpreadNode():
                return self._measure_fragment(node.name.value)
            case _:
                return _Cost()

    def _measure_fragment(self, name: str) -> _Cost:
        """Measure a fragment once; one that spreads itself counts as empty here, and another rule refuses it."""
        if name not in self._fragments:
            self._fragments[name] = _Cost()
            fragment = self.context.get_fragment(name)
            self._fragments[name] = self._measure(fragment.selection_set if fragment else None)
        return self._fragments[name]
