"""The connected users' rights at Clio, looked at every hour: what changes is a finding (`core.clio.drift`)."""

from typing import Any

from core.clio import drift
from core.clio.priority import Priority
from core.errors import ClioError, NotFound
from core.logging import get_logger
from core.services import Services

log = get_logger(__name__)

LOOK_S = 3600
"""How often the connected user's rights are looked at."""

FIRMS_AT_ONCE = 50


async def look_at_rights(services: Services) -> int:
    """Look what rights the connected users have, of firms not looked at for an hour; return how many were.

    One request for each firm; one worker looks at a firm. A firm that Clio does not answer for is looked at again in an
    hour, and a grant that was withdrawn at Clio is found this way.
    """
    rows = await services.database.pool.fetch(
        """UPDATE oauth_token SET rights_at = now()
           WHERE firm IN (
               SELECT token.firm FROM oauth_token AS token JOIN firm ON firm.id = token.firm
               WHERE firm.state = 'connected' AND (rights_at IS NULL OR rights_at < now() - make_interval(secs => $1))
               ORDER BY rights_at NULLS FIRST LIMIT $2 FOR UPDATE OF token SKIP LOCKED
           ) RETURNING firm, rights""",
        LOOK_S,
        FIRMS_AT_ONCE,
    )
    for row in rows:
        try:
            await _look(services, row["firm"], row["rights"])
        except (ClioError, NotFound) as error:
            log.warning("rights_not_read", firm=row["firm"], error=error.code)
    return len(rows)


async def _look(services: Services, firm: int, known: dict[str, Any] | None) -> None:
    rights = await services.accounts.client(firm).rights(priority=Priority.INCREMENTAL)
    if known is not None:
        await drift.note_change(services.database.pool, firm, "rights_changed", known, rights)
    await services.database.pool.execute("UPDATE oauth_token SET rights = $2 WHERE firm = $1", firm, rights)
