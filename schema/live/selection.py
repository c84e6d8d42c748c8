"""A subscription read once: what it watches, and its selection, executed once an event for all who ask the same."""

import dataclasses
import datetime
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    execute_subscription_event,
    get_operation_ast,
)
from graphql.language import Node, VariableNode
from strawberry.schema.base import BaseSchema

from core.auth.principal import Principal
from core.errors import BadInput, ServiceError
from core.services import Services
from schema.context import OperationContext
from schema.errors import shape_errors
from schema.execution import GraphQLRequest, encode
from schema.live.topics import Watch

ALWAYS = datetime.datetime.max.replace(tzinfo=datetime.UTC)


class Refused(Exception):
    """The operation does not begin; `errors` are as the client sees them."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        shape_errors(errors, refused=True)
        self.errors = [error.formatted for error in errors]


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of each event. Those with equal keys are answered alike, and so are executed once for all.

    Nothing of the caller goes into an answer but firms and scopes: a resolver finds no other subject in its context.
    """

    watch: Watch
    key: Hashable
    executor: Executor[Any]
    services: Services
    principal: Principal

    async def execute(self, value: Any) -> str:
        """Return the result of one event as JSON text, errors shaped as everywhere."""
        executor = self.executor.build_per_event_executor(self.watch.topic.view(self.watch, value))
        # graphql-core lets the executors of all events share this memo, and each adds to it under keys of its own.
        executor._relevant_sub_fields = {}  # noqa: SLF001 - it would grow with every event
        executor.context_value = OperationContext(self.services, self.principal)
        result = execute_subscription_event(executor)
        return result_text(result if isinstance(result, ExecutionResult) else await result)


def result_text(result: ExecutionResult) -> str:
    """Return a result as JSON text."""
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        shape_errors(result.errors)
        body["errors"] = [error.formatted for error in result.errors]
    return encode(body).decode()


def error_text(error: Exception) -> str:
    """Return the last result of a subscription that an error ends."""
    return result_text(ExecutionResult(None, [GraphQLError(str(error), original_error=error)]))


def subscription_in(document: DocumentNode, operation_name: str | None) -> OperationDefinitionNode | None:
    """Return the operation that is to be executed if it is a subscription."""
    operation = get_operation_ast(document, operation_name)
    return operation if operation is not None and operation.operation is OperationType.SUBSCRIPTION else None


async def select(
    schema: BaseSchema,
    services: Services,
    document: DocumentNode,
    request: GraphQLRequest,
    principal: Principal,
) -> Selection:
    """Resolve a subscription of a validated document to what it watches.

    Raises:
        Refused: a variable or an argument cannot be used, or the caller may not watch that.
    """
    shared = dataclasses.replace(principal, subject="", expires_at=ALWAYS)
    executor = Executor.build(
        schema._schema,  # type: ignore[attr-defined]  # noqa: SLF001 - strawberry has no other way to it
        document,
        None,
        OperationContext(services, principal),
        dict(request.variables or {}),
        request.operation_name,
    )
    if isinstance(executor, list):
        raise Refused(executor)
    watch: Any = create_source_event_stream(executor)
    if executor.is_awaitable(watch):
        watch = await watch
    if isinstance(watch, ExecutionResult):
        raise Refused(watch.errors or [])
    used = _variables_of(executor.operation, document)
    variables = {name: value for name, value in sorted((request.variables or {}).items()) if name in used}
    return Selection(
        watch,
        (
            *(watch.topic, watch.firms, watch.only, principal.firms, principal.scopes),
            *(request.query, request.operation_name, _text(variables)),
        ),
        executor,
        services,
        shared,
    )


def check_scope(principal: Principal) -> None:
    """Let a subscription begin, or refuse it.

    Raises:
        Refused: the token lacks the scope, or is past its time.
    """
    try:
        principal.require_scope("read")
    except ServiceError as error:
        raise Refused([GraphQLError(str(error), original_error=error)]) from error


def _text(variables: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(variables, order="sorted")
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused([GraphQLError(str(error), original_error=BadInput("variables cannot be read"))]) from error


def _variables_of(operation: OperationDefinitionNode, document: DocumentNode) -> set[str]:
    """Return the variables that the selection uses: those of the root field's arguments only say what to watch."""
    found: set[str] = set()
    nodes: list[Any] = [each for each in document.definitions if not isinstance(each, OperationDefinitionNode)]
    for root in operation.selection_set.selections:
        nodes += [root.directives, root.selection_set] if isinstance(root, FieldNode) else [root]
    while nodes:
        node = nodes.pop()
        if isinstance(node, VariableNode):
            found.add(node.name.value)
        elif isinstance(node, Node):
            nodes += [getattr(node, name) for name in node.keys]
        elif isinstance(node, list | tuple):
            nodes += node
    return found
