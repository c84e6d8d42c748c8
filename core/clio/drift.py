"""What the connected user may see, as it changes: a token that sees less than yesterday is found, and shown.

Lists are filtered by what the user may see, so a permission that is lost looks like records that are gone. Source: Clio
API, permissions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from core.db.engine import Executor
from core.logging import get_logger

log = get_logger(__name__)

Kind: TypeAlias = Literal["forbidden", "fewer", "user_changed", "rights_changed"]

NEXT_STEP: dict[Kind, str] = {
    "forbidden": "let the application and the connected user read the resource at Clio, then connect the firm again",
    "fewer": "check what the connected user may see at Clio; see the reconcile run's error message",
    "user_changed": "another user connected the firm and may see other records: reconcile",
    "rights_changed": "check what the connected user may see at Clio, and reconcile",
}


async def note(
    database: Executor, firm: int, kind: Kind, *, resource: str | None = None, details: Mapping[str, Any]
) -> None:
    """Keep a finding, or see one again that is open. One statement; what is new is logged with the next step."""
    is_new = await database.fetchval(
        """INSERT INTO access_finding (firm, kind, resource, details) VALUES ($1, $2, $3, $4)
           ON CONFLICT (firm, kind, coalesce(resource, '')) WHERE resolved_at IS NULL
           DO UPDATE SET seen_at = now(), details = CASE
               WHEN access_finding.kind IN ('user_changed', 'rights_changed')
               THEN EXCLUDED.details || jsonb_build_object('before', access_finding.details -> 'before')
               ELSE EXCLUDED.details END
           RETURNING xmax = 0""",
        firm,
        kind,
        resource,
        dict(details),
    )
    if is_new:
        log.warning("access_drift", firm=firm, kind=kind, resource=resource, next_step=NEXT_STEP[kind])


async def resolve(database: Executor, firm: int, kinds: Sequence[Kind], *, resource: str | None = None) -> None:
    """Close what is found no more. One statement."""
    await database.execute(
        """UPDATE access_finding SET resolved_at = now()
           WHERE firm = $1 AND kind = ANY ($2::text[]) AND resource IS NOT DISTINCT FROM $3 AND resolved_at IS NULL""",
        firm,
        list(kinds),
        resource,
    )


async def note_change(database: Executor, firm: int, kind: Kind, before: object, after: object) -> None:
    """Keep that something is no longer what it was, or close that when it is again what it was at first."""
    first = await database.fetchval(
        "SELECT details -> 'before' FROM access_finding WHERE firm = $1 AND kind = $2 AND resolved_at IS NULL",
        firm,
        kind,
    )
    if first is not None and first == after:
        await resolve(database, firm, [kind])
    elif before != after:
        await note(database, firm, kind, details={"before": before, "after": after})
