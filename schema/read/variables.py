"""The variables of an operation: scalars are read by what is known of the operation, anything else by graphql-core."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError, GraphQLNonNull, GraphQLScalarType, GraphQLSchema, OperationDefinitionNode, Undefined
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values


class VariableReader:
    """Coerces the variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._scalars = self._known()

    def read(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Return the coerced variables; None where one is not what its type takes."""
        if self._scalars is not None and (found := self._quick(given)) is not None:
            return found
        variables = get_variable_values(self._schema, self._definitions, dict(given))
        return None if isinstance(variables, list) else variables

    def _known(self) -> list[tuple[GraphQLVariableSignature, GraphQLScalarType]] | None:
        """Return the variables where each is a scalar without a default; None where one is more."""
        found = []
        for definition in self._definitions:
            signature = get_variable_signature(self._schema, definition)
            if isinstance(signature, GraphQLError) or signature.default is not None:
                return None
            bare = signature.type.of_type if isinstance(signature.type, GraphQLNonNull) else signature.type
            if not isinstance(bare, GraphQLScalarType):
                return None
            found.append((signature, bare))
        return found

    def _quick(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Return the variables where every one is given and not null, or left out and may be."""
        sources, coerced = {}, {}
        for signature, scalar in self._scalars or ():
            value = given.get(signature.name, Undefined)
            if value is Undefined and not isinstance(signature.type, GraphQLNonNull):
                sources[signature.name] = VariableValueSource(signature)
                continue
            if value is None or value is Undefined:
                return None
            try:
                coerced[signature.name] = scalar.parse_value(value)
            except Exception:  # noqa: BLE001 - graphql-core says what is wrong with a value
                return None
            sources[signature.name] = VariableValueSource(signature, value)
        return VariableValues(sources, coerced)
