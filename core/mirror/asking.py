"""Asking Clio for one record: what it is, or how it is absent."""

from dataclasses import dataclass
from typing import Any, Literal

from core.clio.client import ClioClient
from core.clio.priority import Priority
from core.errors import ClioForbidden, ClioNotFound
from core.mirror.writer import Evidence, is_redacted
from core.resource import ClioEndpoint


@dataclass(frozen=True, slots=True)
class Gone:
    """How a record is absent, and the answer that says so."""

    presence: Literal["deleted", "hidden"]
    evidence: Evidence


async def ask_for(
    client: ClioClient, endpoint: ClioEndpoint, clio_id: int, *, priority: Priority
) -> dict[str, Any] | Gone:
    """Return a record as Clio shows it; where it does not, 404 is a deletion, and 403 or a redacted answer hides it.

    A 403 may be about all of the resource: whoever does not know from its list that it is not, has to see. One request.

    Raises:
        ClioError: any other failure; nothing is known of the record.
    """
    try:
        answer = await client.record(endpoint, clio_id, priority=priority)
    except ClioNotFound:
        return Gone("deleted", {"asked": "record", "status": 404})
    except ClioForbidden:
        return Gone("hidden", {"asked": "record", "status": 403})
    return Gone("hidden", {"asked": "record", "status": 200, "redacted": True}) if is_redacted(answer) else answer
