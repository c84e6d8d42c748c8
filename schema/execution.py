"""Executing one operation, whatever the transport: what was asked, in; the JSON text of the answer, out."""

import asyncio
import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asyncpg import CardinalityViolationError, PostgresError, QueryCanceledError
from graphql import GraphQLError
from graphql import OperationType as OperationKind
from graphql.execution.values import VariableValues
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from core.auth.principal import Principal
from core.db.engine import CONNECT_ERRORS
from core.errors import BadInput, Forbidden, QueryTimeout, QueryTooCostly, ServiceError
from core.history.horizon import purged_until
from core.logging import get_logger
from core.services import Services
from schema.build import ServiceSchema
from schema.context import RequestContext
from schema.documents import Operation
from schema.read.asked import Asked, Unplanned
from schema.read.plans import Plan
from schema.read.statements import Statement
from schema.trusted import DocumentTexts, read_trusted

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


@dataclass(frozen=True, slots=True)
class _Ready:
    """A query that can be executed: nothing about its document, its variables and its caller is in the way."""

    operation: Operation
    variables: VariableValues
    cost: int


class Operations:
    """Executes the operations of one schema.

    Raises:
        SettingsError: the file of trusted documents is not good.
    """

    def __init__(self, schema: ServiceSchema, services: Services) -> None:
        settings = services.settings
        self.schema = schema
        self.services = services
        trusted = settings.graphql_trusted_documents
        self._texts = DocumentTexts(
            {} if trusted is None else read_trusted(trusted), only=settings.graphql_trusted_only
        )

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
        try:
            text = self.text_of(request)
            asked = request if text is request.query else replace(request, query=text)
            ready = self._prepare(asked)
        except ServiceError as error:
            return refuse(400, error.code, str(error))
        if ready is not None and not generic:
            found = await self._read(asked, principal, allowed, ready)
            if found is not None:
                return found
        return await self._resolve(asked, principal, allowed, ready)

    def text_of(self, request: GraphQLRequest) -> str | None:
        """Return the document of a request, which may be given by its hash; None where there is none.

        Raises:
            BadInput, PersistedQueryNotFound, DocumentNotTrusted: as `schema.trusted.DocumentTexts.text`.
        """
        return self._texts.text(request.query, request.extensions)

    def _prepare(self, request: GraphQLRequest) -> _Ready | None:
        """Return what is ready to be executed; None for what the resolvers' way will say the reason against.

        Raises:
            QueryTooCostly: the pages it declares hold too much.
        """
        try:
            operation = self.schema.documents.read(request.query or "").operation(request.operation_name)
        except GraphQLError:
            return None
        if operation is None:
            return None
        variables = operation.variables.read(request.variables or {})
        if variables is None:
            return None
        cost, limit = operation.cost.of(variables.coerced), self.services.settings.graphql_max_cost
        if cost > limit:
            raise QueryTooCostly(cost=cost, limit=limit)
        return _Ready(operation, variables, cost)

    async def _resolve(
        self,
        request: GraphQLRequest,
        principal: Principal,
        allowed: frozenset[OperationType],
        ready: _Ready | None,
    ) -> Answer:
        """Answer by the resolvers."""
        try:
            result = await self._execute(request, RequestContext(self.services, principal), allowed)
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
        return Answer(self._body([encode(result.data)], errors, ready), ReadPath.GENERIC)

    async def _execute(
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
        self, request: GraphQLRequest, principal: Principal, allowed: frozenset[OperationType], ready: _Ready
    ) -> Answer | None:
        """Answer by a statement; None where none can be made, and where something is wrong that resolvers explain."""
        asked = Asked(principal, ready.variables, self.services.settings.graphql_max_page)
        found = self._statement(asked, ready)
        if found is None:
            return None
        plan, statement = found
        reading = self.services.database.reading.fetchrow(statement.text, *statement.values)
        try:
            if plan.rest is None:
                row, rest = await reading, None
            else:
                context = RequestContext(self.services, principal, document=plan.rest)
                row, rest = await asyncio.gather(reading, self._execute(request, context, allowed))
        except QueryCanceledError:
            return Answer(self._body([b"null"], [_timed_out()], ready), ReadPath.PLANNED)
        except CardinalityViolationError:
            return None
        except (PostgresError, *CONNECT_ERRORS) as error:
            if purged_until(error) is not None:
                return None
            log.warning("graphql_statement_failed", error=type(error).__name__)
            return None
        if row is not None and asked.horizons and row[-1]:
            return None
        if rest is None:
            return Answer(self._body(plan.pieces(row or (), {}), [], ready), ReadPath.PLANNED)
        data = [b"null"]
        if rest.data is not None:
            data = plan.pieces(row or (), {key: encode(value) for key, value in rest.data.items()})
        return Answer(self._body(data, _errors(rest), ready), ReadPath.MIXED)

    def _statement(self, asked: Asked, ready: _Ready) -> tuple[Plan, Statement] | None:
        """Return the plan of a query and its statement for one request; None where resolvers take all of it."""
        if ready.operation.kind is not OperationKind.QUERY:
            return None
        try:
            asked.principal.require_scope("read")
            plan = ready.operation.plan(self.schema.planner, ready.variables.coerced)
            return None if plan.is_empty else (plan, plan.statement(asked))
        except (GraphQLError, ServiceError, Unplanned):
            return None

    def _body(self, data: Sequence[bytes], errors: Sequence[Mapping[str, Any]], ready: _Ready | None) -> bytes:
        """Return the whole answer; `data` is in pieces, so that a large one is copied once."""
        pieces = [b'{"data":', *data]
        if errors:
            pieces.append(b',"errors":%b' % encode(errors))
        if ready is not None:
            limit = self.services.settings.graphql_max_cost
            cost = (ready.cost, limit, limit - ready.cost)
            pieces.append(b',"extensions":{"cost":{"requested":%d,"limit":%d,"remaining":%d}}' % cost)
        pieces.append(b"}")
        return b"".join(pieces)


def _errors(result: ExecutionResult) -> list[dict[str, Any]]:
    """Return the errors by their place in the document and in the answer, whichever came first."""
    return [dict(error.formatted) for error in sorted(result.errors or (), key=_place)]


def _place(error: GraphQLError) -> tuple[tuple[int, ...], list[tuple[bool, Any]]]:
    begins = tuple(error.positions or ())
    return begins, [(isinstance(step, str), step) for step in error.path or ()]


def _timed_out() -> dict[str, Any]:
    error = QueryTimeout()
    return {"message": str(error), "extensions": {"code": error.code}}


def encode(value: Any) -> bytes:
    """Return the JSON text of a value."""
    return json.dumps(value, separators=(",", ":")).encode()


def refuse(status: int, code: str, message: str) -> Answer:
    """Return the answer to what was never executed."""
    return Answer(encode({"errors": [{"message": message, "extensions": {"code": code}}]}), ReadPath.GENERIC, status)
