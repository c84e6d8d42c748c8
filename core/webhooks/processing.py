"""Processing: due deliveries are claimed, coalesced by record and settled; what fails is tried again, then given up.

Complete payloads of one firm and resource are written together. Whatever cannot be settled that way, or fails there, is
settled record by record, so that a bad one holds up nothing but itself.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from core.cancelling import to_the_end
from core.db.engine import CONNECT_ERRORS
from core.errors import (
    ClioRateLimited,
    ClioUnauthorized,
    ClioUnavailable,
    DatabaseUnavailable,
    NotFound,
)
from core.logging import get_logger
from core.metrics.recorder import Settled
from core.redis_pool import REDIS_ERRORS
from core.resource import ClioPayload, Resource
from core.webhooks.claims import Claimed, claim, extend, fail, release
from core.webhooks.envelope import UNKNOWN_EVENT
from core.webhooks.failures import (
    EVENT_UNKNOWN,
    INTERNAL,
    LAPSES_MAX,
    MALFORMED,
    RESOURCE_NOT_LOADED,
    WORKER_LOST,
    Failure,
    judge,
    where_raised,
)
from core.webhooks.isolation import run_each
from core.webhooks.settlement import (
    Ask,
    Outcome,
    Plan,
    RecordDeliveries,
    TakeDeletion,
    TakePayload,
    plan_record,
    settle_payloads,
    settle_record,
)
from core.webhooks.spacing import waits_s

if TYPE_CHECKING:
    from core.registry import Registry
    from core.services import Services

log = get_logger(__name__)

CHANNEL = "webhooks:deliveries"
"""Redis channel that tells of settled deliveries: `{"firm", "deliveries", "status"}`, after the commit, best effort."""

REFUSES_THE_FIRM = (ClioRateLimited, ClioUnauthorized, NotFound)
"""What Clio, or the lack of a grant, says of the firm and not of one record."""

DATABASE_AWAY = (*CONNECT_ERRORS, DatabaseUnavailable, asyncpg.PostgresError, TimeoutError)

FIRM_TURN_S = 5.0
"""A firm that waits for its request budget gives the rest of its deliveries back after this, so that others go on."""

GIVEN_BACK_S = 1.0
"""How long what was given back stays where it is."""

RECORD_LIMIT_S = 60.0
"""How long one record may take to be settled, its fetch included."""

SUSPECT_LAPSES = 2
"""A delivery that so many workers in a row did not come back from is worked on with nothing else in hand."""

UNAVAILABLE_MAX = 3
"""So many requests in a row that Clio did not answer, and a firm's other fetches of the batch are put off unasked."""


async def process_deliveries(services: "Services", *, batch: int = 100) -> int:
    """Settle deliveries until none is due, and return how many became processed or dead.

    Any number of workers may do so at once: a delivery is settled by one, and a record is worked on by one.

    Raises:
        DatabaseUnavailable: PostgreSQL is away (asyncpg's own connection errors pass through too). What was claimed is
            due again when its lease lapses.
    """
    settled, give_back = 0, partial(_give_back_untried, services)
    while claimed := await to_the_end(
        claim(services.database, batch=batch, lease_s=services.settings.lease_s), undo=give_back
    ):
        ordinary, suspects, rest = set_suspects_apart(claimed)
        async with _kept(services, [*ordinary, *suspects]):
            if rest:
                await to_the_end(release(services.database, rest, delay_s=GIVEN_BACK_S))
            for together in filter(None, (ordinary, suspects)):
                settled += await _Batch(services).settle(together)
    return settled


def set_suspects_apart(claimed: Sequence[Claimed]) -> tuple[list[Claimed], list[Claimed], list[Claimed]]:
    """Return what is ordinary, the suspects of one record, and the other suspects, to be given back.

    A suspect that takes its worker down again takes nothing along, and those beside it lapse no further.
    """
    records = [(each.firm, each.resource, each.record_clio_id) for each in claimed if each.lapses >= SUSPECT_LAPSES]
    suspected = set(records)
    ordinary: list[Claimed] = []
    suspects: list[Claimed] = []
    rest: list[Claimed] = []
    for each in claimed:
        record = (each.firm, each.resource, each.record_clio_id)
        (ordinary if record not in suspected else suspects if record == records[0] else rest).append(each)
    return ordinary, suspects, rest


