"""Executing one operation, whatever the transport: what was asked, in; the JSON text of the answer, out."""

import asyncio
import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asyncpg import CardinalityViolationError, PostgresError, QueryCanceledError
from graphql import GraphQLError
from graphql import OperationType as OperationKind
from graphql.execution.values import get_variable_values
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from core.auth.principal import Principal
from core.db.engine import CONNECT_ERRORS
from core.errors import BadInput, Forbidden, QueryTimeout, ServiceError
from core.logging import get_logger
from core.services import Services
from schema.build import ServiceSchema
from schema.context import RequestContext
from schema.read.asked import Asked, Unplanned
from schema.read.plans import Plan
from schema.read.statements import Statement

log = get_logger(__name__)

QUERIES = frozenset({OperationType.QUERY})
ANSWERED_ONCE = frozenset({OperationType.QUERY, OperationType.MUTATION})
"""What one request answers with one result; a subscription needs a stream."""


class ReadPath(enum.Enum):
    """How an answer was made: by one statement, by the resolvers, or some root fields this way and some that."""

    PLANNED = "planned"
    MIXED = "mixed"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQLRequest:
    """What a client asked, read from the wire. Source: GraphQL over HTTP, Request Parameters."""

    query: str | None
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    extensions: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One result as JSON text, and the status it has as `application/graphql-response+json`.

    200 means that execution began, so that there is `data`; 400, 403 and 405 that it did not.
    """

    body: bytes
    path: ReadPath
    status: int = 200


class Operations:
    """Executes the operations of one schema."""

    def __init__(self, schema: ServiceSchema, services: Services) -> None:
        self.schema = schema
        self.services = services
        self._core = schema._schema  # noqa: SLF001 - strawberry has no public way to its GraphQL schema

    async def answer(
        self,
        request: GraphQLRequest,
        principal: Principal,
        *,
        allowed: frozenset[OperationType] = ANSWERED_ONCE,
        generic: bool = False,
    ) -> Answer:
        """Execute a query or a mutation: a query over the mirror in one statement, whatever else by its resolvers.

        `generic` keeps to the resolvers, for comparison. Whatever the statement cannot take or say, they do.
        """
        found = None if generic else await self._read(request, principal, allowed)
        if found is not None:
            return found
        try:
            result = await self._resolve(request, RequestContext(self.services, principal), allowed)
        except MissingQueryError:
            return refuse(400, BadInput.code, "no query was given")
        except CannotGetOperationTypeError as error:
            return refuse(400, BadInput.code, error.as_http_error_reason())
        except InvalidOperationTypeError as error:
            return refuse(405, BadInput.code, error.as_http_error_reason("GET" if allowed is QUERIES else "POST"))
        errors = _errors(result)
        if errors and result.data is None and all("path" not in error for error in errors):
            codes = {error.get("extensions", {}).get("code") for error in errors}
            return Answer(encode({"errors": errors}), ReadPath.GENERIC, 403 if Forbidden.code in codes else 400)
        return Answer(_body(encode(result.data), errors), ReadPath.GENERIC)

    async def _resolve(
        self, request: GraphQLRequest, context: RequestContext, allowed: frozenset[OperationType]
    ) -> ExecutionResult:
        return await self.schema.execute(
            request.query,
            variable_values=dict(request.variables or {}),
            context_value=context,
            operation_name=request.operation_name,
            operation_extensions=dict(request.extensions or {}),
            allowed_operation_types=allowed,
        )

    async def _read(
        self, request: GraphQLRequest, principal: Principal, allowed: frozenset[OperationType]
    ) -> Answer | None:
        """Answer by a statement; None where none can be made, and where something is wrong that resolvers explain."""
        try:
            operation = self.schema.documents.read(request.query or "").operation(request.operation_name)
            if operation is None or operation.kind is not OperationKind.QUERY:
                return None
            principal.require_scope("read")
            variables = get_variable_values(
                self._core, operation.node.variable_definitions or (), dict(request.variables or {})
            )
            if isinstance(variables, list):
                return None
            plan = operation.plan(self.schema.planner, variables.coerced)
            if plan.is_empty:
                return None
            statement = plan.statement(Asked(principal, variables, self.services.settings.graphql_max_page))
        except (GraphQLError, ServiceError, Unplanned):
            return None
        return await self._run(plan, statement, request, principal, allowed)

    async def _run(
        self,
        plan: Plan,
        statement: Statement,
        request: GraphQLRequest,
        principal: Principal,
        allowed: frozenset[OperationType],
    ) -> Answer | None:
        reading = self.services.database.reading.fetchrow(statement.text, *statement.values)
        try:
            if plan.rest is None:
                return Answer(_body(plan.assemble(await reading or (), {}), []), ReadPath.PLANNED)
            context = RequestContext(self.services, principal, document=plan.rest)
            row, rest = await asyncio.gather(reading, self._resolve(request, context, allowed))
        except QueryCanceledError:
            return Answer(_body(b"null", [_timed_out()]), ReadPath.PLANNED)
        except CardinalityViolationError:
            return None
        except (PostgresError, *CONNECT_ERRORS) as error:
            log.warning("graphql_statement_failed", error=type(error).__name__)
            return None
        if rest.data is None:
            return Answer(_body(b"null", _errors(rest)), ReadPath.MIXED)
        values = {key: encode(value) for key, value in rest.data.items()}
        return Answer(_body(plan.assemble(row or (), values), _errors(rest)), ReadPath.MIXED)


def _errors(result: ExecutionResult) -> list[dict[str, Any]]:
    return [dict(error.formatted) for error in result.errors or ()]


def _timed_out() -> dict[str, Any]:
    error = QueryTimeout()
    return {"message": str(error), "extensions": {"code": error.code}}


def _body(data: bytes, errors: Sequence[Mapping[str, Any]]) -> bytes:
    return b'{"data":%b,"errors":%b}' % (data, encode(errors)) if errors else b'{"data":%b}' % data


def encode(value: Any) -> bytes:
    """Return the JSON text of a value."""
    return json.dumps(value, separators=(",", ":")).encode()


def refuse(status: int, code: str, message: str) -> Answer:
    """Return the answer to what was never executed."""
    return Answer(encode({"errors": [{"message": message, "extensions": {"code": code}}]}), ReadPath.GENERIC, status)
