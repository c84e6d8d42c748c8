"""Errors as clients see them: every one carries `extensions.code`, and what was not raised on purpose is masked."""

import uuid
from collections.abc import Iterable

from asyncpg import QueryCanceledError
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from core.db.engine import CONNECT_ERRORS
from core.errors import BadInput, DatabaseUnavailable, QueryTimeout, ServiceError
from core.history.horizon import purged_until
from core.logging import get_logger
from schema.types.changes import history_purged

log = get_logger(__name__)

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"

HIDDEN = "an unexpected error was logged: quote its id"


def shape_errors(errors: Iterable[GraphQLError], *, refused: bool = False) -> None:
    """Give every error its code, in place; `refused` says that the document was not executed.

    An error that has a code already is left alone: the cache of validated documents hands out the same objects again.
    """
    for error in errors:
        if error.extensions and "code" in error.extensions:
            continue
        error.extensions = {**(error.extensions or {}), **_shape(error, refused=refused)}


def _shape(error: GraphQLError, *, refused: bool) -> dict[str, object]:
    cause = _cause(error)
    match cause:
        case GraphQLSyntaxError():
            return {"code": PARSE_FAILED}
        case ServiceError():
            error.message = str(cause)
            return {"code": cause.code}
        case CannotGetOperationTypeError() | InvalidOperationTypeError():
            return {"code": BadInput.code}
        case RecursionError():
            error.message = "the query nests too deep to be read"
            return {"code": BadInput.code}
        case GraphQLError():
            return {"code": VALIDATION_FAILED if refused else BadInput.code}
        case QueryCanceledError():
            timeout = QueryTimeout()
            error.message = str(timeout)
            return {"code": timeout.code}
        case _ if (until := purged_until(cause)) is not None:
            purged = history_purged(until)
            error.message = str(purged)
            return {"code": purged.code}
        case _ if isinstance(cause, CONNECT_ERRORS):
            log.error("graphql_database_unavailable", error=type(cause).__name__)
            error.message = "the database cannot be reached: try again"
            return {"code": DatabaseUnavailable.code}
        case _:
            return _mask(error, cause)


def _cause(error: GraphQLError) -> BaseException:
    """Return what was first raised: graphql-core wraps errors, some more than once."""
    found: BaseException = error
    while isinstance(found, GraphQLError) and found.original_error is not None:
        found = found.original_error
    return found


def _mask(error: GraphQLError, cause: BaseException) -> dict[str, object]:
    error_id = uuid.uuid4().hex
    path = [str(step) for step in error.path or ()]
    log.error("graphql_field_broke", error_id=error_id, path=path, error=type(cause).__name__, exc_info=cause)
    error.message = HIDDEN
    return {"code": ServiceError.code, "id": error_id}
