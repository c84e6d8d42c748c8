"""History as JSON Lines: one change per line in the order of the feed, as `core.history.lines` writes it.

A whole export of a firm holds its chain as well, each link after the last change that it seals, so that the file can be
verified away from the database. It begins with a line `export` and ends with a line `end`: a file without it was cut
off. Only settled changes; one snapshot; a thousand rows in memory.
"""

import datetime
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.db.types import Connection
from core.errors import NotFound
from core.history.chain import START, Position, Seal, dump, instant_text
from core.history.lines import change_line
from core.history.verification import purge_of

if TYPE_CHECKING:
    from core.services import Services

ROWS_AT_ONCE = 1_000
VERSION = 1

_CHANGES = f"""
SELECT committed_in, id, {change_line("change")} AS line FROM change
WHERE firm = $1 AND (committed_in, id) > ($2, $3)
  AND committed_in < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  AND ($4::text IS NULL OR resource = $4) AND ($5::bigint IS NULL OR clio_id = $5)
  AND ($6::timestamptz IS NULL OR recorded_at >= $6) AND ($7::timestamptz IS NULL OR recorded_at < $7)
ORDER BY committed_in, id"""

_SEALS = "SELECT * FROM history_seal WHERE firm = $1 ORDER BY number"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which changes of a firm to export; `since` and `until` are about `recorded_at`, and `until` is not included."""

    firm: int
    resource: str | None = None
    clio_id: int | None = None
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is all there is of the firm, which can be verified."""
        return self.resource is None and self.clio_id is None and self.since is None and self.until is None


@dataclass
class Exported:
    """How many lines of each kind were written so far."""

    changes: int = 0
    links: int = 0


async def export_lines(services: "Services", wanted: Wanted, written: Exported) -> AsyncGenerator[str, None]:
    """Yield the lines, without line ends, and count them in `written`.

    Raises:
        NotFound: there is no such firm.
    """
    async with (
        services.database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield await _first_line(connection, wanted)
        purge = await purge_of(connection, wanted.firm)
        seals = _seals(connection, wanted)
        after = START if purge is None else purge.until
        seal = await anext(seals, None)
        async for row in connection.cursor(
            _CHANGES,
            *(wanted.firm, *after, wanted.resource, wanted.clio_id, wanted.since, wanted.until),
            prefetch=ROWS_AT_ONCE,
        ):
            while seal is not None and seal.link.until < (row["committed_in"], row["id"]):
                yield seal.line
                written.links += 1
                seal = await anext(seals, None)
            yield row["line"]
            written.changes += 1
        while seal is not None:
            yield seal.line
            written.links += 1
            seal = await anext(seals, None)
    yield dump({"type": "end", "changes": written.changes, "links": written.links})


async def _first_line(connection: Connection, wanted: Wanted) -> str:
    row = await connection.fetchrow(
        "SELECT region, clio_account_id, history_from_at, now() AS at FROM firm WHERE id = $1", wanted.firm
    )
    if row is None:
        raise NotFound(f"there is no firm {wanted.firm}")
    fields: dict[str, Any] = {
        "type": "export",
        "version": VERSION,
        "firm": wanted.firm,
        "region": row["region"],
        "clio_account_id": row["clio_account_id"],
        "exported_at": instant_text(row["at"]),
        "history_from_at": instant_text(row["history_from_at"]),
        "resource": wanted.resource,
        "clio_id": wanted.clio_id,
        "since": instant_text(wanted.since),
        "until": instant_text(wanted.until),
        "whole": wanted.is_whole,
    }
    purge = await purge_of(connection, wanted.firm)
    if purge is not None:
        gone: Position = purge.until
        fields |= {"purged_through": purge.through, "purged_committed_in": gone[0], "purged_id": gone[1]}
    return dump(fields)


async def _seals(connection: Connection, wanted: Wanted) -> AsyncIterator[Seal]:
    """The links of a whole export, in order."""
    if not wanted.is_whole:
        return
    async for row in connection.cursor(_SEALS, wanted.firm, prefetch=ROWS_AT_ONCE):
        yield Seal.read(dict(row))
