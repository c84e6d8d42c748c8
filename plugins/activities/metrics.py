"""Figures about time and money; docs/metrics.md gives the formulas. One statement for each figure that is asked for."""

import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from core.errors import BadInput
from schema.connections import make_type
from schema.context import Info, place_of
from schema.extensions import Graph
from schema.metrics import MetricsRoot, metric_rows

Since = Annotated[datetime.date | None, strawberry.argument(description="First day counted.")]
Before = Annotated[datetime.date | None, strawberry.argument(description="First day no longer counted.")]

COUNTED = """{firm:a} AND a.presence = 'present' AND a.date IS NOT NULL
    AND a.date >= coalesce($2::date, '-infinity') AND a.date < coalesce($3::date, 'infinity')"""
SHOWN = "NOT coalesce(a.quantity_redacted, false)"
BILLABLE = "NOT coalesce(a.non_billable, false) AND NOT coalesce(a.no_charge, false)"
TIME = f"a.type = 'TimeEntry' AND {SHOWN}"

BY_USER_AND_MONTH = f"""
SELECT a.firm, a.user_clio_id, date_trunc('month', a.date)::date AS month,
       round(coalesce(sum(a.quantity_in_hours) FILTER (WHERE {TIME}), 0), 4) AS hours,
       round(coalesce(sum(a.quantity_in_hours) FILTER (WHERE {TIME} AND {BILLABLE}), 0), 4) AS billable_hours,
       coalesce(sum(a.total) FILTER (WHERE {SHOWN} AND a.billed), 0) AS billed_total,
       coalesce(sum(a.total) FILTER (WHERE {SHOWN} AND NOT coalesce(a.billed, false)), 0) AS unbilled_total,
       count(*) FILTER (WHERE NOT ({SHOWN})) AS redacted_count
FROM activities_activity AS a WHERE {COUNTED}
GROUP BY a.firm, a.user_clio_id, month ORDER BY month, a.firm, a.user_clio_id"""

UTILIZATION = f"""
SELECT worked.*, days.working_days * $4::numeric AS available_hours,
       round(worked.billable_hours / nullif(days.working_days * $4::numeric, 0), 4) AS utilization
FROM (
    SELECT a.firm, a.user_clio_id, date_trunc('month', a.date)::date AS month,
           round(coalesce(sum(a.quantity_in_hours) FILTER (WHERE {TIME} AND {BILLABLE}), 0), 4) AS billable_hours,
           count(*) FILTER (WHERE NOT ({SHOWN})) AS redacted_count
    FROM activities_activity AS a WHERE {COUNTED} AND a.user_clio_id IS NOT NULL
    GROUP BY a.firm, a.user_clio_id, month
) AS worked
CROSS JOIN LATERAL (
    SELECT count(*) AS working_days
    FROM generate_series(
        greatest(worked.month, $2::date)::timestamp,
        least((worked.month + interval '1 month - 1 day')::date, $3::date - 1)::timestamp,
        interval '1 day'
    ) AS day WHERE extract(isodow FROM day) < 6
) AS days
ORDER BY worked.month, worked.firm, worked.user_clio_id"""

WORK_IN_PROGRESS = f"""
SELECT coalesce(sum(a.total) FILTER (WHERE {SHOWN}), 0) AS total,
       round(coalesce(sum(a.quantity_in_hours) FILTER (WHERE {TIME}), 0), 4) AS hours,
       count(*) AS activities, count(*) FILTER (WHERE NOT ({SHOWN})) AS redacted_count
FROM activities_activity AS a WHERE {COUNTED} AND {BILLABLE} AND NOT coalesce(a.billed, false)"""

COMMON = {
    "firm": (strawberry.ID, strawberry.field(description="Number of the firm.")),
    "user_clio_id": (
        strawberry.ID | None,
        strawberry.field(description="Clio's id of the user; null for activities of nobody."),
    ),
    "month": (datetime.date, strawberry.field(description="First day of the month.")),
    "redacted_count": (
        int,
        strawberry.field(description="Activities whose quantity Clio hides; they are in no sum."),
    ),
}


