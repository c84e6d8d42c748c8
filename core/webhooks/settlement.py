"""Settling one record: from the deliveries about it to the mirror, in one transaction with their new status."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
from pydantic import ValidationError

from core.clio.priority import Priority
from core.db.engine import Connection
from core.mirror.asking import Gone, ask_for
from core.mirror.writer import mark_absent, validate_records, write_records
from core.resource import ClioPayload, Resource
from core.webhooks.claims import Claimed, finish
from core.webhooks.completeness import is_complete
from core.webhooks.isolation import run_each

if TYPE_CHECKING:
    from core.services import Services

DELETED = "deleted"

Outcome = Literal["created", "updated", "deleted", "hidden", "unchanged"]

_OUTCOMES: Mapping[str, Outcome] = {
    "created": "created",
    "updated": "updated",
    "restored": "updated",
    "deleted": "deleted",
}
"""Operation of the change log to outcome of a delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDeliveries:
    """Every delivery about one record that was claimed together, in order of receipt."""

    firm: int
    resource: Resource
    clio_id: int
    deliveries: Sequence[Claimed]

    @property
    def received_at(self) -> datetime.datetime:
        """When the first of them arrived."""
        return self.deliveries[0].received_at


@dataclass(frozen=True, slots=True)
class TakePayload:
    """The newest payload is complete: write it."""

    payload: ClioPayload


@dataclass(frozen=True, slots=True)
class TakeDeletion:
    """Clio said nothing but that the record was deleted, last in this delivery."""

    seen_at: datetime.datetime
    delivery: int

    @property
    def gone(self) -> Gone:
        """What that says of the record."""
        return Gone("deleted", {"webhook": DELETED, "delivery": self.delivery})


@dataclass(frozen=True, slots=True)
class Ask:
    """Only Clio can tell: one fetch settles all of them."""


Plan: TypeAlias = TakePayload | TakeDeletion | Ask


def plan_record(record: RecordDeliveries) -> Plan:
    """Decide how the deliveries of one record are settled; no I/O.

    A payload is taken as data only when every one of them is complete and the newest is unambiguous: Clio's clock
    counts whole seconds, so two different payloads of the same second cannot be put in order. A deletion is taken at
    its word only where it is final: out of a trash a record may have come back before it was told.
    """
    deleted = [each for each in record.deliveries if each.event == DELETED]
    if len(deleted) == len(record.deliveries) and record.resource.trash_column is None:
        return TakeDeletion(deleted[-1].received_at, deleted[-1].id)
    if deleted:
        return Ask()
    payloads = [read_payload(record.resource, each.body) for each in record.deliveries]
    complete = [each for each in payloads if each is not None and each.updated_at is not None]
    if len(complete) < len(payloads):
        return Ask()
    newest = max(each.updated_at for each in complete if each.updated_at)
    candidates = [each for each in complete if each.updated_at == newest]
    if any(each != candidates[0] for each in candidates):
        return Ask()
    return TakePayload(candidates[0])


def read_payload(resource: Resource, body: bytes) -> ClioPayload | None:
    """Return the record in a delivery; None unless it is complete and fits the payload model."""
    data = msgspec.json.decode(body)["data"]
    if not is_complete(data, resource.endpoint.fields):
        return None
    try:
        payload = resource.endpoint.payload.model_validate(data)
    except ValidationError:
        return None
    payload.to_row()  # here, where a plugin's code has its time limit, rather than first while a transaction is open
    return payload


async def settle_record(services: "Services", record: RecordDeliveries, plan: Plan) -> list[tuple[Claimed, Outcome]]:
    """Settle every delivery of one record and return those that were still held, with their outcome.

    Cost: at most one request to Clio, two where it hides the record; two transactions. This is the place where a
    resource with a way of its own takes over.

    Raises:
        ServiceError: as `ClioClient.record` and `validate_records` raise it; nothing is settled then.
    """
    if isinstance(plan, TakeDeletion):
        async with services.database.transaction() as connection:
            return await _mark(connection, record, plan.gone, plan.seen_at)
    if isinstance(plan, TakePayload):
        written = await settle_payloads(services, [(record, plan.payload)])
        if not written.ask:
            return written.settled
    return await _fetch(services, record)


@dataclass(frozen=True, slots=True)
class PayloadsWritten:
    """What a write of payloads settled, and the records that want a fetch after all."""

    settled: list[tuple[Claimed, Outcome]]
    ask: list[RecordDeliveries]


async def settle_payloads(
    services: "Services", records: Sequence[tuple[RecordDeliveries, ClioPayload]]
) -> PayloadsWritten:
    """Write complete payloads of one firm and resource, and settle their deliveries with them, in one transaction."""
    async with services.database.transaction() as connection:
        ask = await write_payloads(connection, records)
        sure = [record for record, _ in records if record.clio_id not in ask]
        outcomes = await _outcomes(connection, sure)
        settled = await _finish(connection, [(record, outcomes.get(record.clio_id, "unchanged")) for record in sure])
    return PayloadsWritten(settled, [record for record, _ in records if record.clio_id in ask])


async def write_payloads(
    connection: Connection, records: Sequence[tuple[RecordDeliveries, ClioPayload]]
) -> frozenset[int]:
    """Write complete payloads of one firm and resource; return the Clio ids that only a fetch can settle.

    `seen_at` of all is when the first delivery arrived: to say that a row was seen earlier than it was only lets later
    evidence win, to say later would let it lose. Three statements, in the caller's transaction.
    """
    first = records[0][0]
    gone = await _once_deleted(connection, first.firm, first.resource, [record.clio_id for record, _ in records])
    result = await write_records(
        connection,
        first.resource,
        firm=first.firm,
        payloads=[payload for record, payload in records if record.clio_id not in gone],
        seen_at=min(record.received_at for record, _ in records),
        source="webhook",
    )
    return gone.union(result.held_back)


