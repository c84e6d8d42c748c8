"""`metrics { customFields }`: which definitions there are, and how far they are filled. Formulas: docs/metrics.md."""

from typing import Any

import strawberry

from schema.context import Info
from schema.metrics import metric_figure, metric_rows

FIGURES = """
SELECT count(*)::int AS total, (count(*) FILTER (WHERE field.deleted))::int AS deleted
FROM custom_fields_custom_field AS field WHERE {firm:field} AND field.presence = 'present'"""

BY_FIELD = """
SELECT field.firm::text, field.clio_id::text, field.name, field.parent_type, field.field_type,
       (SELECT count(*) FROM custom_fields_value AS held
        WHERE held.firm = field.firm AND held.custom_field_clio_id = field.clio_id)::int AS shown,
       (SELECT count(*) FROM custom_fields_value AS held
        WHERE held.firm = field.firm AND held.custom_field_clio_id = field.clio_id
          AND held.text IS NOT NULL)::int AS filled
FROM custom_fields_custom_field AS field WHERE {firm:field} AND field.presence = 'present'
ORDER BY field.firm, field.parent_type, field.display_order, field.clio_id"""


@strawberry.type(description="How far one custom field is filled.")
class CustomFieldUse:
    """One row of `BY_FIELD`."""

    firm: strawberry.ID = strawberry.field(description="Number of the firm.")
    clio_id: strawberry.ID = strawberry.field(description="Clio's id of the definition.")
    name: str | None = strawberry.field(description="What the field is called.")
    parent_type: str | None = strawberry.field(description="Contact or Matter; Clio may add others.")
    field_type: str | None = strawberry.field(description="Clio's type of the field.")
    shown: int = strawberry.field(description="Records that show the field, filled or not, whatever their presence.")
    filled: int = strawberry.field(description="Records with a value for it, whatever their presence.")


async def _by_field(root: Any, info: Info) -> list[CustomFieldUse]:
    return [CustomFieldUse(**row) for row in await metric_rows(info, root, BY_FIELD)]


@strawberry.type(description="Figures over custom fields.")
class CustomFieldMetrics:
    """Resolved from a `MetricsRoot`. The list is one statement; the single figures share one."""

    total: int = strawberry.field(
        resolver=metric_figure(FIGURES, "total"), description="All definitions, those removed for future use included."
    )
    deleted: int = strawberry.field(
        resolver=metric_figure(FIGURES, "deleted"), description="Definitions that were removed for future use."
    )
    by_field: list[CustomFieldUse] = strawberry.field(
        resolver=_by_field, description="How far each field is filled, by firm, parent type and display order."
    )


def metrics_field() -> Any:
    """Return the field `custom_fields` of `Metrics`."""

    async def custom_fields(root: Any) -> Any:
        return root

    custom_fields.__annotations__["return"] = CustomFieldMetrics
    return strawberry.field(resolver=custom_fields, description="Figures over custom fields.")
