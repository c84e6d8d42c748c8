"""Matters keep the contract of every resource."""

from core.testing.case import Body, Ids
from core.testing.contract import ResourceContract


def _matter(ids: Ids) -> Body:
    return {"client": {"id": ids["contacts"][0]}, "description": "A boundary in dispute"}


class TestMatter(ResourceContract):
    """Cases, each for a contact."""

    resource = "matter"
    creates = _matter
    changes = {"description": "A boundary agreed on"}
