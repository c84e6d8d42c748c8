"""What a client is told when something fails: every error carries `extensions.code`, and nothing leaks.

`mark` is called once for each error of an operation, whatever way it was run. It changes the error in place, and it
leaves one alone that is marked already: errors of validation are kept with the cached document.
"""

import secrets
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.extensions import SchemaExtension

from core.errors import BadInput, ServiceError
from core.logging import get_logger

log = get_logger(__name__)

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
INTERNAL_MESSAGE = "an unexpected error was logged"


def mark(error: GraphQLError) -> None:
    """Give an error its code, and hide it unless it was raised on purpose."""
    if "code" in (error.extensions or {}):
        return
    cause = origin(error)
    if isinstance(cause, ServiceError) and cause.code != ServiceError.code:
        _say(error, str(cause), cause.code)
    elif isinstance(cause, ServiceError):
        _say(error, str(cause), ServiceError.code)
    elif isinstance(cause, RecursionError):
        _say(error, "the document nests too deeply to be read", PARSE_FAILED)
    elif isinstance(error, GraphQLSyntaxError):
        _say(error, error.message, PARSE_FAILED)
    elif cause is None:
        _say(error, error.message, BadInput.code)
    else:
        _hide(error, cause)


def origin(error: GraphQLError) -> Exception | None:
    """Return the exception behind an error that is not GraphQL's own; None where there is none."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def error_entry(error: ServiceError) -> dict[str, Any]:
    """Return an error as an entry of `errors`, for an answer that no operation was run for."""
    return {"message": str(error), "extensions": {"code": error.code}}


def _say(error: GraphQLError, message: str, code: str) -> None:
    error.message = message
    error.extensions = {"code": code}


def _hide(error: GraphQLError, cause: Exception) -> None:
    """Log the exception's type and place, never its text, which may quote a record."""
    error_id = secrets.token_hex(8)
    log.error("graphql_field_broke", error_id=error_id, error=type(cause).__name__, at=_place(cause))
    error.message = INTERNAL_MESSAGE
    error.extensions = {"code": ServiceError.code, "id": error_id}


def _place(cause: Exception) -> str:
    """Return where an exception was raised, as `module:line`, outermost first."""
    places = []
    trace = cause.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(places[-8:])


class ErrorCodes(SchemaExtension):
    """Marks the errors of validation as such, before anything else looks at them."""

    def on_validate(self) -> Iterator[None]:
        """Run after every validation rule, and after a cached answer."""
        yield
        for error in self.execution_context.pre_execution_errors or ():
            if not error.extensions:
                _say(error, error.message, VALIDATION_FAILED)
