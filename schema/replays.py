"""The mutation `replayDeliveries`: deliveries of the raw log applied again, or what that would change."""

import datetime
import json
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

import strawberry

from core.errors import BadInput
from core.webhooks.replay import Matched, ReplayFilter, replay, resources_of
from core.webhooks.replay_preview import PREVIEW_MAX, RecordPreview, preview
from schema.context import Info
from schema.global_ids import read_number
from schema.mutation_errors import Errors, collecting, firms_of


@strawberry.enum(description="A status from which a delivery can be replayed.")
class ReplayableStatus(Enum):
    """Values are those of the column."""

    PROCESSED = strawberry.enum_value("processed", description="Settled.")
    FAILED = strawberry.enum_value("failed", description="Waits for another attempt.")
    DEAD = strawberry.enum_value("dead", description="Given up.")


@strawberry.enum(description="What its matching deliveries would do to a record.")
class ReplayEffect(Enum):
    """Values are those of `core.webhooks.replay_preview.Effect`."""

    CREATED = strawberry.enum_value("created", description="The mirror would gain it.")
    UPDATED = strawberry.enum_value("updated", description="Fields would change.")
    RESTORED = strawberry.enum_value("restored", description="It would be present again.")
    DELETED = strawberry.enum_value("deleted", description="It would be marked as deleted.")
    UNCHANGED = strawberry.enum_value("unchanged", description="The mirror holds the same, or something newer.")
    NEEDS_FETCH = strawberry.enum_value("needs_fetch", description="Only Clio can tell: it would be read.")
    FAILS = strawberry.enum_value("fails", description="It could not be written; `reason` is the code.")
    DEAD = strawberry.enum_value("dead", description="It would be a dead letter again; `reason` is the code.")


@strawberry.input(description="Which deliveries to replay; all given must hold, and one at least must be given.")
class ReplayDeliveriesFilter:
    """As `core.webhooks.replay.ReplayFilter`."""

    status: list[ReplayableStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="One of these; any that can be replayed unless given."
    )
    model: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="One of these of Clio's webhook models."
    )
    event: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="One of these events, such as updated."
    )
    resource: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="About one of these resources, such as contact."
    )
    plugin: str | None = strawberry.field(
        default=strawberry.UNSET, description="About any resource of a plugin; not together with `resource`."
    )
    record_clio_id: list[strawberry.ID] | None = strawberry.field(
        default=strawberry.UNSET, description="About one of these records, by Clio's id."
    )
    error_code: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="With one of these codes of the latest error."
    )
    received_from: datetime.datetime | None = strawberry.field(
        default=strawberry.UNSET, description="First received then or later."
    )
    received_before: datetime.datetime | None = strawberry.field(
        default=strawberry.UNSET, description="First received earlier than that."
    )


