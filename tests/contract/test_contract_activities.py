"""Activities keep the contract of every resource."""

from core.testing.case import Body, Ids
from core.testing.contract import ResourceContract


def _time_entry(ids: Ids) -> Body:
    return {"type": "TimeEntry", "date": "2026-03-02", "quantity": 3600, "matter": {"id": ids["matters"][0]}}


class TestActivity(ResourceContract):
    """Time and expenses."""

    resource = "activity"
    creates = _time_entry
    changes = {"note": "A note of the contract"}
