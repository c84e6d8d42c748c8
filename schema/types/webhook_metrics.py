"""Figures about webhook deliveries: what was counted in Redis, and what the inbox holds at this moment."""

import datetime
from collections.abc import Callable
from enum import Enum
from typing import Any

import strawberry

from core.metrics.figures import Figures
from core.metrics.histograms import RELATIVE_ERROR, Histogram
from core.metrics.keys import RESOLUTIONS, Entry, Resolution
from core.metrics.queries import Report
from schema.context import Info
from schema.read.listing import Kind
from schema.read.parameters import Parameters, firm_predicate
from schema.read.readers import fetch
from schema.read.statements import Statement
from schema.scalars import BigInt
from schema.types.webhooks import WEBHOOK_DELIVERIES


@strawberry.enum(description="How finely webhook metrics are kept, and for how long.")
class MetricsResolution(Enum):
    """Values are the names of `core.metrics.keys.RESOLUTIONS`."""

    MINUTE = strawberry.enum_value("minute", description="Kept for 2 days.")
    HOUR = strawberry.enum_value("hour", description="Kept for 62 days.")
    DAY = strawberry.enum_value("day", description="Days of UTC, kept for 760 days.")


def resolution_of(name: MetricsResolution) -> Resolution:
    """Return what a name stands for."""
    return next(each for each in RESOLUTIONS if MetricsResolution(each.name) is name)


def _quantile(part: float) -> Any:
    def resolve(root: Any) -> float | None:
        found: float | None = root.histogram.quantile(part)
        return None if found is None else float(f"{found:.4g}")

    text = (
        f"{part:.0%} took no longer: seconds, four digits, at most {RELATIVE_ERROR:.0%} off; "
        "null where nothing was measured."
    )
    return strawberry.field(resolver=resolve, description=text)


def _count(root: Any) -> int:
    return int(root.histogram.count)


@strawberry.type(description="How long something took.")
class LatencyMetrics:
    """Quantiles of one histogram."""

    histogram: strawberry.Private[Histogram]
    count: int = strawberry.field(resolver=_count, description="Durations that were measured.")
    p50_s: float | None = _quantile(0.5)
    p95_s: float | None = _quantile(0.95)
    p99_s: float | None = _quantile(0.99)


@strawberry.type(description="What became of some deliveries, by the time of their first receipt.")
class WebhookFigures:
    """Fields are those of `core.metrics.figures.Figures`."""

    received: int = strawberry.field(description="Deliveries committed, each counted once however often it came.")
    duplicates: int = strawberry.field(description="Further receipts of deliveries that were committed before.")
    forged: int = strawberry.field(description="Deliveries refused because Clio had not signed them.")
    processed: int = strawberry.field(description="Deliveries applied to the mirror, or found to change nothing.")
    pending: int = strawberry.field(description="Deliveries neither processed nor dead yet.")
    dead: int = strawberry.field(description="Deliveries given up: dead letters.")
    failures: int = strawberry.field(description="Attempts that failed, the last ones of dead letters included.")
    retries: int = strawberry.field(description="Attempts after the first, whatever came of them.")
    body_bytes: BigInt = strawberry.field(description="Bytes of the bodies committed, those of duplicates included.")
    success_rate: float | None = strawberry.field(
        description="processed / (processed + dead), 0 to 1; null where nothing is settled."
    )
    ingest_latency: LatencyMetrics = strawberry.field(
        description="From the beginning of the request to the commit, of first receipts."
    )
    end_to_end_latency: LatencyMetrics = strawberry.field(
        description="From receipt to the commit in the mirror, of processed deliveries."
    )


def shown(figures: Figures) -> WebhookFigures:
    """Return figures as the API shows them."""
    return WebhookFigures(
        received=figures.received,
        duplicates=figures.duplicates,
        forged=figures.forged,
        processed=figures.processed,
        pending=figures.pending,
        dead=figures.dead,
        failures=figures.failures,
        retries=figures.retries,
        body_bytes=BigInt(figures.body_bytes),
        success_rate=figures.success_rate,
        ingest_latency=LatencyMetrics(histogram=figures.ingest),
        end_to_end_latency=LatencyMetrics(histogram=figures.end_to_end),
    )


