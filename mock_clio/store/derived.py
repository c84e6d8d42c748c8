"""Associations that are worked out when they are asked for, from a row and whatever else the store holds."""

from collections.abc import Callable, Mapping
from typing import Any

from mock_clio.store.custom_values import CustomValues
from mock_clio.store.rows import Row, Store
from mock_clio.switches import Switches
from mock_clio.tables.matters import RATE_TYPES

Derivation = Callable[[Row], Any]
"""From a row to the child row, or the list of child rows, behind one of its associations."""


def derivations(store: Store, switches: Switches) -> Mapping[tuple[str, str], Derivation]:
    """Every derived association by schema and name."""
    values = CustomValues(store, switches)

    def of(parent_type: str) -> Derivation:
        return lambda row: values.rows(row, parent_type)

    def sets(row: Row) -> list[Row]:
        there = store["CustomFieldSet"].rows
        rows = [child for child in row["custom_field_set_associations"] if child["custom_field_set_id"] in there]
        return sorted(rows, key=lambda child: (child["display_order"], child["id"]))

    def fields(row: Row) -> list[Row]:
        return [store["CustomField"].rows[field_id] for field_id in row["custom_field_ids"]]

    return {
        ("Contact", "custom_field_values"): of("Contact"),
        ("Matter", "custom_field_values"): of("Matter"),
        ("MatterContacts", "custom_field_values"): of("Contact"),
        ("RelatedContacts", "custom_field_values"): of("Contact"),
        ("Contact", "custom_field_set_associations"): sets,
        ("Matter", "custom_field_set_associations"): sets,
        ("CustomFieldSet", "custom_fields"): fields,
        ("Matter", "custom_rate"): _custom_rate,
        ("Matter", "relationships"): lambda row: relationships(store, row),
    }


def relationships(store: Store, matter: Row) -> list[Row]:
    """A matter's relationships, those to contacts that have gone left out; ids ascending."""
    return [child for child in matter["relationships"] if child["contact_id"] in store["Contact"].rows]


def _custom_rate(matter: Row) -> Row:
    """The rate of a matter. Nothing is ever on a bill here, for bills are not modelled."""
    return {"type": RATE_TYPES[matter["billing_method"]], "on_invoice": False, "rates": matter["custom_rates"]}
