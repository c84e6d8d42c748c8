"""Legal holds: while one of a firm is open, nothing of its history and of its raw deliveries is purged.

Placing and releasing are links of the firm's chain, and the rows are never deleted.
"""

from typing import TYPE_CHECKING, Any

from core.errors import BadInput, NotFound
from core.history import chain
from core.history.keys import SealKeys
from core.logging import get_logger

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

NOT_HELD = "NOT EXISTS (SELECT FROM legal_hold WHERE legal_hold.firm = {firm} AND legal_hold.released_at IS NULL)"
"""SQL: no hold of a firm is open."""

REASON_MAX = 2_000
"""Characters of a reason, and of who gives it."""


async def place_hold(services: "Services", firm: int, *, reason: str, by: str) -> int:
    """Place a hold on a firm, whatever its state, and return its number. A firm may have several at once.

    What a purge had already marked as gone and not yet deleted is kept, too.

    Raises:
        NotFound: there is no such firm.
        BadInput: the reason, or who gives it, is empty or too long.
    """
    reason, by = _said("reason", reason), _said("placed by", by)
    async with services.database.transaction() as connection:
        at = await chain.lock(connection)
        hold: int | None = await connection.fetchval(
            """INSERT INTO legal_hold (firm, reason, placed_by, placed_at)
            SELECT id, $2, $3, $4 FROM firm WHERE id = $1 RETURNING id""",
            *(firm, reason, by, at),
        )
        if hold is None:
            raise NotFound(f"there is no firm {firm}")
        keys = SealKeys.of(services.settings)
        await chain.append(connection, keys, firm, "hold", at=at, reason=_entry(hold, by, reason))
    log.info("legal_hold_placed", firm=firm, hold=hold)
    return hold


async def release_hold(services: "Services", hold: int, *, reason: str, by: str) -> int:
    """End a hold and return its firm; what it kept may go with the next purge, unless another hold is open.

    Raises:
        NotFound: there is no such hold.
        BadInput: it is released already, or the reason, or who gives it, is empty or too long.
    """
    reason, by = _said("reason", reason), _said("released by", by)
    async with services.database.transaction() as connection:
        at = await chain.lock(connection)
        row = await connection.fetchrow("SELECT firm, released_at FROM legal_hold WHERE id = $1 FOR UPDATE", hold)
        if row is None:
            raise NotFound(f"there is no legal hold {hold}")
        if row["released_at"] is not None:
            raise BadInput(f"legal hold {hold} was released at {row['released_at'].isoformat()}")
        await connection.execute(
            "UPDATE legal_hold SET released_by = $2, released_at = $3, release_reason = $4 WHERE id = $1",
            *(hold, by, at, reason),
        )
        firm: int = row["firm"]
        keys = SealKeys.of(services.settings)
        await chain.append(connection, keys, firm, "release", at=at, reason=_entry(hold, by, reason))
    log.info("legal_hold_released", firm=firm, hold=hold)
    return firm


async def list_holds(services: "Services", firm: int | None = None, *, released: bool = False) -> list[dict[str, Any]]:
    """Return the open holds, of one firm or all, in order of number; released ones too where asked."""
    rows = await services.database.pool.fetch(
        """SELECT id, firm, reason, placed_by, placed_at, released_by, released_at, release_reason FROM legal_hold
        WHERE ($1::bigint IS NULL OR firm = $1) AND ($2 OR released_at IS NULL) ORDER BY id""",
        *(firm, released),
    )
    return [dict(row) for row in rows]


def _said(name: str, text: str) -> str:
    said = text.strip()
    if not said:
        raise BadInput(f"the {name} is empty: say it in a few words")
    if len(said) > REASON_MAX or "\0" in said:
        raise BadInput(f"the {name} must be plain text of at most {REASON_MAX} characters")
    return said


def _entry(hold: int, by: str, reason: str) -> str:
    return f"hold {hold} by {by}: {reason}"
