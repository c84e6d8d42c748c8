"""`metrics { matters }`: how many matters there are, of which kind, and how long they stay open.

Formulas, units and null cases: docs/metrics.md.
"""

import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from schema.context import Info
from schema.metrics import metric_figure, metric_rows

TOTAL = """
SELECT count(*)::int AS total
FROM matters_matter AS matter WHERE {firm:matter} AND matter.presence = 'present'"""

BY_STATUS = """
SELECT matter.status, count(*)::int AS count
FROM matters_matter AS matter WHERE {firm:matter} AND matter.presence = 'present'
GROUP BY matter.status ORDER BY count DESC, matter.status"""

BY_PRACTICE_AREA = """
SELECT matter.firm::text, matter.practice_area_clio_id::text,
       (array_agg(matter.practice_area_name ORDER BY matter.seen_at DESC, matter.clio_id))[1] AS practice_area_name,
       count(*)::int AS count
FROM matters_matter AS matter WHERE {firm:matter} AND matter.presence = 'present'
GROUP BY matter.firm, matter.practice_area_clio_id
ORDER BY count DESC, matter.firm, matter.practice_area_clio_id"""

OPENED_BY_MONTH = """
SELECT date_trunc('month', matter.open_date)::date AS month, count(*)::int AS count
FROM matters_matter AS matter WHERE {firm:matter} AND matter.presence = 'present'
  AND matter.open_date >= coalesce($2::date, '-infinity') AND matter.open_date < coalesce($3::date, 'infinity')
GROUP BY month ORDER BY month"""

DAYS_OPEN = """
SELECT round(avg(matter.close_date - matter.open_date)
           FILTER (WHERE matter.status = 'Closed' AND matter.close_date >= matter.open_date), 2) AS closed,
       round(avg(today.day - matter.open_date)
           FILTER (WHERE matter.status = 'Open' AND today.day >= matter.open_date), 2) AS open,
       min(today.day) AS as_of
FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS day) AS today
LEFT JOIN matters_matter AS matter ON {firm:matter} AND matter.presence = 'present'"""

Since = Annotated[datetime.date | None, strawberry.argument(description="First open date counted.")]
Before = Annotated[datetime.date | None, strawberry.argument(description="First open date no longer counted.")]


@strawberry.type(description="How many matters there are of one status.")
class MattersOfStatus:
    """One row of `BY_STATUS`."""

    status: str | None = strawberry.field(
        description="Open, Pending, Closed or what Clio adds; null where none is told."
    )
    count: int = strawberry.field(description="Matters of the status.")


@strawberry.type(description="How many matters there are in one practice area of a firm.")
class MattersOfPracticeArea:
    """One row of `BY_PRACTICE_AREA`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm whose practice area it is.")
    practice_area_clio_id: strawberry.ID | None = strawberry.field(
        description="Clio's id of the practice area; null for matters without one."
    )
    practice_area_name: str | None = strawberry.field(
        description="Its name, as it was told last; null for matters without one."
    )
    count: int = strawberry.field(description="Matters in the practice area.")


@strawberry.type(description="How many matters were opened in one month.")
class MattersOpened:
    """One row of `OPENED_BY_MONTH`."""

    month: datetime.date = strawberry.field(description="First day of the month.")
    count: int = strawberry.field(description="Matters whose open date is in the month, whatever their status is now.")


@strawberry.type(description="How long matters are open on average, in days.")
class AverageDaysOpen:
    """The row of `DAYS_OPEN`."""

    closed: Decimal | None = strawberry.field(
        description="From open date to close date, over closed matters that have both; null if there are none."
    )
    open: Decimal | None = strawberry.field(
        description="From open date to asOf, over open matters that have one; null if there are none."
    )
    as_of: datetime.date = strawberry.field(description="Today in UTC, up to which open matters are counted.")


async def _by_status(root: Any, info: Info) -> list[MattersOfStatus]:
    return [MattersOfStatus(**row) for row in await metric_rows(info, root, BY_STATUS)]


async def _by_practice_area(root: Any, info: Info) -> list[MattersOfPracticeArea]:
    return [MattersOfPracticeArea(**row) for row in await metric_rows(info, root, BY_PRACTICE_AREA)]


async def _opened_by_month(root: Any, info: Info, since: Since = None, before: Before = None) -> list[MattersOpened]:
    return [MattersOpened(**row) for row in await metric_rows(info, root, OPENED_BY_MONTH, since, before)]


async def _average_days_open(root: Any, info: Info) -> AverageDaysOpen:
    (row,) = await metric_rows(info, root, DAYS_OPEN)
    return AverageDaysOpen(**row)


@strawberry.type(description="Figures over the matters that are present.")
class MatterMetrics:
    """Resolved from a `MetricsRoot`. Each field is one statement."""

    total: int = strawberry.field(resolver=metric_figure(TOTAL, "total"), description="All matters.")
    by_status: list[MattersOfStatus] = strawberry.field(
        resolver=_by_status, description="Matters by status, the most frequent first."
    )
    by_practice_area: list[MattersOfPracticeArea] = strawberry.field(
        resolver=_by_practice_area, description="Matters by firm and practice area, the most frequent first."
    )
    opened_by_month: list[MattersOpened] = strawberry.field(
        resolver=_opened_by_month,
        description="Matters by the month of their open date, the earliest first; empty months left out.",
    )
    average_days_open: AverageDaysOpen = strawberry.field(
        resolver=_average_days_open, description="How long matters are open on average."
    )


def metrics_field() -> Any:
    """Return the field `matters` of `Metrics`."""

    async def matters(root: Any) -> Any:
        return root

    matters.__annotations__["return"] = MatterMetrics
    return strawberry.field(resolver=matters, description="Figures over matters.")
