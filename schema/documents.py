"""Documents: each text is parsed, validated and planned once, and kept as long as it is among the latest asked."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, specified_rules
from strawberry.schema import Schema
from strawberry.schema.schema import validate_document

from schema.limits import MOST_TOKENS, CostRule
from schema.read.plans import Plan, Planner, included_variables

CACHED_DOCUMENTS = 512
CACHED_PLANS = 8
"""Plans kept for one document: each combination of the variables of @skip and @include has its own."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Latest(OrderedDict[Key, Value], Generic[Key, Value]):
    """A mapping of the keys used last, at most `most`."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def find(self, key: Key) -> Value | None:
        """Return a value and count it as used; None where it is not there."""
        found = self.get(key)
        if found is not None:
            self.move_to_end(key)
        return found

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value, and drop that which was not used the longest."""
        self[key] = value
        if len(self) > self._most:
            self.popitem(last=False)


class Operation:
    """One operation of a document, with its plans."""

    def __init__(self, document: DocumentNode, node: OperationDefinitionNode) -> None:
        self.node = node
        self.kind = node.operation
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

    def __init__(self, node: DocumentNode, errors: Sequence[GraphQLError]) -> None:
        self.node = node
        self.errors = list(errors)
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
            self._known[name] = Operation(self.node, self._operations[name])
        return self._known[name]


class Documents:
    """The documents of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema._schema  # noqa: SLF001 - strawberry has no public way to its GraphQL schema
        self._known: Latest[str, Document] = Latest(CACHED_DOCUMENTS)

    def read(self, text: str) -> Document:
        """Return a document, parsed and validated.

        Raises:
            GraphQLSyntaxError: it cannot be parsed.
        """
        found = self._known.find(text)
        if found is None:
            node = parse(text, max_tokens=MOST_TOKENS)
            found = Document(node, validate_document(self._schema, node, (*specified_rules, CostRule)))
            self._known.keep(text, found)
        return found
