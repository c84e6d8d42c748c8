"""A change to a record, as webhooks hear of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mock_clio.store.rows import Row
from mock_clio.tables.declare import Resource

Event = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True)
class Change:
    """One record before and after a write; `also` holds further events of the same write.

    `after` is None where the record is gone, and holds it where it was moved to the trash.
    """

    resource: Resource
    event: Event
    before: Row | None
    after: Row | None
    also: tuple[str, ...] = ()


Listener = Callable[[Change], None]
