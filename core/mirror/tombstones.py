"""Tombstones: deletions told of records that the mirror does not have.

A page that was read before a deletion and is written after it must not bring the record in (`core.mirror.statement`).
A page and a deletion that are written at the very same moment do not see each other; what came of that is settled here.
"""

from typing import TYPE_CHECKING

from core.logging import get_logger
from core.mirror.writer import mark_absent

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

KEPT = "1 day"
"""How long a tombstone is kept: longer than a page that was read may wait to be written."""

BATCH = 1000
"""Tombstones deleted in one transaction."""


async def settle_tombstones(services: "Services") -> int:
    """Delete what came in beside its own deletion, and return how many; forget tombstones that are old enough.

    Two statements, and one for each resource that has tombstones.
    """
    pool, settled = services.database.pool, 0
    names = {row["resource"] for row in await pool.fetch("SELECT DISTINCT resource FROM tombstone")}
    for resource in services.registry.resources:
        if resource.name not in names:
            continue
        rows = await pool.fetch(
            f"""SELECT tombstone.* FROM tombstone JOIN "{resource.table_name}" AS stored USING (firm, clio_id)
            WHERE resource = $1 AND presence <> 'deleted' AND stored.seen_at <= tombstone.seen_at""",
            resource.name,
        )
        for row in rows:
            settled += await mark_absent(
                pool,
                resource,
                firm=row["firm"],
                clio_id=row["clio_id"],
                presence="deleted",
                seen_at=row["seen_at"],
                source=row["source"],
                evidence=row["evidence"],
            )
    forget = f"""DELETE FROM tombstone WHERE id IN (
        SELECT id FROM tombstone WHERE seen_at < now() - interval '{KEPT}' ORDER BY seen_at LIMIT {BATCH}
    )"""
    while (await pool.execute(forget)) == f"DELETE {BATCH}":
        pass
    if settled:
        log.info("tombstones_settled", records=settled)
    return settled
