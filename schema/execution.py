"""Executing one operation, whatever the transport: what was asked, in; the JSON text of the answer, out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strawberry.exceptions import MissingQueryError
from strawberry.schema.base import BaseSchema
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from core.auth.principal import Principal
from core.errors import BadInput, Forbidden
from core.services import Services
from schema.context import RequestContext

QUERIES = frozenset({OperationType.QUERY})
ANSWERED_ONCE = frozenset({OperationType.QUERY, OperationType.MUTATION})
"""What one request answers with one result; a subscription needs a stream."""


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
    status: int = 200


class Operations:
    """Executes the operations of one schema."""

    def __init__(self, schema: BaseSchema, services: Services) -> None:
        self.schema = schema
        self.services = services

    async def answer(
        self,
        request: GraphQLRequest,
        principal: Principal,
        *,
        allowed: frozenset[OperationType] = ANSWERED_ONCE,
        generic: bool = False,
    ) -> Answer:
        """Execute a query or a mutation.

        `generic` keeps to the resolvers, for comparison with the statements that are otherwise made of a query.
        """
        del generic
        try:
            result = await self.schema.execute(
                request.query,
                variable_values=dict(request.variables or {}),
                context_value=RequestContext(self.services, principal),
                operation_name=request.operation_name,
                operation_extensions=dict(request.extensions or {}),
                allowed_operation_types=allowed,
            )
        except MissingQueryError:
            return refuse(400, BadInput.code, "no query was given")
        except CannotGetOperationTypeError as error:
            return refuse(400, BadInput.code, error.as_http_error_reason())
        except InvalidOperationTypeError as error:
            return refuse(405, BadInput.code, error.as_http_error_reason("GET" if allowed is QUERIES else "POST"))
        errors = [error.formatted for error in result.errors or ()]
        if errors and result.data is None and all("path" not in error for error in errors):
            codes = {error.get("extensions", {}).get("code") for error in errors}
            return Answer(encode({"errors": errors}), 403 if Forbidden.code in codes else 400)
        body: dict[str, Any] = {"data": result.data}
        if errors:
            body["errors"] = errors
        if result.extensions:
            body["extensions"] = result.extensions
        return Answer(encode(body))


def encode(body: Mapping[str, Any]) -> bytes:
    """Return the JSON text of an answer."""
    return json.dumps(body, separators=(",", ":")).encode()


def refuse(status: int, code: str, message: str) -> Answer:
    """Return the answer to what was never executed."""
    return Answer(encode({"errors": [{"message": message, "extensions": {"code": code}}]}), status)
