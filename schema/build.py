"""Building the schema from what is registered: once per application, as often as wanted in one process."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import strawberry
from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from core.errors import BadInput, PluginConflict
from core.registry import Registry
from schema.as_of import AS_OF
from schema.connections import connection_field
from schema.context import RequestContext
from schema.derive import PRESENT_ONLY, Derived, DerivedTypes, derive_types
from schema.documents import Documents
from schema.entities import describe_fields
from schema.errors import shape_errors
from schema.extending import extensions_of
from schema.lookups import lookup_field, node_fields
from schema.metrics import metrics_field
from schema.mutations import Mutation
from schema.operations import ENTITIES, operation_fields
from schema.read.as_of import AsOfTables
from schema.read.plans import Planner
from schema.scalars import SCALARS
from schema.subscriptions import Subscription


class KnownDocument(SchemaExtension):
    """Parses and validates each document once, whichever way its operations are executed."""

    def on_parse(self) -> Iterator[None]:
        """Take the document that the caller has, else the one of the text."""
        execution = self.execution_context
        context = execution.context
        self._is_given = isinstance(context, RequestContext) and context.document is not None
        if self._is_given:
            execution.graphql_document = context.document
        elif execution.query:
            execution.graphql_document = _documents(execution).read(execution.query).node
        yield

    def on_validate(self) -> Iterator[None]:
        """Tell what is wrong with the document; what is given has been validated."""
        execution = self.execution_context
        execution.pre_execution_errors = []
        if not self._is_given and execution.query:
            execution.pre_execution_errors = _documents(execution).read(execution.query).errors
        yield


def _documents(execution: ExecutionContext) -> Documents:
    schema = execution.schema
    if not isinstance(schema, ServiceSchema):
        raise TypeError("the extension belongs to a ServiceSchema")
    return schema.documents


class OperationScope(SchemaExtension):
    """Gives every operation readers of its own, and lets it begin only with the scope it needs."""

    def on_operation(self) -> Iterator[None]:
        """Replace the request's context by one for this operation."""
        context = self.execution_context.context
        if isinstance(context, RequestContext):
            self.execution_context.context = context.operation()
        yield

    def on_execute(self) -> Iterator[None]:
        """Ask for the scope: `write` for a mutation, `read` for everything else.

        Raises:
            Forbidden: the token lacks the scope.
            BadInput: the document holds several operations and none is named; strawberry would take the first.
        """
        document = self.execution_context.graphql_document
        operations = [
            each for each in (document.definitions if document else ()) if isinstance(each, OperationDefinitionNode)
        ]
        if len(operations) > 1 and not self.execution_context._provided_operation_name:  # noqa: SLF001 - not public
            raise BadInput("the document holds several operations: name one with operationName")
        is_mutation = self.execution_context.operation_type is OperationType.MUTATION
        self.execution_context.context.principal.require_scope("write" if is_mutation else "read")
        yield


class ServiceSchema(strawberry.Schema):
    """A schema whose errors are shaped in one place, whatever the transport, and that knows documents by their text."""

    @cached_property
    def documents(self) -> Documents:
        """The documents that were asked of it."""
        return Documents(self)

    @cached_property
    def planner(self) -> Planner:
        """What makes plans of its queries."""
        return Planner(self)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Give every error its code; nothing is logged but what was not raised on purpose."""
        executed = execution_context is None or execution_context.result is not None
        shape_errors(errors, refused=not executed)


def build_schema(registry: Registry) -> ServiceSchema:
    """Return the schema of what the registry holds. The plugins' classes are left as they are."""
    derived = derive_types(registry.resources, extensions_of(registry))
    as_of = AsOfTables(registry.resources, derived.as_of_tables, [each.name for each in registry.plugins])
    return ServiceSchema(
        query=_query_type(derived, as_of),
        mutation=_mutation_type(derived),
        subscription=Subscription,
        types=[
            *(entity.type for entity in (*ENTITIES, *(each.entity for each in derived.resources.values()))),
            *derived.other_types,
        ],
        extensions=[
            KnownDocument,
            OperationScope,
        ],
        config=StrawberryConfig(scalar_map=SCALARS, default_resolver=_attribute),
    )


def _attribute(root: Any, name: str) -> Any:
    """Return a field of an object, or of a record inside a jsonb column, which is a dict."""
    return root.get(name) if isinstance(root, dict) else getattr(root, name)


def _query_type(derived: DerivedTypes, as_of: AsOfTables) -> type[Any]:
    types = derived.resources.values()
    entities = {entity.name: entity for entity in (*ENTITIES, *(each.entity for each in types))}
    fields = {**node_fields(entities, as_of), **operation_fields()}
    if (metrics := metrics_field([each for each in derived.root_fields if each.on == "Metrics"])) is not None:
        fields["metrics"] = metrics
    for each in types:
        for name, field in (
            (each.resource.name, lookup_field(each.entity, as_of)),
            (each.resource.plural, _list(each, as_of)),
        ):
            if name in fields:
                raise PluginConflict(f"the query {name!r} of resource {each.resource.name} is taken: rename it")
            fields[name] = field
    _add_root_fields(fields, derived, "Query")
    made = type(
        "Query", (), {"__doc__": "The root of queries.", "__module__": __name__, "__annotations__": {}, **fields}
    )
    return strawberry.type(made, description="Everything that can be read. The scope `read` is needed.")


def _mutation_type(derived: DerivedTypes) -> type[Any]:
    fields: dict[str, Any] = {"__doc__": Mutation.__doc__, "__module__": __name__, "__annotations__": {}}
    _add_root_fields(fields, derived, "Mutation")
    definition = vars(Mutation)["__strawberry_definition__"]
    return strawberry.type(type("Mutation", (Mutation,), fields), description=definition.description)


def _add_root_fields(fields: dict[str, Any], derived: DerivedTypes, on: str) -> None:
    for each in derived.root_fields:
        if each.on != on:
            continue
        if each.name in fields or (on == "Mutation" and each.name in describe_fields(Mutation)):
            raise PluginConflict(f"the field {on}.{each.name} is taken: rename it")
        fields[each.name] = each.field


def _list(each: Derived, as_of: AsOfTables) -> Any:
    return connection_field(
        each.entity,
        each.connection,
        {**each.arguments(with_firm=True), "as_of": AS_OF},
        description=f"A list of {each.entity.name}, by Clio's id unless ordered otherwise. {PRESENT_ONLY}",
        as_of=as_of,
    )