async def _give_back_untried(services: "Services", claimed: Sequence[Claimed]) -> None:
    """Release what a worker that is told to stop still holds; if that fails, the leases lapse by themselves."""
    try:
        await release(services.database, claimed, delay_s=0)
    except DATABASE_AWAY as error:
        log.warning("webhook_deliveries_not_released", error=type(error).__name__)


@asynccontextmanager
async def _kept(services: "Services", claimed: Sequence[Claimed]) -> AsyncIterator[None]:
    """Renew the lease of the claimed deliveries for as long as the block runs."""

    async def keep() -> None:
        lease_s = services.settings.lease_s
        while True:
            await asyncio.sleep(lease_s / 3)
            try:
                await extend(services.database, claimed, lease_s=lease_s)
            except DATABASE_AWAY as error:
                log.warning("webhook_lease_not_renewed", error=type(error).__name__)

    keeper = asyncio.get_running_loop().create_task(keep())
    try:
        yield
    except asyncio.CancelledError:
        await _give_back_untried(services, claimed)
        raise
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])


class _Batch:
    """What was claimed together, on its way to being settled."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self._told: dict[tuple[int, str], list[int]] = defaultdict(list)

    async def settle(self, claimed: Sequence[Claimed]) -> int:
        """Settle all of them one way or another; return how many are processed or dead now."""
        lost = [each for each in claimed if each.lapses >= LAPSES_MAX]
        records, hopeless = sort_by_record(
            self._services.registry, [each for each in claimed if each.lapses < LAPSES_MAX]
        )
        for failure, deliveries in (*hopeless.items(), (WORKER_LOST, lost)):
            if deliveries:
                await self._give_back(deliveries, failure)
        planned: list[tuple[RecordDeliveries, Plan]] = []
        for record, plan in zip(records, await run_each(plan_record, records), strict=True):
            if isinstance(plan, Exception):
                await self._failed(record, plan)
            else:
                planned.append((record, plan))
        alone = await self._space_fetches(await self._write_payloads(planned))
        by_firm: dict[int, list[tuple[RecordDeliveries, Plan]]] = defaultdict(list)
        for record, plan in alone:
            by_firm[record.firm].append((record, plan))
        outcomes = await asyncio.gather(*map(self._settle_firm, by_firm.values()), return_exceptions=True)
        await self._tell()
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        return sum(len(ids) for (_, status), ids in self._told.items() if status != "failed")

    async def _write_payloads(
        self, planned: Sequence[tuple[RecordDeliveries, Plan]]
    ) -> list[tuple[RecordDeliveries, Plan]]:
        """Write what can be written together; return what has to be settled record by record."""
        together: dict[tuple[int, Resource], list[tuple[RecordDeliveries, ClioPayload]]] = defaultdict(list)
        alone: list[tuple[RecordDeliveries, Plan]] = []
        for record, plan in planned:
            if isinstance(plan, TakePayload):
                together[record.firm, record.resource].append((record, plan.payload))
            else:
                alone.append((record, plan))
        for (firm, resource), records in together.items():
            try:
                written = await settle_payloads(self._services, records)
            except Exception as error:  # noqa: BLE001 - a plugin's payload may raise anything; found out one by one
                raise_if_database_away(error)
                log.warning("webhook_batch_isolated", firm=firm, resource=resource.name, error=type(error).__name__)
                alone += [(record, TakePayload(payload)) for record, payload in records]
            else:
                self._note_processed(written.settled)
                alone += [(record, Ask()) for record in written.ask]
        return alone

    async def _space_fetches(
        self, alone: Sequence[tuple[RecordDeliveries, Plan]]
    ) -> list[tuple[RecordDeliveries, Plan]]:
        """Give back the records that were fetched a moment ago; return the others."""
        asking = [record for record, plan in alone if isinstance(plan, Ask)]
        waits = dict(zip(map(id, asking), await waits_s(self._services, asking), strict=True))
        for record in asking:
            if waits[id(record)]:
                await release(self._services.database, record.deliveries, delay_s=waits[id(record)])
        return [(record, plan) for record, plan in alone if not waits.get(id(record))]

    async def _settle_firm(self, records: Sequence[tuple[RecordDeliveries, Plan]]) -> None:
        """Settle one firm's records in turn; once Clio refuses the firm as such, it is not asked again."""
        refused: Exception | None = None
        unanswered = 0
        turn_ends = time.monotonic() + FIRM_TURN_S
        for number, (record, plan) in enumerate(records):
            if time.monotonic() > turn_ends:
                untried = [each for later, _ in records[number:] for each in later.deliveries]
                await release(self._services.database, untried, delay_s=GIVEN_BACK_S)
                return
            if refused is not None and not isinstance(plan, TakeDeletion):
                await self._failed(record, refused)
                continue
            try:
                async with asyncio.timeout(RECORD_LIMIT_S):
                    settled = await settle_record(self._services, record, plan)
                self._note_processed(settled)
                unanswered = 0
            except Exception as error:  # noqa: BLE001 - a plugin's payload may raise anything; this record alone fails
                raise_if_database_away(error)
                await self._failed(record, error)
                unanswered = unanswered + 1 if isinstance(error, ClioUnavailable) else 0
                if isinstance(error, REFUSES_THE_FIRM) or unanswered >= UNAVAILABLE_MAX:
                    refused = error

    async def _failed(self, record: RecordDeliveries, error: Exception) -> None:
        by_attempt: dict[int, list[Claimed]] = defaultdict(list)
        for each in record.deliveries:
            by_attempt[each.attempt].append(each)
        for attempt, deliveries in by_attempt.items():
            failure = judge(error, attempt=attempt, factor=self._services.settings.retry_factor)
            log.warning(
                "webhook_delivery_failed",
                firm=record.firm,
                resource=record.resource.name,
                deliveries=[each.id for each in deliveries],
                attempt=attempt,
                code=failure.code,
                status=failure.status,
                error=type(error).__name__,
                where=where_raised(error) if failure.code == INTERNAL else None,
            )
            await self._give_back(deliveries, failure)

    async def _give_back(self, deliveries: Sequence[Claimed], failure: Failure) -> None:
        given_back = await fail(self._services.database.pool, deliveries, failure)
        self._note(given_back, failure.status, counts=failure.counts)

    def _note_processed(self, settled: Iterable[tuple[Claimed, Outcome]]) -> None:
        self._note([each for each, _ in settled], "processed")

    def _note(self, deliveries: Iterable[Claimed], status: Settled, *, counts: bool = True) -> None:
        for each in deliveries:
            self._services.webhook_recorder.settled(
                *(each.firm, each.model, each.event, each.body, each.received_at.timestamp()),
                status=status,
                took_s=each.took_s,
                attempt=each.attempt,
                counts=counts,
            )
            self._told[each.firm, status].append(each.id)

    async def _tell(self) -> None:
        """Publish what was settled; a Redis that is away costs the telling alone."""
        try:
            async with self._services.redis.pipeline(transaction=False) as pipeline:
                for (firm, status), ids in self._told.items():
                    pipeline.publish(CHANNEL, msgspec.json.encode({"firm": firm, "deliveries": ids, "status": status}))
                await pipeline.execute()
        except REDIS_ERRORS as error:
            log.warning("webhook_settlement_not_published", error=type(error).__name__)