async def write_absence(
    connection: Connection, record: RecordDeliveries, gone: Gone, seen_at: datetime.datetime
) -> bool:
    """Mark a record absent on what was told or answered at `seen_at`; return whether that changed anything."""
    return await mark_absent(
        connection,
        record.resource,
        firm=record.firm,
        clio_id=record.clio_id,
        presence=gone.presence,
        seen_at=seen_at,
        source="webhook",
        evidence=gone.evidence,
    )


async def _fetch(services: "Services", record: RecordDeliveries) -> list[tuple[Claimed, Outcome]]:
    """Ask Clio for the record, and write the answer or how the record is absent."""
    seen_at = datetime.datetime.now(datetime.UTC)
    client, endpoint = services.accounts.client(record.firm), record.resource.endpoint
    answer = await ask_for(client, endpoint, record.clio_id, priority=Priority.WEBHOOK)
    if isinstance(answer, Gone) and answer.presence == "hidden":
        # Where the list is forbidden as well it raises: that is about the resource, and says nothing of the record.
        await client.records(endpoint, [record.clio_id], priority=Priority.WEBHOOK)
    if isinstance(answer, Gone):
        async with services.database.transaction() as connection:
            evidence = {**answer.evidence, "delivery": record.deliveries[-1].id}
            return await _mark(connection, record, Gone(answer.presence, evidence), seen_at)
    [payloads] = await run_each(partial(validate_records, record.resource), [[answer]])
    if isinstance(payloads, Exception):
        raise payloads
    async with services.database.transaction() as connection:
        await write_records(
            connection,
            record.resource,
            firm=record.firm,
            payloads=payloads,
            seen_at=seen_at,
            source="webhook",
            authoritative=True,
        )
        outcomes = await _outcomes(connection, [record])
        return await _finish(connection, [(record, outcomes.get(record.clio_id, "unchanged"))])


async def _mark(
    connection: Connection, record: RecordDeliveries, gone: Gone, seen_at: datetime.datetime
) -> list[tuple[Claimed, Outcome]]:
    changed = await write_absence(connection, record, gone, seen_at)
    return await _finish(connection, [(record, gone.presence if changed else "unchanged")])


async def _finish(
    connection: Connection, records: Sequence[tuple[RecordDeliveries, Outcome]]
) -> list[tuple[Claimed, Outcome]]:
    """Mark the deliveries of each record processed: one carries the outcome, the others changed nothing themselves."""
    by_outcome: dict[Outcome, list[Claimed]] = {}
    for record, outcome in records:
        carrier = _carrier(record.deliveries, outcome)
        for each in record.deliveries:
            by_outcome.setdefault(outcome if each is carrier else "unchanged", []).append(each)
    settled: list[tuple[Claimed, Outcome]] = []
    for outcome, claimed in by_outcome.items():
        settled += [(each, outcome) for each in await finish(connection, claimed, outcome)]
    return settled


def _carrier(deliveries: Sequence[Claimed], outcome: Outcome) -> Claimed:
    """The delivery that is said to have had the effect: the last one, or of a deletion the last that told of it."""
    told = [each for each in deliveries if (each.event == DELETED) == (outcome == "deleted")]
    return (told or deliveries)[-1]


async def _once_deleted(
    connection: Connection, firm: int, resource: Resource, clio_ids: Sequence[int]
) -> frozenset[int]:
    """Return the ids that the mirror has no row of and that a delivery said were deleted.

    A `created` that comes after its `deleted` finds no row to be older than, and must not bring the record back.
    """
    missing = await connection.fetch(
        f"""SELECT wanted.clio_id FROM unnest($2::bigint[]) AS wanted (clio_id)
        WHERE NOT EXISTS (
            SELECT FROM "{resource.table_name}" AS stored WHERE stored.firm = $1 AND stored.clio_id = wanted.clio_id
        )""",
        firm,
        clio_ids,
    )
    if not missing:
        return frozenset()
    told = await connection.fetch(
        """SELECT DISTINCT record_clio_id FROM webhook_delivery
        WHERE firm = $1 AND resource = $2 AND record_clio_id = ANY ($3::bigint[]) AND event = 'deleted'""",
        firm,
        resource.name,
        [row["clio_id"] for row in missing],
    )
    return frozenset(row["record_clio_id"] for row in told)


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of a record in the open transaction: what happened, and the columns that differ before and after."""

    operation: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


async def changes_made(connection: Connection, records: Sequence[RecordDeliveries]) -> dict[int, Changed]:
    """Return what this transaction changed of records of one firm and resource, by Clio id. One statement."""
    if not records:
        return {}
    rows = await connection.fetch(
        """SELECT clio_id, operation, before, after FROM change
        WHERE firm = $1 AND resource = $2 AND clio_id = ANY ($3::bigint[])
            AND committed_in = pg_current_xact_id()::text::bigint AND recorded_at = now()
        ORDER BY id DESC""",
        records[0].firm,
        records[0].resource.name,
        [record.clio_id for record in records],
    )
    return {row["clio_id"]: Changed(row["operation"], row["before"] or {}, row["after"] or {}) for row in rows}


async def _outcomes(connection: Connection, records: Sequence[RecordDeliveries]) -> dict[int, Outcome]:
    """Return what this transaction did, by Clio id."""
    return {clio_id: _OUTCOMES[each.operation] for clio_id, each in (await changes_made(connection, records)).items()}
