"""What a replay would change: each record is written as processing would write it, and the write is taken back.

The difference is read from the change log inside the transaction, so it is what the mirror's own rules say now, and no
second reading of them. Every transaction is rolled back, none spans two writes, and nothing is asked of Clio.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from core.db.engine import Connection
from core.errors import ServiceError
from core.logging import get_logger
from core.resource import ClioPayload, Resource
from core.webhooks.claims import Claimed
from core.webhooks.failures import where_raised
from core.webhooks.processing import raise_if_database_away, sort_by_record
from core.webhooks.replay import MATCHES, Matched, ReplayFilter, count_matches
from core.webhooks.settlement import (
    Changed,
    RecordDeliveries,
    TakeDeletion,
    TakePayload,
    changes_made,
    plan_record,
    write_absence,
    write_payloads,
)

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

PREVIEW_MAX = 500
"""So many records at most are compared."""

CHUNK = 50
"""Records whose deliveries are held in memory at once."""

Effect: TypeAlias = Literal["created", "updated", "restored", "deleted", "unchanged", "needs_fetch", "fails", "dead"]

_RECORDS = f"""
SELECT firm, resource, record_clio_id, array_agg(id ORDER BY received_at, id) AS ids
FROM webhook_delivery WHERE {MATCHES}
GROUP BY firm, resource, record_clio_id, CASE WHEN record_clio_id IS NULL THEN id END
ORDER BY min(id) LIMIT $10"""

_DELIVERIES = """
SELECT id, firm, resource, model, event, record_clio_id, body, attempts AS attempt, received_at, replayed_at, lapses
FROM webhook_delivery WHERE id = ANY ($1::bigint[]) ORDER BY received_at, id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """One column of the mirror: what it holds now, and what it would hold; JSON values, null where there is none."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPreview:
    """What its matching deliveries would do to one record.

    `needs_fetch`: only Clio can tell. `fails`: the write was refused. `dead`: it would be a dead letter again, and
    `reason` is the code. `clio_id` is null where the body names no record.
    """

    firm: int
    resource: str
    clio_id: int | None
    deliveries: int
    effect: Effect
    reason: str | None = None
    fields: Sequence[FieldDifference] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a replay matches, and what it would do to the records shown; `complete` says that those are all."""

    matched: Sequence[Matched]
    records: Sequence[RecordPreview]
    complete: bool


class _TakenBack(Exception):
    """Ends a transaction whose writes were looked at."""


async def preview(services: "Services", wanted: ReplayFilter, *, first: int = 100) -> Preview:
    """Return what `core.webhooks.replay.replay` would do with the same filter, for the first records by receipt.

    Nothing is written and Clio is not asked. Cost: three statements for each 50 records, resource and firm, in
    transactions of their own that are rolled back.

    Raises:
        BadInput, ReplayTooLarge: as `replay` raises them.
    """
    pool = services.database.pool
    matched = await count_matches(pool, wanted)
    limit = min(max(first, 0), PREVIEW_MAX)
    rows = await pool.fetch(_RECORDS, *wanted.arguments(), limit + 1)
    shown: list[RecordPreview] = []
    for start in range(0, min(len(rows), limit), CHUNK):
        ids = [each for row in rows[start : min(start + CHUNK, limit)] for each in row["ids"]]
        claimed = [Claimed(**dict(row)) for row in await pool.fetch(_DELIVERIES, ids)]
        shown += await _preview_chunk(services, claimed)
    places = {(row["firm"], row["resource"], row["record_clio_id"]): place for place, row in enumerate(rows)}
    shown.sort(key=lambda each: places[each.firm, each.resource, each.clio_id])
    return Preview(matched=matched, records=shown, complete=len(rows) <= limit)


async def _preview_chunk(services: "Services", claimed: Sequence[Claimed]) -> list[RecordPreview]:
    records, hopeless = sort_by_record(services.registry, claimed)
    shown = [_dead(each, failure.code) for failure, deliveries in hopeless.items() for each in deliveries]
    together: dict[tuple[int, Resource], list[tuple[RecordDeliveries, ClioPayload]]] = defaultdict(list)
    for record in records:
        try:
            plan = plan_record(record)
        except Exception as error:  # noqa: BLE001 - a plugin's payload may raise anything
            shown.append(_fails(record, error))
            continue
        if isinstance(plan, TakePayload):
            together[record.firm, record.resource].append((record, plan.payload))
        elif isinstance(plan, TakeDeletion):
            shown += await _deletion(services, record, plan)
        else:
            shown.append(_shown(record, "needs_fetch"))
    for group in together.values():
        shown += await _payloads(services, group)
    return shown


async def _payloads(services: "Services", group: Sequence[tuple[RecordDeliveries, ClioPayload]]) -> list[RecordPreview]:
    """Compare records whose payloads would be written together; one by one where one of them cannot be."""

    async def write(connection: Connection) -> list[RecordPreview]:
        ask = await write_payloads(connection, group)
        changed = await changes_made(connection, [record for record, _ in group])
        return [
            _shown(record, "needs_fetch") if record.clio_id in ask else _changed(record, changed.get(record.clio_id))
            for record, _ in group
        ]

    try:
        return await _taken_back(services, write)
    except Exception as error:  # noqa: BLE001 - found out one by one
        raise_if_database_away(error)
        if len(group) == 1:
            return [_fails(group[0][0], error)]
    return [each for alone in group for each in await _payloads(services, [alone])]


async def _deletion(services: "Services", record: RecordDeliveries, plan: TakeDeletion) -> list[RecordPreview]:
    async def write(connection: Connection) -> list[RecordPreview]:
        await write_absence(connection, record, plan.gone, plan.seen_at)
        changed = await changes_made(connection, [record])
        return [_changed(record, changed.get(record.clio_id))]

    return await _taken_back(services, write)


async def _taken_back(
    services: "Services", write: Callable[[Connection], Awaitable[list[RecordPreview]]]
) -> list[RecordPreview]:
    """Return what a write finds in a transaction that is rolled back."""
    found: list[RecordPreview] = []
    try:
        async with services.database.transaction() as connection:
            found = await write(connection)
            raise _TakenBack
    except _TakenBack:
        return found


def _shown(record: RecordDeliveries, effect: Effect, **more: Any) -> RecordPreview:
    return RecordPreview(
        firm=record.firm,
        resource=record.resource.name,
        clio_id=record.clio_id,
        deliveries=len(record.deliveries),
        effect=effect,
        **more,
    )


def _changed(record: RecordDeliveries, changed: Changed | None) -> RecordPreview:
    if changed is None:
        return _shown(record, "unchanged")
    names = sorted(changed.before.keys() | changed.after.keys())
    fields = [
        FieldDifference(name=name, before=changed.before.get(name), after=changed.after.get(name)) for name in names
    ]
    effect: Any = changed.operation
    return _shown(record, effect, fields=fields)


def _fails(record: RecordDeliveries, error: Exception) -> RecordPreview:
    code = error.code if isinstance(error, ServiceError) else ServiceError.code
    log.warning(
        "webhook_replay_preview_failed",
        firm=record.firm,
        resource=record.resource.name,
        deliveries=[each.id for each in record.deliveries],
        error=type(error).__name__,
        where=where_raised(error),
    )
    return _shown(record, "fails", reason=code)


def _dead(each: Claimed, code: str) -> RecordPreview:
    return RecordPreview(
        firm=each.firm, resource=each.resource, clio_id=each.record_clio_id, deliveries=1, effect="dead", reason=code
    )
