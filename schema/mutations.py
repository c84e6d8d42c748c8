"""Mutations. What the domain refuses is in the payload's `errors`; what the caller may not do is a GraphQL error."""

from typing import Annotated, cast

import strawberry

from core.connect import disconnect_firm
from core.errors import NotFound
from core.settings import Region
from core.sync.firm_schedule import refuse_paused
from core.sync.requesting import request_reconciliations, request_runs
from core.sync.runs import cancel_run
from schema.context import Info, OperationContext
from schema.firm_mutations import (
    PAUSE_FIRM,
    RESUME_FIRM,
    SET_QUIET_HOURS,
    PauseFirmPayload,
    ResumeFirmPayload,
    SetQuietHoursPayload,
)
from schema.global_ids import read_id_of
from schema.hold_mutations import (
    PLACE_LEGAL_HOLD,
    RELEASE_LEGAL_HOLD,
    PlaceLegalHoldPayload,
    ReleaseLegalHoldPayload,
)
from schema.mutation_errors import Errors, collecting, firms_of
from schema.operations import FIRM, SYNC_RUN
from schema.reconciling import APPROVE_RECONCILIATION, REJECT_RECONCILIATION, DecideReconciliationPayload
from schema.replays import REPLAY_DELIVERIES, ReplayDeliveriesPayload
from schema.types.firms import Firm, RegionName
from schema.types.sync_runs import SyncRun
from schema.webhook_mutations import (
    DELETE_WEBHOOK,
    REGISTER_WEBHOOKS,
    RENEW_WEBHOOK,
    ROTATE_WEBHOOKS,
    DeleteWebhookPayload,
    RegisterWebhooksPayload,
    RenewWebhookPayload,
    RotateWebhooksPayload,
)


@strawberry.type(description="Answer of connectFirm.")
class ConnectFirmPayload:
    """Where to send a person."""

    authorize_url: str | None = strawberry.field(
        description="Open it in a browser within ten minutes and sign in to Clio; null where there are errors."
    )
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of disconnectFirm.")
class DisconnectFirmPayload:
    """The firm as it is afterwards."""

    firm: Firm | None = strawberry.field(description="The firm afterwards; null where there are errors.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of syncNow.")
class SyncNowPayload:
    """The runs that will do it."""

    runs: list[SyncRun] = strawberry.field(description="The runs asked for; one that was on its way already is kept.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of reconcile.")
class ReconcilePayload:
    """The runs that will do it."""

    runs: list[SyncRun] = strawberry.field(
        description="The runs asked for; one of another kind that was on its way already is kept: ask again after it."
    )
    errors: Errors = strawberry.field(description="Empty when all went well.")


