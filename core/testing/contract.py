"""The contract of a resource: a plugin subclasses `ResourceContract`, and pytest runs what applies.

    class TestTask(ResourceContract):
        resource = "task"
        creates = {"name": "Call the court"}
        changes = {"name": "Call the clerk"}

See docs/plugins/testing.md for every test.
"""

from core.testing.case import Declared
from core.testing.declaration import DeclarationContract
from core.testing.records import RecordContract
from core.testing.serving import ServingContract
from core.testing.syncing import SyncContract, WebhookContract


class ResourceContract(DeclarationContract, RecordContract, SyncContract, WebhookContract, ServingContract):
    """Every promise of a mirrored resource; the class variables of `core.testing.case.Case` say which resource."""


__all__ = ["Declared", "ResourceContract"]
