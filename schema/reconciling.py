"""Mutations about records that a reconcile run held, because too many were gone from Clio's list at once."""

from typing import Annotated, Any

import strawberry

from core.errors import NotFound
from core.sync import approval
from schema.context import Info
from schema.global_ids import read_id_of
from schema.mutation_errors import Errors, collecting
from schema.operations import RECONCILIATION, SYNC_RUN
from schema.types.reconciliations import Reconciliation
from schema.types.sync_runs import SyncRun

ReportId = Annotated[strawberry.ID, strawberry.argument(description="Global id of the reconciliation.")]


@strawberry.type(description="Answer of approveReconciliation and rejectReconciliation.")
class DecideReconciliationPayload:
    """The report as it is afterwards, and what will be done."""

    reconciliation: Reconciliation | None = strawberry.field(
        description="The report afterwards; null where there are errors."
    )
    run: SyncRun | None = strawberry.field(
        description="The run that asks Clio for each record; null where nothing is to be asked, or where it follows"
        " another run that is on its way."
    )
    errors: Errors = strawberry.field(description="Empty when all went well.")


async def _approve(info: Info, id: ReportId) -> DecideReconciliationPayload:  # noqa: A002 - the name of the argument
    return await _decide(info, id, approved=True)


async def _reject(info: Info, id: ReportId) -> DecideReconciliationPayload:  # noqa: A002 - the name of the argument
    return await _decide(info, id, approved=False)


async def _decide(info: Info, report_id: strawberry.ID, *, approved: bool) -> DecideReconciliationPayload:
    context = info.context
    errors: Errors = []
    report: Any = None
    run: SyncRun | None = None
    async with collecting(errors, "id"):
        found = read_id_of(report_id, "Reconciliation", name="id")
        known = await RECONCILIATION.find(context.readers, found.firm, found.number)
        if known is None:
            raise NotFound("there is no such reconciliation")
        by, asking = context.principal.subject, None
        if approved:
            asking = await approval.approve(context.services, vars(known)["run"], by=by)
        else:
            await approval.reject(context.services, vars(known)["run"], by=by)
        context.readers.forget()
        report = await RECONCILIATION.find(context.readers, found.firm, found.number)
        run = None if asking is None else await SYNC_RUN.find(context.readers, found.firm, asking)
    return DecideReconciliationPayload(reconciliation=report, run=run, errors=errors)


APPROVE_RECONCILIATION: DecideReconciliationPayload = strawberry.field(
    resolver=_approve,
    description="Have Clio asked for each record that a reconcile run holds, and apply what it answers: 404 deletes,"
    " 403 hides, a record restores.",
)
REJECT_RECONCILIATION: DecideReconciliationPayload = strawberry.field(
    resolver=_reject,
    description="Leave the records that a reconcile run holds of unknown presence. They may be approved later, and what"
    " Clio lists again is restored.",
)
