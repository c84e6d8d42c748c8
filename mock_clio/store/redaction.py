"""What a user without the right to see hours or rates is shown of an activity: API 4.0.5 and 4.0.8."""

from mock_clio.store.rows import Row
from mock_clio.switches import Switches

QUANTITIES = frozenset({"quantity", "quantity_in_hours", "rounded_quantity", "rounded_quantity_in_hours"})
RATES = frozenset({"price", "total", "non_billable_total"})
HIDEABLE = QUANTITIES | RATES | {"quantity_redacted"}


def shown(row: Row, name: str, switches: Switches) -> object:
    """One field of an activity as the switches have it; totals would tell the hours, so they go with either."""
    redacted, hidden = switches.activity_quantities == "redacted", switches.activity_rates == "hidden"
    if name == "quantity_redacted":
        return redacted
    if (name in QUANTITIES and redacted) or (name in RATES and hidden) or (name.endswith("total") and redacted):
        return None
    return row[name]
