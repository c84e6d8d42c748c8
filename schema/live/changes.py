"""The feed of changes as it grows: each change read once for all who watch, in the order of commits.

A change is read once every transaction that began before its own has ended, so that nothing can come in behind it.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from core.errors import ServiceError
from core.history.horizon import purged_until, reaches_sql
from core.services import Services
from core.sync.progress import PROGRESS_CHANNEL
from schema.live.topics import MOST_READ, Event, Topic, Watch
from schema.read.readers import Record
from schema.types.changes import CHANGE, FEED, history_purged

MOST_BEHIND = 1_000
"""So many changes a subscriber may be behind when it begins; who is further behind reads the list first."""

LOOK_AGAIN_S = 0.25
"""Not every writer hints; a look that finds nothing is one probe of an index."""

Position: TypeAlias = tuple[int, int]
"""Transaction and number of a change."""

_BETWEEN = f"""SELECT {FEED.select("t")} FROM {FEED.table} AS t
WHERE (t.committed_in, t.id) > ($1, $2) AND ($3::bigint IS NULL OR (t.committed_in, t.id) <= ($3, $4))
  AND ($5::bigint[] IS NULL OR t.firm = ANY ($5)) AND ($6::text IS NULL OR t.resource = $6)
  AND ($3::bigint IS NULL OR {reaches_sql("$5", ("$1", "$2"))})
ORDER BY t.committed_in, t.id LIMIT $7"""


class TooFarBehind(ServiceError):
    """A subscription of changes wants to begin so far back that the list has to be read first."""

    code = "TOO_FAR_BEHIND"


class AheadOfFeed(ServiceError):
    """A subscription of changes wants to begin behind what this process has read so far."""

    code = "AHEAD_OF_FEED"


@dataclass(frozen=True, slots=True)
class After:
    """Where a subscriber wants to begin."""

    position: Position


class Changes:
    """The source of the topic. What it has read is all up to a position, which only grows."""

    def __init__(self, services: Services) -> None:
        self._pool = services.database.pool
        self._position: Position | None = None

    async def read(self) -> Sequence[Event]:
        """Return the changes after the last reading, of all firms."""
        if self._position is None:
            # A change that is not shown yet has a higher transaction than this one.
            settled = await self._pool.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1")
            self._position = (settled, 2**63 - 1)
            return []
        rows = await self._between(self._position, None, limit=MOST_READ)
        if rows:
            self._position = (rows[-1]["committed_in"], rows[-1]["id"])
        return [_event(row) for row in rows]

    async def before(self, watch: Watch) -> Sequence[Event]:
        """Return what a subscriber missed from its cursor to the last reading.

        Raises:
            TooFarBehind: it missed more than MOST_BEHIND changes.
            HistoryPurged: some that it missed were purged.
            AheadOfFeed: this process is still reading up to the cursor.
        """
        if not isinstance(watch.start, After) or self._position is None:
            return []
        if watch.start.position > self._position:
            raise AheadOfFeed("this process has not read up to the cursor yet: subscribe again")
        try:
            rows = await self._between(
                watch.start.position, self._position, watch.firms, watch.only, limit=MOST_BEHIND + 1
            )
        except asyncpg.PostgresError as error:
            if (until := purged_until(error)) is None:
                raise
            raise history_purged(until) from error
        if len(rows) > MOST_BEHIND:
            raise TooFarBehind(
                f"more than {MOST_BEHIND} changes follow the cursor: page through the query changes(after:) "
                "first, then subscribe after its last cursor"
            )
        return [_event(row) for row in rows]

    async def _between(
        self,
        after: Position,
        until: Position | None,
        firms: frozenset[int] | None = None,
        resource: Hashable = None,
        *,
        limit: int,
    ) -> list[Record]:
        wanted = None if firms is None else sorted(firms)
        rows: list[Record] = await self._pool.fetch(_BETWEEN, *after, *(until or (None, None)), wanted, resource, limit)
        return rows


def _event(row: Record) -> Event:
    return Event(firm=row["firm"], key=row["id"], value=CHANGE.make(row))


def _is_of(resource: Hashable, event: Event) -> bool:
    return resource is None or event.value.resource == resource


CHANGES = Topic(
    name="changes",
    channel=PROGRESS_CHANNEL,
    open=Changes,
    latest_only=False,
    how_to_go_on="subscribe again after the last cursor",
    matches=_is_of,
    look_again_s=LOOK_AGAIN_S,
)
