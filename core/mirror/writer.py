"""Writing records into the mirror: newer-only, in bulk, each change recorded in the same statement."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError

from core.db.engine import Executor
from core.errors import ClioUnexpectedAnswer, LeaseLost, ServiceError
from core.mirror.lines import LINE_END, encode_records
from core.mirror.quick import QuickReader, quick_reader
from core.mirror.statement import presence_statement, write_statement
from core.resource import ClioPayload, Resource

Source = Literal["backfill", "incremental", "reconcile", "webhook"]
Absence = Literal["deleted", "hidden", "unknown"]
Evidence: TypeAlias = Mapping[str, str | int | bool]
"""What a change of presence rests on: who was asked, or who told, and what was answered."""

T = TypeVar("T")

RACE_RETRIES = 5

PART = 25
"""Records that are checked or encoded without a pause: about a millisecond."""

TURNS = 4
"""How often a pause lets others go on: to ask Redis or Clio something takes them a few turns."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a page of a run moves when it is written. `total` is Clio's count of all records, where it was told.

    `at_url` is where the run stands when it is the page's turn; elsewhere nothing is written. `read_to` is the highest
    Clio id read so far, and `requests` how many Clio was sent since the last page.
    """

    run_id: int
    lease_owner: str
    lease_s: float
    at_url: str | None
    next_url: str | None
    total: int | None
    read_to: int = 0
    requests: int = 0

    def arguments(self) -> list[Any]:
        """Return the parameters $8 to $14 of the statement."""
        return [self.lease_owner, self.next_url, self.lease_s, self.total, self.read_to, self.requests, self.at_url]


class OutOfTurn(Exception):
    """The run stands elsewhere than at the page: nothing of it was written. Write it after the one before it."""


@dataclass(frozen=True, kw_only=True)
class WriteResult:
    """What became of a page. `held_back` are Clio ids that differ from the mirror and were not newer."""

    created: int
    updated: int
    unchanged: int
    held_back: Sequence[int]

    @property
    def is_new_throughout(self) -> bool:
        """Whether every record was new to the mirror."""
        return self.unchanged == self.updated == 0


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records of one resource, checked and encoded for the statement; `inner` are those that came inside them.

    Of each record its Clio id, and a line of JSON with its columns, in the same order; no id is there twice.
    """

    resource: Resource
    clio_ids: Sequence[int]
    lines: str
    inner: Sequence["Batch"]


def is_redacted(record: object) -> bool:
    """Whether Clio marks a record as one that the connected user may not see: whatever else it says is null."""
    return isinstance(record, dict) and record.get("redacted") is True


def validate_records(resource: Resource, records: Sequence[dict[str, Any]]) -> list[ClioPayload]:
    """Check records as Clio sent them against the resource's payload model; redacted ones say nothing and are left out.

    Raises:
        ClioUnexpectedAnswer: names the fields that do not fit, never their values.
    """
    try:
        return _adapter(resource.endpoint.payload).validate_python(
            [record for record in records if not is_redacted(record)]
        )
    except ValidationError as error:
        fields = sorted({".".join(str(part) for part in detail["loc"][1:]) for detail in error.errors()})
        raise ClioUnexpectedAnswer(
            f"clio sent {resource.plural} that do not fit their payload model in: {', '.join(fields)}"
        ) from error


@lru_cache(maxsize=256)
def _adapter(payload: type[ClioPayload]) -> TypeAdapter[list[ClioPayload]]:
    return TypeAdapter(list[payload])  # type: ignore[valid-type]


async def check_records(resource: Resource, records: Sequence[dict[str, Any]]) -> Batch:
    """Check records as Clio sent them, and encode them; errors are those of `validate_records`. No I/O.

    In parts, between which others have their turn: whoever waits for an answer meanwhile is not held up by a page.
    """
    quick = quick_reader(resource)
    if quick is not None and (batch := await _read_quickly(quick, resource, records)) is not None:
        return batch
    payloads: list[ClioPayload] = []
    async for part in _parts(records):
        payloads += validate_records(resource, part)
    return await make_batch(resource, payloads)


async def _read_quickly(quick: QuickReader, resource: Resource, records: Sequence[dict[str, Any]]) -> Batch | None:
    """Return the batch, of which pydantic read what the quick way does not take; None where a record is there twice."""
    clio_ids, texts = list[int](), list[str]()
    async for part in _parts(records):
        read = quick.read(part)
        if read is None:
            payloads = validate_records(resource, part)
            read = [payload.id for payload in payloads], encode_records(resource, payloads)
        clio_ids += read[0]
        texts += [read[1]] if read[0] else []
    if len({*clio_ids}) < len(clio_ids):
        return None
    return Batch(resource=resource, clio_ids=clio_ids, lines=LINE_END.join(texts), inner=[])


