"""What a document asks of an object, fragments spread out. Source: GraphQL, CollectFields."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
)

from schema.read.asked import Unplanned

Fields = dict[str, list[FieldNode]]
"""The nodes of what is asked, by response key, in order."""


class Selections:
    """The selections of one operation; `included` holds the variables that @skip and @include ask for."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], included: Mapping[str, Any]
    ) -> None:
        self.schema = schema
        self._fragments = fragments
        self._included = included

    def of_nodes(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Fields:
        """Return what is asked of an object of a type by the nodes of the field that holds it."""
        found: Fields = {}
        seen: set[str] = set()
        for node in nodes:
            if node.selection_set is not None:
                self._spread(kind, node.selection_set, found, seen)
        return found

    def of_root(self, kind: GraphQLObjectType, selected: SelectionSetNode) -> Fields:
        """Return what is asked of a root type."""
        found: Fields = {}
        self._spread(kind, selected, found, set())
        return found

    def _spread(self, kind: GraphQLObjectType, selected: SelectionSetNode, found: Fields, seen: set[str]) -> None:
        for node in selected.selections:
            if not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._applies(kind, node.type_condition.name.value):
                    self._spread(kind, node.selection_set, found, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self._fragments[node.name.value]
                if self._applies(kind, fragment.type_condition.name.value):
                    self._spread(kind, fragment.selection_set, found, seen)

    def _is_included(self, node: Any) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name not in {"skip", "include"}:
                raise Unplanned(f"the directive @{name}")
            value = directive.arguments[0].value
            holds = self._included[value.name.value] if isinstance(value, VariableNode) else value.value
            if holds is (name == "skip"):
                return False
        return True

    def _applies(self, kind: GraphQLObjectType, condition: str) -> bool:
        named = self.schema.type_map[condition]
        return named is kind or (is_abstract_type(named) and self.schema.is_sub_type(named, kind))
