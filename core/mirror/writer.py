"""Writing records into the mirror: newer-only, in bulk, each change recorded in the same statement."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec
from pydantic import TypeAdapter, ValidationError

from core.db.engine import Executor
from core.errors import ClioUnexpectedAnswer, LeaseLost, ServiceError
from core.mirror.statement import presence_statement, write_statement
from core.resource import ClioPayload, Nested, Resource

Source = Literal["backfill", "incremental", "reconcile", "webhook"]
Absence = Literal["deleted", "hidden", "unknown"]
Evidence: TypeAlias = Mapping[str, str | int | bool]
"""What a change of presence rests on: who was asked, or who told, and what was answered."""

RACE_RETRIES = 5


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a page of a run moves when it is written. `total` is Clio's count of all records, where it was told.

    `read_to` is the highest Clio id read so far, and `requests` how many Clio was sent since the last page.
    """

    run_id: int
    lease_owner: str
    lease_s: float
    next_url: str | None
    total: int | None
    read_to: int = 0
    requests: int = 0

    def arguments(self) -> list[Any]:
        """Return the parameters $7 to $12 of the statement."""
        return [self.lease_owner, self.next_url, self.lease_s, self.total, self.read_to, self.requests]


@dataclass(frozen=True, kw_only=True)
class WriteResult:
    """What became of a page. `held_back` are Clio ids that differ from the mirror and were not newer."""

    created: int
    updated: int
    unchanged: int
    held_back: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records of one resource, checked and encoded for the statement; `inner` are those that came inside them.

    `count` is that of different records.
    """

    resource: Resource
    text: str
    count: int
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


def check_records(resource: Resource, records: Sequence[dict[str, Any]]) -> Batch:
    """Check records as Clio sent them, and encode them; errors are those of `validate_records`. No I/O."""
    return make_batch(resource, validate_records(resource, records))


def make_batch(resource: Resource, payloads: Sequence[ClioPayload]) -> Batch:
    """Encode records of one resource, and those of other resources that they hold (`Resource.embeds`). No I/O."""
    inner = ((each.resource, [held for payload in payloads for held in each.take(payload)]) for each in resource.embeds)
    rows = _rows(payloads)
    return Batch(
        resource=resource,
        text=_storable(rows),
        count=len(rows),
        inner=[make_batch(embedded, held) for embedded, held in inner if held],
    )


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
        LeaseLost: the run of the checkpoint is no longer this worker's; the records are written all the same.
    """
    return await write_batch(
        database,
        make_batch(resource, payloads),
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
    arguments: list[Any] = [batch.text, firm, seen_at, source, resource.name, run]
    if checkpoint is not None:
        arguments += checkpoint.arguments()
    created = updated = 0
    for attempt in range(RACE_RETRIES):
        statement = write_statement(resource, **kind, only_inserts=is_new and attempt == 0)
        row = await database.fetchrow(statement, *arguments)
        if row is None:
            raise ServiceError(f"the write of {resource.plural} returned nothing: this is a defect of the statement")
        created, updated = created + row["created"], updated + row["updated"]
        if row["raced"] == 0:
            break
    else:
        raise ServiceError(f"{resource.plural} keep being written by somebody else at once: try the page again")
    if not row["leased"]:
        raise LeaseLost(f"run {arguments[5]} was taken over by another worker: stop working on it")
    unchanged = batch.count - created - updated
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


def encode_records(payloads: Iterable[ClioPayload]) -> str:
    """Return the rows of a page as JSON text, nulls left out; of a record that is there twice, the newer one."""
    return _storable(_rows(payloads))


def _rows(payloads: Iterable[ClioPayload]) -> list[dict[str, Any]]:
    newest: dict[int, ClioPayload] = {}
    for payload in payloads:
        known = newest.get(payload.id)
        if known is None or _age(payload) >= _age(known):
            newest[payload.id] = payload
    return [_row(payload) for payload in newest.values()]


def _row(payload: ClioPayload) -> dict[str, Any]:
    row = {name: value for name, value in payload.to_row().items() if value is not None}
    common = {"clio_created_at": payload.created_at, "clio_updated_at": payload.updated_at, "etag": payload.etag}
    row |= {name: value for name, value in common.items() if value is not None}
    row["clio_id"] = payload.id
    return row


def _storable(rows: list[dict[str, Any]]) -> str:
    """Return rows as JSON; NUL, which PostgreSQL cannot hold in text, becomes U+FFFD."""
    encoded = msgspec.json.encode(rows, enc_hook=_encode)
    if b"\\u0000" in encoded:
        encoded = msgspec.json.encode(_without_nul(msgspec.json.decode(encoded)))
    return encoded.decode()


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {name: _without_nul(item) for name, item in value.items()}
        case _:
            return value


def _age(payload: ClioPayload) -> float:
    return payload.updated_at.timestamp() if payload.updated_at else 0.0


def _encode(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Nested):
        return value.to_json()
    raise TypeError(f"a row holds a {type(value).__name__}: to_row() must return plain values")
