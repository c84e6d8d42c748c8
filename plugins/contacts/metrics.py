"""`metrics { contacts }`: how many contacts there are, of which kind, and since when. Formulas: docs/metrics.md."""

import datetime
from typing import Annotated, Any

import strawberry

from schema.context import Info
from schema.metrics import metric_figure, metric_rows

FIGURES = """
SELECT count(*)::int AS total,
       count(*) FILTER (WHERE contact.is_client)::int AS clients,
       count(*) FILTER (WHERE coalesce(contact.primary_email_address, '') = ''
           AND NOT coalesce(contact.email_addresses, '[]') @? '$[*].address ? (@ != "")')::int AS without_email
FROM contacts_contact AS contact WHERE {firm:contact} AND contact.presence = 'present'"""

BY_TYPE = """
SELECT contact.type, count(*)::int AS count
FROM contacts_contact AS contact WHERE {firm:contact} AND contact.presence = 'present'
GROUP BY contact.type ORDER BY count DESC, contact.type"""

CREATED_BY_MONTH = """
SELECT date_trunc('month', contact.clio_created_at AT TIME ZONE 'UTC')::date AS month, count(*)::int AS count
FROM contacts_contact AS contact WHERE {firm:contact} AND contact.presence = 'present'
  AND contact.clio_created_at >= coalesce($2::date, '-infinity')::timestamp AT TIME ZONE 'UTC'
  AND contact.clio_created_at < coalesce($3::date, 'infinity')::timestamp AT TIME ZONE 'UTC'
GROUP BY month ORDER BY month"""

Since = Annotated[datetime.date | None, strawberry.argument(description="First day counted, in UTC.")]
Before = Annotated[datetime.date | None, strawberry.argument(description="First day no longer counted, in UTC.")]


@strawberry.type(description="How many contacts there are of one type.")
class ContactsOfType:
    """One row of `BY_TYPE`."""

    type: str | None = strawberry.field(description="Person, Company or what Clio adds; null where Clio told none.")
    count: int = strawberry.field(description="Contacts of the type.")


@strawberry.type(description="How many contacts Clio created in one month.")
class ContactsCreated:
    """One row of `CREATED_BY_MONTH`."""

    month: datetime.date = strawberry.field(description="First day of the month, in UTC.")
    count: int = strawberry.field(description="Contacts created in the month.")


async def _by_type(root: Any, info: Info) -> list[ContactsOfType]:
    return [ContactsOfType(**row) for row in await metric_rows(info, root, BY_TYPE)]


async def _created_by_month(root: Any, info: Info, since: Since = None, before: Before = None) -> list[ContactsCreated]:
    return [ContactsCreated(**row) for row in await metric_rows(info, root, CREATED_BY_MONTH, since, before)]


@strawberry.type(description="Figures over the contacts that are present.")
class ContactMetrics:
    """Resolved from a `MetricsRoot`. Each list is one statement; the single figures share one."""

    total: int = strawberry.field(resolver=metric_figure(FIGURES, "total"), description="All contacts.")
    clients: int = strawberry.field(
        resolver=metric_figure(FIGURES, "clients"), description="Contacts that Clio calls clients."
    )
    without_email: int = strawberry.field(
        resolver=metric_figure(FIGURES, "without_email"), description="Contacts without any e-mail address."
    )
    by_type: list[ContactsOfType] = strawberry.field(
        resolver=_by_type, description="Contacts by type, the most frequent first."
    )
    created_by_month: list[ContactsCreated] = strawberry.field(
        resolver=_created_by_month,
        description="Contacts by the month in which Clio created them, the earliest first; empty months left out.",
    )


def metrics_field() -> Any:
    """Return the field `contacts` of `Metrics`."""

    async def contacts(root: Any) -> Any:
        return root

    contacts.__annotations__["return"] = ContactMetrics
    return strawberry.field(resolver=contacts, description="Figures over contacts.")
