"""What mutations share: the errors of their payloads, and the firms they are about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import strawberry

from core.errors import Forbidden, ServiceError, Unauthenticated
from schema.context import OperationContext
from schema.global_ids import read_firm


@strawberry.type(description="Why a mutation did not do what was asked.")
class MutationError:
    """A ServiceError that the domain raised."""

    code: str = strawberry.field(description="As in `extensions.code` of other errors, such as CLIO_GRANT_DEAD.")
    message: str = strawberry.field(description="What went wrong, and what to do next.")
    path: list[str] | None = strawberry.field(description="The argument at fault; null where none is.")


Errors = list[MutationError]


@asynccontextmanager
async def collecting(errors: Errors, argument: str | None) -> AsyncIterator[None]:
    """Turn a ServiceError of the domain into an item of `errors`; permission failures stay GraphQL errors."""
    try:
        yield
    except (Forbidden, Unauthenticated):
        raise
    except ServiceError as error:
        errors.append(MutationError(code=error.code, message=str(error), path=[argument] if argument else None))


async def firms_of(context: OperationContext, firm: str | None) -> list[int]:
    """Return the numbers of the firm named, or of all that the caller may name."""
    allowed = context.principal.allowed_firms(read_firm(firm))
    if allowed is None:
        allowed = frozenset(row["id"] for row in await context.services.database.pool.fetch("SELECT id FROM firm"))
    return sorted(allowed)
