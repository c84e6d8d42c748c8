"""Processing: due deliveries are claimed, coalesced by record and settled; what fails is tried again, then given up.

Complete payloads of one firm and resource are written together. Whatever cannot be settled that way, or fails there, is
settled record by record, so that a bad one holds up nothing but itself.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, TypeAlias

import asyncpg
import msgspec

from core.db.engine import CONNECT_ERRORS
from core.errors import (
    ClioRateLimited,
    ClioUnauthorized,
    ClioUnavailable,
    DatabaseUnavailable,
    NotFound,
)
from core.logging import get_logger
from core.resource import ClioPayload, Resource
from core.webhooks.claims import Claimed, claim, extend, fail, release
from core.webhooks.counters import REDIS_ERRORS, DeliveryCounters
from core.webhooks.envelope import UNKNOWN_EVENT
from core.webhooks.failures import EVENT_UNKNOWN, INTERNAL, MALFORMED, RESOURCE_NOT_LOADED, Failure, judge, where_raised
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

if TYPE_CHECKING:
    from core.registry import Registry
    from core.services import Services

log = get_logger(__name__)

SettledStatus: TypeAlias = Literal["processed", "failed", "dead"]

CHANNEL = "webhooks:deliveries"
"""Redis channel that tells of settled deliveries: `{"firm", "deliveries", "status"}`, after the commit, best effort."""

REFUSES_THE_FIRM = (ClioRateLimited, ClioUnauthorized, NotFound)
"""What Clio, or the lack of a grant, says of the firm and not of one record."""

DATABASE_AWAY = (*CONNECT_ERRORS, DatabaseUnavailable, asyncpg.PostgresError, TimeoutError)

FIRM_TURN_S = 20.0
"""A firm that waits for its request budget gives the rest of its deliveries back after this, so that others go on."""

GIVEN_BACK_S = 1.0
"""How long what was given back stays where it is."""

UNAVAILABLE_MAX = 3
"""So many requests in a row that Clio did not answer, and a firm's other fetches of the batch are put off unasked."""


async def process_deliveries(services: "Services", *, batch: int = 100) -> int:
    """Settle deliveries until none is due, and return how many became processed or dead.

    Any number of workers may do so at once: a delivery is settled by one, and a record is worked on by one.

    Raises:
        DatabaseUnavailable: PostgreSQL is away (asyncpg's own connection errors pass through too). What was claimed is
            due again when its lease lapses.
    """
    settled = 0
    while claimed := await claim(services.database, batch=batch, lease_s=services.settings.lease_s):
        async with _kept(services, claimed):
            settled += await _Batch(services).settle(claimed)
    return settled


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
        self._counters = DeliveryCounters(services)
        self._told: dict[tuple[int, str], list[int]] = defaultdict(list)

    async def settle(self, claimed: Sequence[Claimed]) -> int:
        """Settle all of them one way or another; return how many are processed or dead now."""
        records, hopeless = sort_by_record(self._services.registry, claimed)
        for failure, deliveries in hopeless.items():
            await self._give_back(deliveries, failure)
        alone = await self._write_payloads([(record, plan_record(record)) for record in records])
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
                _raise_if_database_away(error)
                log.warning("webhook_batch_isolated", firm=firm, resource=resource.name, error=type(error).__name__)
                alone += [(record, TakePayload(payload)) for record, payload in records]
            else:
                self._note_processed(written.settled)
                alone += [(record, Ask()) for record in written.ask]
        return alone

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
                self._note_processed(await settle_record(self._services, record, plan))
                unanswered = 0
            except Exception as error:  # noqa: BLE001 - a plugin's payload may raise anything; this record alone fails
                _raise_if_database_away(error)
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
        self._note(await fail(self._services.database.pool, deliveries, failure), failure.status)

    def _note_processed(self, settled: Iterable[tuple[Claimed, Outcome]]) -> None:
        self._note([each for each, _ in settled], "processed")

    def _note(self, deliveries: Iterable[Claimed], status: SettledStatus) -> None:
        for each in deliveries:
            self._counters.add(each.firm, each.model, each.event, status)
            self._told[each.firm, status].append(each.id)

    async def _tell(self) -> None:
        """Count and publish what was settled; a Redis that is away costs the telling alone."""
        await self._counters.flush()
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


def _raise_if_database_away(error: Exception) -> None:
    """Raise an error that says PostgreSQL is away, and none that a record can cause.

    What asyncpg cannot encode is an InterfaceError and a ValueError; a statement that took too long is an OSError.
    """
    away = isinstance(error, (ConnectionError, DatabaseUnavailable, *CONNECT_ERRORS))
    of_record = isinstance(error, ValueError) or (isinstance(error, OSError) and not isinstance(error, ConnectionError))
    if away and not of_record:
        raise error
