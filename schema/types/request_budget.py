"""The request budget of a firm at Clio, as it is at this moment."""

import datetime
from enum import Enum

import strawberry

from core.clio.budget_state import BudgetState
from schema.arguments import argument, with_arguments
from schema.context import Info
from schema.global_ids import read_firm


@strawberry.enum(description="Who asks Clio for something, the most urgent first.")
class RequestKind(Enum):
    """Values are those of `core.clio.priority.Priority`."""

    INTERACTIVE = strawberry.enum_value("interactive", description="A person, who waits for it.")
    WEBHOOK = strawberry.enum_value("webhook", description="A delivery whose record is to be read.")
    INCREMENTAL = strawberry.enum_value("incremental", description="A run that reads what changed.")
    BACKFILL = strawberry.enum_value("backfill", description="A run that reads everything.")
    RECONCILE = strawberry.enum_value("reconcile", description="A run that compares Clio's list with the mirror.")


@strawberry.type(description="Requests of one kind that wait for the budget.")
class WaitingRequests:
    """Made from `core.clio.budget_state.Waiting`."""

    kind: RequestKind = strawberry.field(description="Who asks.")
    requests: int = strawberry.field(description="How many wait, in all processes.")
    eta_s: float = strawberry.field(description="Seconds until the last of them should be granted.")


@strawberry.type(description="What one firm may ask of Clio in the current window of a minute.")
class RequestBudget:
    """Made from `core.clio.budget_state.BudgetState`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    limit: int = strawberry.field(description="Requests of a window: as Clio last told, or its usual limit.")
    used: int = strawberry.field(description="Requests of the window that were answered or are under way.")
    ends_at: datetime.datetime | None = strawberry.field(
        description="When the window ends and the whole limit is there again; null where none is open."
    )
    blocked_until: datetime.datetime | None = strawberry.field(
        description="Until when nothing is asked, because Clio said so with a 429; null otherwise."
    )
    is_shared: bool = strawberry.field(
        description="Whether all processes share it; false while Redis is away, and it is one process's part."
    )
    waiting: list[WaitingRequests] = strawberry.field(description="The kinds that wait, the most urgent first.")


def request_budget_field() -> object:
    """Return the field `Query.requestBudget`. One statement and one round trip to Redis, however many firms."""
    arguments = {
        "firm": argument(strawberry.ID, "One firm, by number or global id; all of the caller's unless given."),
    }
    return strawberry.field(
        resolver=with_arguments(_request_budget, arguments, list[RequestBudget]),
        description="How much of Clio's rate limit is left, and who waits for it: of connected firms, by number.",
    )


async def _request_budget(
    root: object,  # noqa: ARG001 - strawberry passes it
    info: Info,
    firm: str | None = None,
) -> list[RequestBudget]:
    firms = info.context.principal.allowed_firms(read_firm(firm or None))
    found = await info.context.services.accounts.budgets(firms)
    now = datetime.datetime.now(datetime.UTC)
    return [_make(number, state, now) for number, state in found.items()]


def _make(firm: int, state: BudgetState, now: datetime.datetime) -> RequestBudget:
    return RequestBudget(
        firm=strawberry.ID(str(firm)),
        limit=state.limit,
        used=state.used,
        ends_at=_after(now, state.ends_in_s),
        blocked_until=_after(now, state.blocked_for_s),
        is_shared=state.is_shared,
        waiting=[
            WaitingRequests(kind=RequestKind(each.priority.value), requests=each.requests, eta_s=each.eta_s)
            for each in state.waiting
        ],
    )


def _after(now: datetime.datetime, seconds: float) -> datetime.datetime | None:
    return now + datetime.timedelta(seconds=seconds) if seconds else None
