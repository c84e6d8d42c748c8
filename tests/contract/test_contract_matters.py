"""Matters keep the contract of every resource."""

from typing import Any

from core.testing.case import Body, Ids
from core.testing.contract import ResourceContract


def _matter(ids: Ids) -> Body:
    return {"client": {"id": ids["contacts"][0]}, "description": "A boundary in dispute"}


class TestMatter(ResourceContract):
    """Cases, each for a contact."""

    resource = "matter"
    creates = _matter
    changes = {"description": "A boundary agreed on"}

    def filled(self, column: str, value: Any) -> dict[str, Any] | None:
        """Return the fields that fill a column; related contacts are those of the relationships."""
        if column == "related_contact_clio_ids":
            return {"relationships": [{"id": 1000 + each, "contact": {"id": each}} for each in value]}
        return super().filled(column, value)
