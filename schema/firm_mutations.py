"""Mutations about when a firm's runs are started: pausing, resuming, quiet hours."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import strawberry

from core.errors import BadInput, NotFound
from core.services import Services
from core.sync import firm_schedule
from core.sync.quiet_hours import QuietHours
from schema.context import Info
from schema.global_ids import read_id_of
from schema.mutation_errors import Errors, collecting
from schema.operations import FIRM
from schema.types.firms import Firm

FirmId = Annotated[strawberry.ID, strawberry.argument(description="Global id of the firm.")]


@strawberry.type(description="Answer of pauseFirm.")
class PauseFirmPayload:
    """The firm as it is afterwards."""

    firm: Firm | None = strawberry.field(description="The firm afterwards; null where there are errors.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of resumeFirm.")
class ResumeFirmPayload:
    """The firm as it is afterwards."""

    firm: Firm | None = strawberry.field(description="The firm afterwards; null where there are errors.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of setQuietHours.")
class SetQuietHoursPayload:
    """The firm as it is afterwards."""

    firm: Firm | None = strawberry.field(description="The firm afterwards; null where there are errors.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


Payload = TypeVar("Payload", PauseFirmPayload, ResumeFirmPayload, SetQuietHoursPayload)


async def _pause(
    info: Info,
    id: FirmId,  # noqa: A002
    reason: Annotated[str, strawberry.argument(description="Why, in 1 to 500 characters, for whoever looks at it.")],
) -> PauseFirmPayload:
    return await _changed(
        info, id, PauseFirmPayload, lambda services, firm: firm_schedule.pause(services, firm, reason=reason)
    )


async def _resume(info: Info, id: FirmId) -> ResumeFirmPayload:  # noqa: A002
    return await _changed(info, id, ResumeFirmPayload, firm_schedule.resume)


async def _set_quiet_hours(
    info: Info,
    id: FirmId,  # noqa: A002
    from_: Annotated[
        str | None,
        strawberry.argument(name="from", description="Time of day at which they begin, such as 22:00."),
    ] = strawberry.UNSET,
    until: Annotated[
        str | None,
        strawberry.argument(description="Time of day at which they end, such as 06:30; after midnight if earlier."),
    ] = strawberry.UNSET,
    time_zone: Annotated[
        str | None, strawberry.argument(description="Where that time is, such as America/New_York.")
    ] = strawberry.UNSET,
) -> SetQuietHoursPayload:
    async def change(services: Services, firm: int) -> None:
        await firm_schedule.set_quiet_hours(services, firm, _read(from_ or None, until or None, time_zone or None))

    return await _changed(info, id, SetQuietHoursPayload, change)


def _read(starts: str | None, ends: str | None, time_zone: str | None) -> QuietHours | None:
    if starts is None and ends is None and time_zone is None:
        return None
    if starts is None or ends is None or time_zone is None:
        raise BadInput("quiet hours take from, until and timeZone together, or none of them to end quiet hours")
    return QuietHours.read(starts=starts, ends=ends, time_zone=time_zone)


async def _changed(
    info: Info,
    id: str,  # noqa: A002
    payload: type[Payload],
    change: Callable[[Services, int], Awaitable[None]],
) -> Payload:
    """Change a firm that the caller may see; return it as it is afterwards, or why it was not changed."""
    context = info.context
    errors: Errors = []
    firm: Firm | None = None
    number = 0
    async with collecting(errors, "id"):
        number = read_id_of(id, "Firm", name="id").number
        if await FIRM.find(context.readers, number, number) is None:
            raise NotFound("there is no such firm")
    if errors:
        return payload(firm=None, errors=errors)
    async with collecting(errors, None):
        await change(context.services, number)
        context.readers.forget()
        firm = await FIRM.find(context.readers, number, number)
    return payload(firm=firm, errors=errors)


PAUSE_FIRM: Any = strawberry.field(
    resolver=_pause,
    description="Start no run of a firm until resumeFirm; those under way are put back within seconds. Deliveries are"
    " taken in and processed all the same.",
)

RESUME_FIRM: Any = strawberry.field(
    resolver=_resume, description="Let the runs of a paused firm go on; whatever is due by now is asked for."
)

SET_QUIET_HOURS: Any = strawberry.field(
    resolver=_set_quiet_hours,
    description="Give a firm hours in which nothing is polled, read in full or compared by schedule; without from,"
    " until and timeZone it has none. Deliveries and what people ask for go on.",
)
