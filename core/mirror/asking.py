"""Asking Clio for one record: what it is, or how it is absent."""

from typing import Any, Literal, TypeAlias

from core.clio.client import ClioClient
from core.clio.priority import Priority
from core.errors import ClioForbidden, ClioNotFound
from core.mirror.writer import is_redacted
from core.resource import ClioEndpoint

Gone: TypeAlias = Literal["deleted", "hidden"]


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
        return "deleted"
    except ClioForbidden:
        return "hidden"
    return "hidden" if is_redacted(answer) else answer
