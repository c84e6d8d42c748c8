"""Arguments of a field as its resolver would get them: what the document fixes is read once, variables per request."""

from collections.abc import Collection, Mapping
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLNonNull, GraphQLScalarType, ValueNode, VariableNode
from graphql.execution.values import VariableValues, get_argument_values
from graphql.language import Visitor, visit
from strawberry.schema import Schema
from strawberry.types.arguments import convert_arguments

from schema.read.values import strawberry_field

NO_VARIABLES = VariableValues({}, {})


class ArgumentReader:
    """The arguments of one field of a document, by Python name; what is not given is left out."""

    def __init__(self, schema: Schema, field: GraphQLField, node: FieldNode) -> None:
        self._schema = schema
        self._field = field
        self._node = node
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        varying = {name: value for name, value in given.items() if has_variable(value)}
        self.is_fixed = not varying
        """Whether no request changes the arguments."""
        self._variables = self._scalar_variables(varying)
        self._fixed: Mapping[str, Any] = {}
        if self._variables is not None:
            self._fixed = self._convert(NO_VARIABLES, only=given.keys() - varying.keys())

    def read(self, variables: VariableValues) -> Mapping[str, Any]:
        """Return the arguments of one request.

        Raises:
            GraphQLError: a value is not what its type takes.
        """
        if self._variables is None:
            return self._convert(variables)
        if not self._variables:
            return self._fixed
        coerced = variables.coerced
        return {**self._fixed, **{name: coerced[each] for name, each in self._variables.items() if each in coerced}}

    def _scalar_variables(self, varying: Mapping[str, ValueNode]) -> dict[str, str] | None:
        """Return argument -> variable where each is a scalar and so needs no conversion; None where one is more."""
        found = {}
        converter = self._schema.config.name_converter
        names = {converter.from_argument(each): each.python_name for each in strawberry_field(self._field).arguments}
        for name, value in varying.items():
            kind = self._field.args[name].type
            bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
            if not isinstance(value, VariableNode) or not isinstance(bare, GraphQLScalarType):
                return None
            found[names[name]] = value.name.value
        return found

    def _convert(self, variables: VariableValues, *, only: Collection[str] | None = None) -> dict[str, Any]:
        field = self._field
        if only is not None:
            field = GraphQLField(field.type, args={name: each for name, each in field.args.items() if name in only})
        return convert_arguments(
            get_argument_values(field, self._node, variables),
            strawberry_field(self._field).arguments,
            scalar_registry=self._schema.schema_converter.scalar_registry,
            config=self._schema.config,
        )


def has_variable(value: ValueNode) -> bool:
    """Tell whether a literal holds a variable, however deep."""
    found = False

    class Finder(Visitor):
        """Notes that there is one."""

        def enter_variable(self, *_args: Any) -> None:
            nonlocal found
            found = True

    visit(value, Finder())
    return found