def sort_by_record(
    registry: "Registry", claimed: Iterable[Claimed]
) -> tuple[list[RecordDeliveries], dict[Failure, list[Claimed]]]:
    """Group deliveries by firm, resource and record, and set apart those that can never be settled, with the reason."""
    resources = {resource.name: resource for resource in registry.resources}
    records: dict[tuple[int, str, int], list[Claimed]] = defaultdict(list)
    hopeless: dict[Failure, list[Claimed]] = defaultdict(list)
    for each in claimed:
        resource = resources.get(each.resource)
        if each.event == UNKNOWN_EVENT or each.record_clio_id is None:
            hopeless[MALFORMED].append(each)
        elif resource is None or resource.webhook is None:
            hopeless[RESOURCE_NOT_LOADED].append(each)
        elif each.event not in resource.webhook.events:
            hopeless[EVENT_UNKNOWN].append(each)
        else:
            records[each.firm, each.resource, each.record_clio_id].append(each)
    grouped = [
        RecordDeliveries(firm=firm, resource=resources[name], clio_id=clio_id, deliveries=deliveries)
        for (firm, name, clio_id), deliveries in records.items()
    ]
    return grouped, hopeless


def raise_if_database_away(error: Exception) -> None:
    """Raise an error that says PostgreSQL is away, and none that a record can cause.

    What asyncpg cannot encode is an InterfaceError and a ValueError; a statement that took too long is an OSError.
    """
    away = isinstance(error, (ConnectionError, DatabaseUnavailable, *CONNECT_ERRORS))
    of_record = isinstance(error, ValueError) or (isinstance(error, OSError) and not isinstance(error, ConnectionError))
    if away and not of_record:
        raise error
