"""When the resources of a firm are polled, and why that often."""

import datetime
from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry

from core.db import tables
from core.sync.firm_schedule import is_quiet_sql
from schema.entities import Entity
from schema.read.listing import table_listing
from schema.read.parameters import Parameters
from schema.read.sources import READ, Expression, Rows


@strawberry.enum(description="Why a resource is polled as often as it is.")
class ScheduleReason(Enum):
    """Values are those of the column `sync_cursor.reason`, and of what a whole firm may be."""

    BUSY = strawberry.enum_value("busy", description="The last polls found changes: sooner than usual.")
    STEADY = strawberry.enum_value("steady", description="As declared; also before the first poll.")
    IDLE = strawberry.enum_value("idle", description="The last polls found nothing: more rarely than usual.")
    COVERED = strawberry.enum_value("covered", description="Its webhook delivers: ever more rarely while it does.")
    FAILED = strawberry.enum_value("failed", description="The last run failed or ended short: it rests for a while.")
    PAUSED = strawberry.enum_value("paused", description="The firm is paused: not before somebody resumes it.")
    QUIET_HOURS = strawberry.enum_value("quiet_hours", description="The firm's quiet hours: after their end.")
    NOT_CONNECTED = strawberry.enum_value("not_connected", description="The firm has no grant at Clio.")


def _reason(root: Any) -> ScheduleReason:
    return ScheduleReason(vars(root)["reason"])


@strawberry.type(description="When one resource of a firm is polled.")
class ResourceSchedule:
    """Made from a row of `core.db.tables.SyncCursor`, and what its firm is doing."""

    resource: str = strawberry.field(description="Name of the resource, such as contact.")
    interval_s: float | None = strawberry.field(
        description="Seconds between polls, before a part is taken off by chance; null until it was first looked at."
    )
    next_at: datetime.datetime | None = strawberry.field(
        description="When the next poll is due, past while it waits or goes on; null where none will be."
    )
    reason: ScheduleReason = strawberry.field(
        resolver=_reason,
        description="Why that often.",
        metadata={READ: Expression(lambda alias: f"upper({alias}.reason)")},
    )


SCHEDULE = Entity(
    table_listing(
        "ResourceSchedule",
        tables.SyncCursor,
        leave_out=("high_water_at", "backfilled_at", "fields", "pace", "look_at"),
    ),
    ResourceSchedule,
)


def _schedules_sql(alias: str, _given: Mapping[str, Any], _parameters: Parameters) -> str:
    none = f"{alias}.state <> 'connected' OR {alias}.paused_at IS NOT NULL"
    quiet = is_quiet_sql(alias)
    return f"""SELECT known.resource, known.interval_s,
        CASE WHEN {none} THEN NULL WHEN {quiet} THEN greatest(known.next_at, {alias}.rests_until)
            ELSE known.next_at END AS next_at,
        CASE WHEN {alias}.state <> 'connected' THEN 'not_connected' WHEN {alias}.paused_at IS NOT NULL THEN 'paused'
            WHEN {quiet} THEN 'quiet_hours' ELSE coalesce(known.reason, 'steady') END AS reason,
        row_number() OVER (ORDER BY known.resource COLLATE "C") AS _place
    FROM sync_cursor AS known WHERE known.firm = {alias}.id"""


SCHEDULES = Rows(SCHEDULE, _schedules_sql, many=True)
"""The schedules of a row of `firm`, in order of the resources' names."""