@strawberry.type(description="Answer of cancelSync.")
class CancelSyncPayload:
    """The run as it is afterwards."""

    run: SyncRun | None = strawberry.field(description="The run afterwards; null where there are errors.")
    cancelled: bool = strawberry.field(description="False where it had finished already.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


async def _connect_firm(
    info: Info, region: Annotated[RegionName, strawberry.argument(description="Where the firm's account is.")]
) -> ConnectFirmPayload:
    errors: Errors = []
    url = None
    async with collecting(errors, "region"):
        url = await info.context.services.accounts.authorize_url(cast("Region", region.value))
    return ConnectFirmPayload(authorize_url=url, errors=errors)


async def _disconnect_firm(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Global id of the firm.")],  # noqa: A002
) -> DisconnectFirmPayload:
    context = info.context
    errors: Errors = []
    firm: Firm | None = None
    async with collecting(errors, "id"):
        number = read_id_of(id, "Firm", name="id").number
        if await FIRM.find(context.readers, number, number) is None:
            raise NotFound("there is no such firm")
        await disconnect_firm(context.services, number)
        context.readers.forget()
        firm = await FIRM.find(context.readers, number, number)
    return DisconnectFirmPayload(firm=firm, errors=errors)


async def _runs(context: OperationContext, asked: list[int], firms: list[int]) -> list[SyncRun]:
    rows = await context.services.database.pool.fetch(
        f"SELECT {SYNC_RUN.listing.select('t')} FROM sync_run AS t WHERE t.id = ANY ($1) AND t.firm = ANY ($2)"
        " ORDER BY t.id",
        asked,
        firms,
    )
    return [SYNC_RUN.make(row) for row in rows]


async def _sync_now(
    info: Info,
    resource: Annotated[
        str | None, strawberry.argument(description="One resource, such as contact; all unless given.")
    ] = strawberry.UNSET,
    full: Annotated[
        bool | None, strawberry.argument(description="Read everything again instead of what changed.")
    ] = strawberry.UNSET,
    firm: Annotated[
        strawberry.ID | None, strawberry.argument(description="One firm; all of the caller's unless given.")
    ] = strawberry.UNSET,
) -> SyncNowPayload:
    context = info.context
    errors: Errors = []
    runs: list[SyncRun] = []
    async with collecting(errors, "resource" if resource else None):
        firms = await firms_of(context, firm or None)
        asked = await request_runs(context.services, firms=firms, resource=resource or None, full=bool(full))
        runs = await _runs(context, asked, firms)
        await refuse_paused(context.services.database, firms)
    return SyncNowPayload(runs=runs, errors=errors)


async def _reconcile(
    info: Info,
    resource: Annotated[
        str | None, strawberry.argument(description="One resource, such as contact; all unless given.")
    ] = strawberry.UNSET,
    firm: Annotated[
        strawberry.ID | None, strawberry.argument(description="One firm; all of the caller's unless given.")
    ] = strawberry.UNSET,
) -> ReconcilePayload:
    context = info.context
    errors: Errors = []
    runs: list[SyncRun] = []
    async with collecting(errors, "resource" if resource else None):
        firms = await firms_of(context, firm or None)
        asked = await request_reconciliations(
            context.services,
            firms=firms,
            resource=resource or None,
        )
        runs = await _runs(context, asked, firms)
        await refuse_paused(context.services.database, firms)
    return ReconcilePayload(runs=runs, errors=errors)


async def _cancel_sync(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Global id of the run.")],  # noqa: A002
) -> CancelSyncPayload:
    context = info.context
    errors: Errors = []
    run: SyncRun | None = None
    cancelled = False
    async with collecting(errors, "id"):
        found = read_id_of(id, "SyncRun", name="id")
        if await SYNC_RUN.find(context.readers, found.firm, found.number) is None:
            raise NotFound("there is no such sync run")
        cancelled = await cancel_run(context.services, found.number, by=context.principal.subject)
        context.readers.forget()
        run = await SYNC_RUN.find(context.readers, found.firm, found.number)
    return CancelSyncPayload(run=run, cancelled=cancelled, errors=errors)


@strawberry.type(description="Everything that can be changed. The scope `write` is needed.")
class Mutation:
    """The root of mutations."""

    connect_firm: ConnectFirmPayload = strawberry.field(
        resolver=_connect_firm, description="Begin to connect a firm: returns the address at which a person consents."
    )
    disconnect_firm: DisconnectFirmPayload = strawberry.field(
        resolver=_disconnect_firm,
        description="End a firm's webhooks and its grant at Clio; the mirrored records stay.",
    )
    pause_firm: PauseFirmPayload = PAUSE_FIRM
    resume_firm: ResumeFirmPayload = RESUME_FIRM
    set_quiet_hours: SetQuietHoursPayload = SET_QUIET_HOURS
    register_webhooks: RegisterWebhooksPayload = REGISTER_WEBHOOKS
    renew_webhook: RenewWebhookPayload = RENEW_WEBHOOK
    rotate_webhooks: RotateWebhooksPayload = ROTATE_WEBHOOKS
    delete_webhook: DeleteWebhookPayload = DELETE_WEBHOOK
    sync_now: SyncNowPayload = strawberry.field(
        resolver=_sync_now, description="Ask for sync runs; workers do them, and syncProgress shows how far they are."
    )
    reconcile: ReconcilePayload = strawberry.field(
        resolver=_reconcile,
        description="Ask for comparisons of Clio's lists with the mirror, which find deletions and misses that no"
        " webhook told; reconciliations has the reports.",
    )
    approve_reconciliation: DecideReconciliationPayload = APPROVE_RECONCILIATION
    reject_reconciliation: DecideReconciliationPayload = REJECT_RECONCILIATION
    cancel_sync: CancelSyncPayload = strawberry.field(
        resolver=_cancel_sync, description="Cancel a run: one that waits at once, a running one after its page."
    )
    replay_deliveries: ReplayDeliveriesPayload = REPLAY_DELIVERIES
    place_legal_hold: PlaceLegalHoldPayload = PLACE_LEGAL_HOLD
    release_legal_hold: ReleaseLegalHoldPayload = RELEASE_LEGAL_HOLD