@strawberry.type(description="The figures of one firm.")
class WebhookFirmMetrics:
    """One row of `byFirm`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    figures: WebhookFigures = strawberry.field(description="Its figures.")


@strawberry.type(description="The figures of one webhook model.")
class WebhookModelMetrics:
    """One row of `byModel`."""

    model: str = strawberry.field(description="Clio's webhook model.")
    figures: WebhookFigures = strawberry.field(description="Its figures.")


@strawberry.type(description="The figures of one event.")
class WebhookEventMetrics:
    """One row of `byEvent`."""

    event: str = strawberry.field(
        description="created, updated, deleted, or one of the model's own; unknown for what is forged or unreadable."
    )
    figures: WebhookFigures = strawberry.field(description="Its figures.")


@strawberry.type(description="The figures of one Clio user. Clio never tells who made a change.")
class WebhookUserMetrics:
    """One row of `byUser`."""

    user_clio_id: strawberry.ID | None = strawberry.field(
        description="Clio's id of the user whom the record in the delivery names: `user` of an activity or a matter, "
        "`creator` of a document or a folder. Null where it names none, as a contact and most deletions do."
    )
    figures: WebhookFigures = strawberry.field(description="Their figures.")


@strawberry.type(description="How many deliveries came to one status.")
class WebhookStatusMetrics:
    """One row of `byStatus`."""

    status: str = strawberry.field(
        description="received, duplicate, forged, processed, pending, dead, failed (attempts) or retried (attempts)."
    )
    count: int = strawberry.field(description="Deliveries, or attempts; as in the figures.")


@strawberry.type(description="The figures of one minute, hour or day.")
class WebhookBucket:
    """One row of `buckets`."""

    start_at: datetime.datetime = strawberry.field(description="When it begins.")
    figures: WebhookFigures = strawberry.field(description="Figures of the deliveries first received in it.")


@strawberry.type(description="How many deliveries have one status.")
class StatusCount:
    """One bar of a chart."""

    status: str = strawberry.field(description="received, processing, processed, failed or dead.")
    count: int = strawberry.field(description="Deliveries with that status.")


def _instant(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _groups(root: Any, group: Callable[[Entry], Any]) -> list[tuple[Any, WebhookFigures]]:
    return [(name, shown(figures)) for name, figures in sorted(root.report.by(group).items())]


def _by_firm(root: Any) -> list[WebhookFirmMetrics]:
    groups = _groups(root, lambda entry: entry.firm)
    return [WebhookFirmMetrics(firm=strawberry.ID(str(firm)), figures=each) for firm, each in groups]


def _by_model(root: Any) -> list[WebhookModelMetrics]:
    groups = _groups(root, lambda entry: entry.model)
    return [WebhookModelMetrics(model=model, figures=each) for model, each in groups]


def _by_event(root: Any) -> list[WebhookEventMetrics]:
    groups = _groups(root, lambda entry: entry.event)
    return [WebhookEventMetrics(event=event, figures=each) for event, each in groups]


def _by_user(root: Any) -> list[WebhookUserMetrics]:
    groups = _groups(root, lambda entry: entry.user or 0)
    return [
        WebhookUserMetrics(user_clio_id=strawberry.ID(str(user)) if user else None, figures=each)
        for user, each in groups
    ]


def _by_status(root: Any) -> list[WebhookStatusMetrics]:
    total: Figures = root.report.total()
    counts = {
        "received": total.received,
        "duplicate": total.duplicates,
        "forged": total.forged,
        "pending": total.pending,
        "failed": total.failures,
        "retried": total.retries,
        "processed": total.processed,
        "dead": total.dead,
    }
    return [WebhookStatusMetrics(status=status, count=count) for status, count in counts.items()]


def _buckets(root: Any) -> list[WebhookBucket]:
    found = root.report.by(lambda entry: entry.at)
    return [
        WebhookBucket(start_at=_instant(at), figures=shown(found.get(at) or Figures()))
        for at in root.report.span.buckets
    ]


def _from(root: Any) -> datetime.datetime:
    return _instant(root.report.span.start)


def _to(root: Any) -> datetime.datetime:
    return _instant(root.report.span.end)


def _resolution(root: Any) -> MetricsResolution:
    return MetricsResolution(root.report.span.resolution.name)


def _totals(root: Any) -> WebhookFigures:
    return shown(root.report.total())


def _is_complete(root: Any) -> bool:
    return root.report.epoch is not None and root.report.epoch.counted_at is not None


def _counted_at(root: Any) -> datetime.datetime | None:
    return _instant(root.report.epoch.counted_at) if _is_complete(root) else None


async def _statuses(root: Any, info: Info) -> list[StatusCount]:
    parameters = Parameters()
    conditions = _conditions(root, parameters)
    if root.since is not None:
        conditions.append(f"t.received_at >= {parameters.add_one(root.since, Kind.INSTANT)}")
    if root.until is not None:
        conditions.append(f"t.received_at < {parameters.add_one(root.until, Kind.INSTANT)}")
    text = (
        "SELECT t.status, count(*) AS count FROM webhook_delivery AS t"
        f" WHERE {' AND '.join(conditions)} GROUP BY t.status ORDER BY t.status"
    )
    rows = await fetch(info.context.readers.pool, Statement(text, parameters.values))
    return [StatusCount(status=row["status"], count=row["count"]) for row in rows]


async def _queue_age_s(root: Any, info: Info) -> float | None:
    parameters = Parameters()
    conditions = [
        *_conditions(root, parameters),
        "t.status IN ('received', 'processing', 'failed')",
        "t.not_before_at <= now()",
    ]
    text = (
        "SELECT extract(epoch FROM now() - min(t.not_before_at))::float8 AS age_s FROM webhook_delivery AS t"
        f" WHERE {' AND '.join(conditions)}"
    )
    [row] = await fetch(info.context.readers.pool, Statement(text, parameters.values))
    age_s: float | None = row["age_s"]
    return age_s


def _conditions(root: Any, parameters: Parameters) -> list[str]:
    conditions = [firm_predicate(WEBHOOK_DELIVERIES, "t", root.firms, parameters)]
    if root.model is not None:
        conditions.append(f"t.model = {parameters.add_one(root.model, Kind.TEXT)}")
    return conditions


@strawberry.type(
    description="What became of the deliveries of a model, or of all. Each figure belongs to the minute in which its "
    "delivery was first received, whenever it came about."
)
class WebhookMetrics:
    """Read from Redis, but for `statuses` and `queueAgeS`, which the inbox itself tells.

    `since` and `until` bound what `statuses` counts; None leaves that side open.
    """

    report: strawberry.Private[Report]
    firms: strawberry.Private[frozenset[int] | None]
    model: str | None = strawberry.field(description="The model that was asked for; null for all.")
    since: strawberry.Private[datetime.datetime | None] = None
    until: strawberry.Private[datetime.datetime | None] = None
    statuses: list[StatusCount] = strawberry.field(
        resolver=_statuses,
        description="Deliveries by their status at this moment, in order of its name: of those received in the time "
        "that was asked for, of all in the log where none was. Counted from the inbox itself, in one statement.",
    )
    queue_age_s: float | None = strawberry.field(
        resolver=_queue_age_s,
        description="Seconds for which the oldest due delivery has been due; null where none is. A delivery that waits "
        "for its next attempt is not due, and neither is one that is being worked on. One statement.",
    )
    from_: datetime.datetime = strawberry.field(
        resolver=_from, name="from", description="When the first bucket begins."
    )
    to: datetime.datetime = strawberry.field(resolver=_to, description="When the last bucket ends.")
    resolution: MetricsResolution = strawberry.field(resolver=_resolution, description="Length of each bucket.")
    is_complete: bool = strawberry.field(
        resolver=_is_complete,
        name="complete",
        description="Whether the figures are whole: false from when Redis has lost them until a worker has counted "
        "them anew from the log.",
    )
    counted_at: datetime.datetime | None = strawberry.field(
        resolver=_counted_at,
        description="When they were last counted from the log, which knows neither `forged` nor `ingestLatency`: what "
        "Redis lost of these stays lost. Null unless `complete`.",
    )
    totals: WebhookFigures = strawberry.field(resolver=_totals, description="All of it.")
    by_firm: list[WebhookFirmMetrics] = strawberry.field(
        resolver=_by_firm, description="By firm, in order of its number; those with deliveries alone."
    )
    by_model: list[WebhookModelMetrics] = strawberry.field(
        resolver=_by_model, description="By model, in order of its name; those with deliveries alone."
    )
    by_event: list[WebhookEventMetrics] = strawberry.field(
        resolver=_by_event, description="By event, in order of its name; those with deliveries alone."
    )
    by_status: list[WebhookStatusMetrics] = strawberry.field(
        resolver=_by_status,
        description="By status: received, duplicate, forged, pending, failed, retried, processed, dead; all of them.",
    )
    by_user: list[WebhookUserMetrics] = strawberry.field(
        resolver=_by_user, description="By Clio user, in order of Clio's id, those that name nobody first."
    )
    buckets: list[WebhookBucket] = strawberry.field(
        resolver=_buckets, description="Every bucket from `from` to `to`, in order of time, empty ones too."
    )


def metrics_of(report: Report, firms: frozenset[int] | None, model: str | None) -> WebhookMetrics:
    """Return a report as the API shows it; `statuses` counts the deliveries of its time."""
    return WebhookMetrics(
        report=report,
        firms=firms,
        model=model,
        since=_instant(report.span.start),
        until=_instant(report.span.end),
    )