@strawberry.type(description="Billable work that no bill has claimed yet.")
class WorkInProgress:
    """One row over the activities asked for."""

    total: Decimal = strawberry.field(description="What it will be billed at, major units; 0 without any.")
    hours: Decimal = strawberry.field(description="Hours worked in it; 0 without any.")
    activities: int = strawberry.field(description="How many activities it is.")
    redacted_count: int = strawberry.field(description="How many of them have a hidden quantity; they are in no sum.")


def metrics_field(graph: Graph) -> Any:
    """Return the field `activities` of Metrics for one schema."""
    by_month = _row_type(
        graph,
        "ActivityMonth",
        "What a user recorded in a month.",
        {
            "hours": (Decimal, strawberry.field(description="Hours worked.")),
            "billable_hours": (Decimal, strawberry.field(description="Hours worked that are billable.")),
            "billed_total": (Decimal, strawberry.field(description="Billed, major units.")),
            "unbilled_total": (Decimal, strawberry.field(description="Not yet billed, major units.")),
        },
    )
    utilization = _row_type(
        graph,
        "ActivityUtilization",
        "How much of a user's month was billable.",
        {
            "billable_hours": (Decimal, strawberry.field(description="Hours worked that are billable.")),
            "available_hours": (Decimal, strawberry.field(description="Working days times hours per day.")),
            "utilization": (
                Decimal | None,
                strawberry.field(description="Billable over available hours, 1 being all; null without any."),
            ),
        },
    )
    made = make_type(
        "ActivityMetrics",
        "Figures about time and money.",
        {
            "by_user_and_month": (None, _by_user_and_month(by_month)),
            "utilization": (None, _utilization(utilization)),
            "work_in_progress": (
                None,
                strawberry.field(resolver=_work_in_progress, description="Billable work not billed yet."),
            ),
        },
    )

    async def activities(root: Any) -> Any:
        return root

    activities.__annotations__["return"] = made
    return strawberry.field(resolver=activities, description="Time and money, from activities.")


def _row_type(graph: Graph, name: str, description: str, own: dict[str, tuple[Any, Any]]) -> type[Any]:
    """Return the type of a row about a user and a month, with the edge to the user."""
    user_type = graph.entity("User")

    async def user(root: Any, info: Info) -> Any:
        number = root["user_clio_id"]
        readers, place = info.context.readers, place_of(info.path)
        return None if number is None else await user_type.find(readers, root["firm"], number, place=place)

    user.__annotations__["return"] = user_type.type | None
    edge = strawberry.field(resolver=user, description="The user. Null until the record has arrived.")
    return make_type(name, description, {**COMMON, "user": (None, edge), **own})


def _by_user_and_month(row: Any) -> Any:
    async def by_user_and_month(root: Any, info: Info, since: Since = None, before: Before = None) -> Any:
        return _plain(await metric_rows(info, root, BY_USER_AND_MONTH, since, before))

    by_user_and_month.__annotations__["return"] = list[row]
    return strawberry.field(resolver=by_user_and_month, description="Hours and billings by user and month, in order.")


def _utilization(row: Any) -> Any:
    async def utilization(
        root: Any,
        info: Info,
        since: Since = None,
        before: Before = None,
        hours_per_day: Annotated[
            Decimal, strawberry.argument(description="Hours that a working day, Monday to Friday, has.")
        ] = Decimal(8),
    ) -> Any:
        if hours_per_day < 0:
            raise BadInput("hoursPerDay must not be negative")
        return _plain(await metric_rows(info, root, UTILIZATION, since, before, hours_per_day))

    utilization.__annotations__["return"] = list[row]
    return strawberry.field(resolver=utilization, description="Billable of available hours by user and month.")


async def _work_in_progress(root: Any, info: Info, since: Since = None, before: Before = None) -> WorkInProgress:
    found: MetricsRoot = root
    [row] = await metric_rows(info, found, WORK_IN_PROGRESS, since, before)
    return WorkInProgress(**dict(row))


def _plain(rows: list[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]