@strawberry.type(description="How many deliveries of one status and model a replay matches.")
class ReplayCount:
    """One line of a summary."""

    status: str = strawberry.field(description="Their status before the replay.")
    model: str = strawberry.field(description="Clio's webhook model.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="A field of a record that a replay would change.")
class ReplayFieldDifference:
    """One column of the mirror."""

    name: str = strawberry.field(description="Name of the column, such as first_name.")
    before: str | None = strawberry.field(description="What the mirror holds, as JSON; null where it holds nothing.")
    after: str | None = strawberry.field(description="What it would hold, as JSON; null where it would be empty.")


@strawberry.type(description="What a replay would do to one record.")
class ReplayRecord:
    """Deliveries that can never be applied are each listed alone."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    resource: str = strawberry.field(description="Name of the resource.")
    clio_id: strawberry.ID | None = strawberry.field(description="Clio's id; null where the body names no record.")
    deliveries: int = strawberry.field(description="Matching deliveries about it.")
    effect: ReplayEffect = strawberry.field(description="What they would do together.")
    reason: str | None = strawberry.field(description="A code where the effect is FAILS or DEAD.")
    fields: list[ReplayFieldDifference] = strawberry.field(description="What would change, by name.")


@strawberry.type(description="Answer of replayDeliveries.")
class ReplayDeliveriesPayload:
    """What matched, what was done, and of a dry run what would change."""

    matched: int = strawberry.field(description="Deliveries that the filter matches.")
    counts: list[ReplayCount] = strawberry.field(description="The same by status and model.")
    reopened: int = strawberry.field(
        description="Deliveries that will be applied again; 0 in a dry run. What a worker held just then is left alone."
    )
    records: list[ReplayRecord] = strawberry.field(
        description="In a dry run the first records by receipt, at most `first`; empty otherwise."
    )
    complete: bool = strawberry.field(description="Whether `records` are all that match; true without a dry run.")
    errors: Errors = strawberry.field(description="Empty when all went well.")


async def _replay_deliveries(
    info: Info,
    filter: Annotated[ReplayDeliveriesFilter, strawberry.argument(description="Which deliveries.")],  # noqa: A002
    dry_run: Annotated[
        bool | None,
        strawberry.argument(description="Change nothing, and show what would change; needs the scope `read` as well."),
    ] = strawberry.UNSET,
    first: Annotated[
        int | None,
        strawberry.argument(description="Records a dry run shows, at most 500; 100 unless given."),
    ] = strawberry.UNSET,
    firm: Annotated[
        strawberry.ID | None, strawberry.argument(description="One firm; all of the caller's unless given.")
    ] = strawberry.UNSET,
) -> ReplayDeliveriesPayload:
    context = info.context
    payload = ReplayDeliveriesPayload(matched=0, counts=[], reopened=0, records=[], complete=True, errors=[])
    if dry_run:
        context.principal.require_scope("read")
    async with collecting(payload.errors, "filter"):
        if first and not 0 < first <= PREVIEW_MAX:
            raise BadInput(f"first must be between 1 and {PREVIEW_MAX}")
        firms = await firms_of(context, firm or None)
        wanted = _read(filter, firms, context.services.registry)
        if dry_run:
            shown = await preview(context.services, wanted, first=first or 100)
            _count(payload, shown.matched)
            payload.records = [_record(each) for each in shown.records]
            payload.complete = shown.complete
        else:
            done = await replay(context.services, wanted)
            _count(payload, done.matched)
            payload.reopened = done.reopened
    return payload


def _read(given: ReplayDeliveriesFilter, firms: Sequence[int], registry: Any) -> ReplayFilter:
    """Return the filter as core takes it.

    Raises:
        BadInput: nothing is asked, both plugin and resource are, or an id is not a number.
        NotFound: there is no such plugin.
    """
    asked = {name: value for name, value in vars(given).items() if value not in (strawberry.UNSET, None)}
    if not asked:
        raise BadInput("say which deliveries: by status, receivedFrom, model, recordClioId or another condition")
    if "plugin" in asked and "resource" in asked:
        raise BadInput("pass one of plugin and resource")
    return ReplayFilter(
        firms=firms,
        statuses=[each.value for each in asked["status"]] if "status" in asked else None,
        models=asked.get("model"),
        events=asked.get("event"),
        resources=resources_of(registry, asked["plugin"]) if "plugin" in asked else asked.get("resource"),
        record_clio_ids=[read_number(each, name="recordClioId") for each in asked["record_clio_id"]]
        if "record_clio_id" in asked
        else None,
        error_codes=asked.get("error_code"),
        received_from=asked.get("received_from"),
        received_before=asked.get("received_before"),
    )


def _count(payload: ReplayDeliveriesPayload, matched: Sequence[Matched]) -> None:
    payload.matched = sum(each.count for each in matched)
    payload.counts = [ReplayCount(status=each.status, model=each.model, count=each.count) for each in matched]


def _record(each: RecordPreview) -> ReplayRecord:
    return ReplayRecord(
        firm=strawberry.ID(str(each.firm)),
        resource=each.resource,
        clio_id=None if each.clio_id is None else strawberry.ID(str(each.clio_id)),
        deliveries=each.deliveries,
        effect=ReplayEffect(each.effect),
        reason=each.reason,
        fields=[
            ReplayFieldDifference(name=field.name, before=_json(field.before), after=_json(field.after))
            for field in each.fields
        ],
    )


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


REPLAY_DELIVERIES: Any = strawberry.field(
    resolver=_replay_deliveries,
    description="Have webhook deliveries of the raw log applied again, at most 10,000 at once, or show what that would"
    " change.",
)
