"""Subscriptions: what can be watched, and the fields of `Subscription` that say so."""

from collections.abc import AsyncIterable, Sequence
from typing import Annotated, Any

import strawberry

from core.errors import BadInput
from core.services import Services
from core.sync.progress import PROGRESS_CHANNEL
from schema.context import Info
from schema.global_ids import read_firm
from schema.live.changes import CHANGES, After
from schema.live.topics import Event, Topic, Watch
from schema.live.webhook_metrics import LONGEST_S, SHORTEST_S, TICK_S, USUAL_S, WEBHOOK_METRICS, Wish
from schema.operations import SYNC_RUN
from schema.read.cursors import read_cursor
from schema.read.readers import Record
from schema.types.changes import FEED_NAME, FEED_ORDER, Change
from schema.types.sync_runs import SYNC_RUNS, SyncRun
from schema.types.webhook_metrics import WebhookMetrics

QUIET = frozenset({"heartbeat_at", "_newest"})
"""Columns whose change alone is no progress."""

ACTIVE = frozenset({"queued", "running", "throttled"})

LATE = 32
"""So far behind the newest number a run may still appear: numbers are given out before they are committed."""


class Runs:
    """The source of sync progress: which runs are active, and how each looked when it was last read."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._newest: int | None = None
        self._shown: dict[int, Record] = {}

    async def read(self) -> Sequence[Event]:
        """Return the runs of all firms that look other than when last read, in order of number."""
        rows = await self._services.database.pool.fetch(
            f"SELECT n.newest AS _newest, {SYNC_RUNS.select('t')}"
            " FROM (SELECT coalesce(max(id), 0) AS newest FROM sync_run) AS n"
            " LEFT JOIN sync_run AS t ON t.state IN ('queued', 'running', 'throttled') OR t.id = ANY ($1::bigint[])"
            " OR t.id > coalesce($2::bigint, n.newest) - $3::bigint ORDER BY t.id",
            *(list(self._shown), self._newest, LATE),
        )
        runs = [row for row in rows if row["id"] is not None]
        moved = [row for row in runs if _looks(row) != _looks(self._shown.get(row["id"]))]
        if self._newest is None:
            moved = [row for row in moved if row["state"] in ACTIVE]
        self._newest = rows[0]["_newest"]
        oldest = self._newest - LATE
        self._shown = {row["id"]: row for row in runs if row["state"] in ACTIVE or row["id"] > oldest}
        return [_event(row) for row in moved]

    async def before(self, watch: Watch) -> Sequence[Event]:
        """Return the active runs, as they were last read."""
        active = [row for row in self._shown.values() if row["state"] in ACTIVE]
        return [_event(row) for row in active if watch.firms is None or row["firm"] in watch.firms]


def _looks(row: Record | None) -> list[Any] | None:
    return None if row is None else [value for name, value in row.items() if name not in QUIET]


def _event(row: Record) -> Event:
    return Event(firm=row["firm"], key=row["id"], value=SYNC_RUN.make(row))


SYNC_PROGRESS = Topic(
    name="syncProgress",
    channel=PROGRESS_CHANNEL,
    open=Runs,
    latest_only=True,
    how_to_go_on="subscribe again to see the active runs as they are",
)


def _sync_progress(
    info: Info,
    firm: Annotated[
        strawberry.ID | None, strawberry.argument(description="One firm; all of the caller's unless given.")
    ] = strawberry.UNSET,
) -> AsyncIterable[SyncRun]:
    return Watch(SYNC_PROGRESS, info.context.principal.allowed_firms(read_firm(firm or None)))


def _changes(
    info: Info,
    after: Annotated[
        str | None,
        strawberry.argument(description="A cursor: every change after it is told first; unless given, what comes now."),
    ] = strawberry.UNSET,
    resource: Annotated[
        str | None, strawberry.argument(description="One resource, such as contact; all unless given.")
    ] = strawberry.UNSET,
    firm: Annotated[
        strawberry.ID | None, strawberry.argument(description="One firm; all of the caller's unless given.")
    ] = strawberry.UNSET,
) -> AsyncIterable[Change]:
    firms = info.context.principal.allowed_firms(read_firm(firm or None))
    start = None
    if after:
        transaction, number = read_cursor(FEED_NAME, FEED_ORDER, after, name="after")
        start = After((transaction, number))
    return Watch(CHANGES, firms, only=resource or None, start=start)


def _webhook_metrics(
    info: Info,
    model: Annotated[
        str | None, strawberry.argument(description="One of Clio's webhook models; all unless given.")
    ] = strawberry.UNSET,
    firm: Annotated[
        strawberry.ID | None, strawberry.argument(description="One firm; all of the caller's unless given.")
    ] = strawberry.UNSET,
    interval_s: Annotated[
        float | None,
        strawberry.argument(
            description="Seconds from one to the next, 0.5 to 60, rounded to half a second; 2 unless given."
        ),
    ] = strawberry.UNSET,
) -> AsyncIterable[WebhookMetrics]:
    wanted_s = USUAL_S if interval_s is None or interval_s is strawberry.UNSET else interval_s
    if not SHORTEST_S <= wanted_s <= LONGEST_S:
        raise BadInput(f"`intervalS` must be from {SHORTEST_S:g} to {LONGEST_S:g}")
    wish = Wish(model or None, round(wanted_s / TICK_S))
    return Watch(WEBHOOK_METRICS, info.context.principal.allowed_firms(read_firm(firm or None)), only=wish)


@strawberry.type(
    description="What is told as it happens, over WebSockets and server-sent events. The scope `read` is needed."
)
class Subscription:
    """The root of subscriptions."""

    sync_progress = strawberry.subscription(
        resolver=_sync_progress,
        description="The active sync runs at once, then every run as it moves, its end included.",
    )
    changes = strawberry.subscription(
        resolver=_changes,
        description="Every change of every record, once, in the order of commits, deletions included.",
    )
    webhook_metrics = strawberry.subscription(
        resolver=_webhook_metrics,
        description="What became of the webhook deliveries received in the last hour, by the minute: at once, then at "
        "every interval.",
    )
