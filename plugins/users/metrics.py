"""`metrics { users }`: how many people work at the firm, and as what. Formulas: docs/metrics.md."""

from decimal import Decimal
from typing import Any

import strawberry

from schema.context import Info
from schema.metrics import metric_figure, metric_rows

FIGURES = """
SELECT count(*)::int AS total, (count(*) FILTER (WHERE member.enabled))::int AS enabled
FROM users_user AS member WHERE {firm:member} AND member.presence = 'present'"""

BY_SUBSCRIPTION_TYPE = """
SELECT member.subscription_type, count(*)::int AS count, round(avg(member.rate), 2) AS average_rate
FROM users_user AS member WHERE {firm:member} AND member.presence = 'present' AND member.enabled
GROUP BY member.subscription_type ORDER BY count DESC, member.subscription_type"""


@strawberry.type(description="How many enabled users there are of one subscription type.")
class UsersOfSubscriptionType:
    """One row of `BY_SUBSCRIPTION_TYPE`."""

    subscription_type: str | None = strawberry.field(
        description="Attorney, NonAttorney or what Clio adds; null where none is told."
    )
    count: int = strawberry.field(description="Enabled users of the type.")
    average_rate: Decimal | None = strawberry.field(
        description="Mean of their default hourly rates, major units, two decimals; null where none has one."
    )


async def _by_subscription_type(root: Any, info: Info) -> list[UsersOfSubscriptionType]:
    return [UsersOfSubscriptionType(**row) for row in await metric_rows(info, root, BY_SUBSCRIPTION_TYPE)]


@strawberry.type(description="Figures over the users that are present.")
class UserMetrics:
    """Resolved from a `MetricsRoot`. The list is one statement; the single figures share one."""

    total: int = strawberry.field(
        resolver=metric_figure(FIGURES, "total"), description="All users, those who left included."
    )
    enabled: int = strawberry.field(resolver=metric_figure(FIGURES, "enabled"), description="Users who may sign in.")
    by_subscription_type: list[UsersOfSubscriptionType] = strawberry.field(
        resolver=_by_subscription_type, description="Enabled users by subscription type, the most frequent first."
    )


def metrics_field() -> Any:
    """Return the field `users` of `Metrics`."""

    async def users(root: Any) -> Any:
        return root

    users.__annotations__["return"] = UserMetrics
    return strawberry.field(resolver=users, description="Figures over users.")
