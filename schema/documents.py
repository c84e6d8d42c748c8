"""Documents: each text is parsed, validated and planned once, and kept as long as it is among the latest asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
)
from strawberry.schema import Schema
from strawberry.schema.schema import validate_document

from schema.cost import Cost, cost_of
from schema.latest import Latest
from schema.limits import MOST_TOKENS, CostRule
from schema.read.plans import Plan, Planner, included_variables
from schema.read.variables import VariableReader

CACHED_DOCUMENTS = 512
CACHED_CHARS = 1_000_000
"""Characters of the documents that are kept together; what is made of one takes some hundred times its text."""

CACHED_PLANS = 8
"""Plans kept for one document: each combination of the variables of @skip and @include has its own."""


class Operation:
    """One operation of a document, with its cost and its plans."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode, cost: Cost
    ) -> None:
        self.node = node
        self.kind = node.operation
        self.cost = cost
        self.variables = VariableReader(schema, node)
        self._document = document
        self._varying = tuple(sorted(included_variables(document)))
        self._plans: Latest[tuple[Any, ...], Plan] = Latest(CACHED_PLANS)

    def plan(self, planner: Planner, variables: Mapping[str, Any]) -> Plan:
        """Return the plan of the operation with these coerced variables."""
        key = tuple(variables.get(name) for name in self._varying)
        found = self._plans.find(key)
        if found is None:
            found = planner.plan(self._document, self.node, dict(zip(self._varying, key, strict=True)))
            self._plans.keep(key, found)
        return found


class Document:
    """A document that could be parsed; `errors` says why it may not be executed."""

    def __init__(self, schema: GraphQLSchema, node: DocumentNode, errors: Sequence[GraphQLError]) -> None:
        self.node = node
        self.errors = list(errors)
        self._schema = schema
        operations = [each for each in node.definitions if isinstance(each, OperationDefinitionNode)]
        self._operations = {each.name.value if each.name else None: each for each in operations}
        self._known: dict[str | None, Operation] = {}

    def operation(self, name: str | None) -> Operation | None:
        """Return the operation of a name, or the only one; None where that says none."""
        if self.errors:
            return None
        if name is None and len(self._operations) == 1:
            name = next(iter(self._operations))
        if name not in self._operations:
            return None
        if name not in self._known:
            fragments = {
                each.name.value: each for each in self.node.definitions if isinstance(each, FragmentDefinitionNode)
            }
            node = self._operations[name]
            self._known[name] = Operation(self._schema, self.node, node, cost_of(self._schema, node, fragments))
        return self._known[name]


class Documents:
    """The documents of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema._schema  # noqa: SLF001 - strawberry has no public way to its GraphQL schema
        self._known: Latest[str, Document] = Latest(CACHED_DOCUMENTS, most_weight=CACHED_CHARS)

    def read(self, text: str) -> Document:
        """Return a document, parsed and validated.

        Raises:
            GraphQLSyntaxError: it cannot be parsed.
        """
        found = self._known.find(text)
        if found is None:
            node = parse(text, max_tokens=MOST_TOKENS)
            found = Document(self._schema, node, validate_document(self._schema, node, (*specified_rules, CostRule)))
            self._known.keep(text, found, weight=len(text))
        return found