async def make_batch(resource: Resource, payloads: Sequence[ClioPayload]) -> Batch:
    """Encode records of one resource, and those of other resources that they hold (`Resource.embeds`). No I/O."""
    newest, inner = _newest(payloads), list[Batch]()
    texts = [encode_records(resource, part) async for part in _parts([*newest.values()])]
    for each in resource.embeds:
        if held := [one for payload in payloads for one in each.take(payload)]:
            inner.append(await make_batch(each.resource, held))
    return Batch(resource=resource, clio_ids=[*newest], lines=LINE_END.join(texts), inner=inner)


async def _parts(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    for at in range(0, len(items), PART):
        for _ in range(TURNS if at else 0):
            await asyncio.sleep(0)
        yield items[at : at + PART]


async def write_records(
    database: Executor,
    resource: Resource,
    *,
    firm: int,
    payloads: Sequence[ClioPayload],
    seen_at: datetime.datetime,
    source: Source,
    authoritative: bool | None = None,
    checkpoint: Checkpoint | None = None,
    run: int | None = None,
) -> WriteResult:
    """Write records of one resource and firm, in one statement.

    `seen_at` is when the request or delivery that brought them began. A webhook's payload is a hint: it is taken only
    when it is newer than the row by Clio's clock, and never revives a deleted record; ids in `held_back` want a fetch.
    `authoritative` says whether the records were read from Clio; unless given, all but a webhook's were. A record that
    the mirror does not have is left out where it was deleted after `seen_at`. `run` is the run whose changes they are,
    where no checkpoint says so.

    Raises:
        LeaseLost: the run of the checkpoint is no longer this worker's; nothing was written.
        OutOfTurn: the run stands elsewhere; nothing was written.
    """
    return await write_batch(
        database,
        await make_batch(resource, payloads),
        firm=firm,
        seen_at=seen_at,
        source=source,
        authoritative=authoritative,
        checkpoint=checkpoint,
        run=run,
    )


async def write_batch(
    database: Executor,
    batch: Batch,
    *,
    firm: int,
    seen_at: datetime.datetime,
    source: Source,
    authoritative: bool | None = None,
    checkpoint: Checkpoint | None = None,
    run: int | None = None,
    is_new: bool = False,
) -> WriteResult:
    """Write a batch as `write_records` does; what came inside its records goes first, one statement a resource.

    `is_new` says that none of the records is expected in the mirror. That changes nothing but the cost: less where it
    is true, and one statement more where it is not.
    """
    if authoritative is None:
        authoritative = source != "webhook"
    run = run if checkpoint is None else checkpoint.run_id
    for inner in batch.inner:
        how: Any = {"seen_at": seen_at, "source": source, "authoritative": authoritative, "run": run, "is_new": is_new}
        await write_batch(database, inner, firm=firm, **how)
    resource = batch.resource
    kind: Any = {"authoritative": authoritative, "with_checkpoint": checkpoint is not None}
    arguments: list[Any] = [batch.lines, firm, seen_at, source, resource.name, run, batch.clio_ids]
    if checkpoint is not None:
        arguments += checkpoint.arguments()
    created = updated = 0
    for attempt in range(RACE_RETRIES):
        statement = write_statement(resource, **kind, only_inserts=is_new and attempt == 0)
        row = await database.fetchrow(statement, *arguments)
        if row is None:
            raise ServiceError(f"the write of {resource.plural} returned nothing: this is a defect of the statement")
        if not row["leased"]:
            raise LeaseLost(f"run {run} was taken over by another worker: stop working on it")
        if not row["in_turn"]:
            raise OutOfTurn(f"run {run} stands elsewhere")
        created, updated = created + row["created"], updated + row["updated"]
        if row["raced"] == 0:
            break
    else:
        raise ServiceError(f"{resource.plural} keep being written by somebody else at once: try the page again")
    unchanged = len(batch.clio_ids) - created - updated
    return WriteResult(created=created, updated=updated, unchanged=unchanged, held_back=row["held_back"])


async def mark_absent(
    database: Executor,
    resource: Resource,
    *,
    firm: int,
    clio_id: int,
    presence: Absence,
    seen_at: datetime.datetime,
    source: Source,
    evidence: Evidence,
    run: int | None = None,
) -> bool:
    """Move one record's presence on evidence; return whether anything changed. One statement.

    `evidence` is kept with the change (`docs/architecture.md`, Evidence); it holds no data of a client's.
    """
    row = await database.fetchrow(
        presence_statement(resource), firm, clio_id, presence, seen_at, source, resource.name, dict(evidence), run
    )
    return row is not None


def _newest(payloads: Iterable[ClioPayload]) -> dict[int, ClioPayload]:
    """Return the records by id; of one that is there twice, the newer."""
    newest: dict[int, ClioPayload] = {}
    for payload in payloads:
        known = newest.get(payload.id)
        if known is None or _age(payload) >= _age(known):
            newest[payload.id] = payload
    return newest


def _age(payload: ClioPayload) -> float:
    return payload.updated_at.timestamp() if payload.updated_at else 0.0
