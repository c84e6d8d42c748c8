"""Practice areas keep the contract of every resource."""

from core.testing.contract import ResourceContract


class TestPracticeArea(ResourceContract):
    """The mock Clio has them, and lets nobody create one."""

    resource = "practice_area"
    changes = {"code": "X9"}
