"""Mutations about legal holds: placing and releasing them. Both need the scope `admin`."""

from typing import Annotated, Any

import strawberry

from core.errors import NotFound
from core.history import holds
from schema.context import Info, OperationContext
from schema.global_ids import read_id_of
from schema.mutation_errors import Errors, collecting
from schema.operations import FIRM, LEGAL_HOLD
from schema.types.history import LegalHold


@strawberry.type(description="Answer of placeLegalHold.")
class PlaceLegalHoldPayload:
    """The hold."""

    hold: LegalHold | None = strawberry.field(description="The hold; null where there are errors.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of releaseLegalHold.")
class ReleaseLegalHoldPayload:
    """The hold as it is afterwards."""

    hold: LegalHold | None = strawberry.field(description="The hold, released; null where there are errors.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


async def _place(
    info: Info,
    firm: Annotated[strawberry.ID, strawberry.argument(description="Global id of the firm.")],
    reason: Annotated[str, strawberry.argument(description="Why; kept for ever.")],
) -> PlaceLegalHoldPayload:
    context = info.context
    context.principal.require_scope("admin")
    errors: Errors = []
    hold: LegalHold | None = None
    async with collecting(errors, "firm"):
        number = read_id_of(firm, "Firm", name="firm").number
        if await FIRM.find(context.readers, number, number) is None:
            raise NotFound("there is no such firm")
        placed = await holds.place_hold(context.services, number, reason=reason, by=context.principal.subject)
        hold = await _read(context, number, placed)
    return PlaceLegalHoldPayload(hold=hold, errors=errors)


async def _release(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Global id of the hold.")],  # noqa: A002
    reason: Annotated[str, strawberry.argument(description="Why; kept for ever.")],
) -> ReleaseLegalHoldPayload:
    context = info.context
    context.principal.require_scope("admin")
    errors: Errors = []
    hold: LegalHold | None = None
    async with collecting(errors, "id"):
        found = read_id_of(id, "LegalHold", name="id")
        if await LEGAL_HOLD.find(context.readers, found.firm, found.number) is None:
            raise NotFound("there is no such legal hold")
        await holds.release_hold(context.services, found.number, reason=reason, by=context.principal.subject)
        hold = await _read(context, found.firm, found.number)
    return ReleaseLegalHoldPayload(hold=hold, errors=errors)


async def _read(context: OperationContext, firm: int, number: int) -> LegalHold | None:
    context.readers.forget()
    found: LegalHold | None = await LEGAL_HOLD.find(context.readers, firm, number)
    return found


PLACE_LEGAL_HOLD: Any = strawberry.field(
    resolver=_place,
    description="Keep a firm's history and raw deliveries from being purged until the hold is released. The scope"
    " `admin` is needed.",
)

RELEASE_LEGAL_HOLD: Any = strawberry.field(
    resolver=_release,
    description="End a legal hold: what it kept may be purged, unless another is open. The scope `admin` is needed.",
)
