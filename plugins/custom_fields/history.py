"""Custom field values as of an instant: the table that triggers keep, for the records as they were."""

from collections.abc import Sequence

from core.resource import Resource
from schema.extensions import AsOf, AsOfTable, by_key

KEPT = (
    "place",
    "value_id",
    "field_name",
    "field_type",
    "custom_field_clio_id",
    "by_name",
    "soft_deleted",
    "text",
    "number",
    "date",
    "time",
    "checked",
    "reference",
)
"""Columns that the function `custom_fields_values` returns, which the triggers call."""


def values_as_of(parents: Sequence[Resource]) -> AsOfTable:
    """Return the values of records as they were.

    Those of a record without a change since are the rows that there are, with their indexes; those of the others are
    made of the record's jsonb column as it was, by the function that the triggers call. Where Clio hid which definition
    a value is of, that is what its name says today.
    """
    return AsOfTable(
        name="custom_fields_value",
        sql=lambda as_of: " UNION ALL ".join(part for parent in parents for part in _parts(parent, as_of)),
    )


def _parts(parent: Resource, as_of: AsOf) -> tuple[str, str]:
    columns = ", ".join(f'v."{name}"' for name in KEPT)
    unchanged = (
        f"SELECT v.id, v.firm, v.parent_type, v.parent_clio_id, {columns} FROM custom_fields_value AS v"
        f" WHERE {as_of.within('v')} AND v.parent_type = '{parent.type_name}'"
        f" AND NOT {as_of.changed_since(parent, 'v', 'parent_clio_id')}"
    )
    # An id that is the same whenever it is made, and that no row has: all of those are positive.
    number = (
        f"hashtextextended(concat_ws(':', p.firm, '{parent.type_name}', p.clio_id, v.place), 0) | (1::bigint << 63)"
    )
    changed = (
        f"SELECT {number}, p.firm, '{parent.type_name}', p.clio_id, {columns}"
        f" FROM {by_key(parent.table_name)} AS p CROSS JOIN LATERAL"
        f" custom_fields_values(p.firm, '{parent.type_name}', p.custom_field_values) AS v"
        f" WHERE {as_of.changed_since(parent, 'p')}"
    )
    return unchanged, changed
