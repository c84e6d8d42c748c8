"""The states of a webhook endpoint and the moves allowed between them, enforced by the one function that moves.

`docs/webhooks.md` draws the same table; a test holds the two together.
"""

from typing import Literal, TypeAlias

from core.db.engine import Connection, Pool
from core.logging import get_logger

log = get_logger(__name__)

Executor: TypeAlias = "Pool | Connection"

EndpointState = Literal["creating", "pending", "enabled", "suspended", "failed", "retiring", "retired"]

TRANSITIONS: dict[EndpointState, frozenset[EndpointState]] = {
    "creating": frozenset({"pending", "enabled", "suspended", "failed", "retired"}),
    "pending": frozenset({"enabled", "suspended", "retired"}),
    "enabled": frozenset({"pending", "suspended", "retiring", "retired"}),
    "suspended": frozenset({"pending", "enabled", "retired"}),
    "failed": frozenset({"creating", "retired"}),
    "retiring": frozenset({"retired"}),
    "retired": frozenset(),
}
"""From each state, where it may go. `retiring` has a proven successor, and takes what is still under way to it;
`retired` is final: its address answers 410 for ever."""

AWAITING_HANDSHAKE: frozenset[EndpointState] = frozenset({"creating", "pending"})
"""States in which a handshake may be accepted."""

_MOVE = """
UPDATE webhook_endpoint
SET state = $2::varchar, error_code = $3, error_message = $5, updated_at = now(),
    refusals = CASE $2::varchar WHEN 'failed' THEN refusals + 1 WHEN 'creating' THEN refusals ELSE 0 END,
    silent_at = CASE WHEN state = 'enabled' AND $2::varchar = 'enabled' THEN silent_at END,
    enabled_at = CASE WHEN $2::varchar = 'enabled' AND state <> 'enabled' THEN now() ELSE enabled_at END
WHERE id = $1 AND state = ANY ($4::text[])
RETURNING id"""


def sources(target: EndpointState) -> list[EndpointState]:
    """Return the states from which `target` may be reached, itself included: a move to where one is keeps it."""
    return [state for state, targets in TRANSITIONS.items() if target in targets or state == target]


async def move(
    database: Executor,
    endpoint: int,
    target: EndpointState,
    *,
    error_code: str | None = None,
    error_message: str | None = None,
) -> bool:
    """Move an endpoint to a state and return whether it could; a move not allowed is logged and changes nothing.

    `error_code` and `error_message` say why it is no longer, or not, enabled; every other move clears them. A move to
    `failed` counts as a refusal more, one that succeeds ends the count. One statement.
    """
    moved = await database.fetchval(_MOVE, endpoint, target, error_code, sources(target), error_message)
    if moved is None:
        log.warning("webhook_endpoint_move_refused", endpoint=endpoint, target=target)
    return moved is not None
