"""The sealer: adds what was changed to the chains, behind the writers, who wait for nobody and know nothing of it.

It takes the feed up where it left it, so its cost is that of what is new, however many firms there are: one statement
reads up to 5,000 settled changes and digests them by firm, one COPY writes a link for each firm.
"""

import datetime
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.db.types import Connection
from core.history.chain import Head, Link, Position, Seal, read_by_index, store
from core.history.keys import SealKeys
from core.history.lines import digest_of, line_digest

if TYPE_CHECKING:
    from core.services import Services

WINDOW = 5_000
"""Changes that one transaction seals at most: some tens of milliseconds, and some hundred kilobytes of digests."""

TURN_S = 15.0
"""Least time between two turns of all workers together: a link for every change would double the history."""

_BEGIN = """
UPDATE history_progress SET turned_at = now()
WHERE id = (
    SELECT id FROM history_progress WHERE turned_at <= now() - make_interval(secs => $1) ORDER BY id LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING committed_in, change, now() AS at"""

_READ = f"""
WITH taken AS MATERIALIZED (
    SELECT change.firm, change.committed_in, change.id, change.recorded_at, {line_digest("change")} AS digest
    FROM change
    WHERE (change.committed_in, change.id) > ($1, $2)
      AND change.committed_in < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY change.committed_in, change.id LIMIT $3
), heads AS (
    SELECT firms.firm, head.number, head.hash, coalesce(head.until_committed_in, 0) AS until_committed_in,
           coalesce(head.until_id, 0) AS until_id
    FROM (SELECT DISTINCT firm FROM taken) AS firms LEFT JOIN LATERAL (
        SELECT * FROM history_seal AS seal WHERE seal.firm = firms.firm ORDER BY number DESC LIMIT 1
    ) AS head ON true
), monthly AS (
    SELECT taken.*, heads.number, heads.hash, heads.until_committed_in, heads.until_id,
           date_trunc('month', recorded_at AT TIME ZONE 'UTC') AS month
    FROM taken JOIN heads USING (firm)
    WHERE (taken.committed_in, taken.id) > (heads.until_committed_in, heads.until_id)
), turned AS (
    SELECT *, month <> lag(month, 1, month) OVER (PARTITION BY firm ORDER BY committed_in, id) AS turns FROM monthly
), parted AS (
    SELECT *, count(*) FILTER (WHERE turns) OVER (PARTITION BY firm ORDER BY committed_in, id) AS part FROM turned
), sealed AS (
    SELECT firm, part, count(*) AS changes, max(recorded_at) AS recorded_until_at,
           (array_agg(ARRAY[committed_in, id] ORDER BY committed_in DESC, id DESC))[1:1] AS until,
           {digest_of("digest", "committed_in, id")} AS digest, number, hash, until_committed_in, until_id
    FROM parted GROUP BY firm, part, number, hash, until_committed_in, until_id
), last AS (
    SELECT committed_in, id, (SELECT count(*) FROM taken) AS taken
    FROM taken ORDER BY committed_in DESC, id DESC LIMIT 1
)
SELECT last.committed_in, last.id, last.taken, sealed.*
FROM last LEFT JOIN sealed ON true ORDER BY sealed.firm, sealed.part"""
"""A link ends with the month its changes are recorded in, so that a month can be purged by whole links."""


@dataclass(frozen=True)
class Sealed:
    """What one turn did. `behind`: there is more, and the next turn should come at once."""

    changes: int = 0
    links: int = 0
    behind: bool = False


async def seal(services: "Services", *, window: int = WINDOW, turn_s: float = TURN_S) -> Sealed:
    """Seal what is settled and not sealed yet, up to `window` changes; nothing where another worker did or does.

    A change is settled once every transaction that began to write before its own has ended: none can come in before it.
    """
    keys = SealKeys.of(services.settings)
    async with services.database.transaction() as connection:
        progress = await connection.fetchrow(_BEGIN, turn_s)
        if progress is None:
            return Sealed()
        await read_by_index(connection)
        rows = await connection.fetch(_READ, progress["committed_in"], progress["change"], window)
        if not rows:
            return Sealed()
        seals = [each for row in _by_firm(rows) for each in _links(row, keys, progress["at"])]
        await store(connection, seals)
        behind = rows[0]["taken"] >= window
        await _advance(connection, (rows[0]["committed_in"], rows[0]["id"]), behind=behind)
    return Sealed(rows[0]["taken"], len(seals), behind)


async def seal_all(services: "Services", *, window: int = WINDOW, turn_s: float = TURN_S) -> Sealed:
    """Seal until no more is settled than one window; return what was sealed."""
    changes = links = 0
    while True:
        turn = await seal(services, window=window, turn_s=turn_s)
        changes, links = changes + turn.changes, links + turn.links
        if not turn.behind:
            return Sealed(changes, links)


async def _advance(connection: Connection, until: Position, *, behind: bool) -> None:
    """Keep how far all are sealed; where there is more, the next turn need not wait."""
    await connection.execute(
        """UPDATE history_progress SET committed_in = $1, change = $2,
            turned_at = CASE WHEN $3 THEN '-infinity' ELSE turned_at END""",
        *until,
        behind,
    )


def _by_firm(rows: Sequence[Any]) -> Iterator[list[Any]]:
    sealed = (row for row in rows if row["firm"] is not None)
    return (list(group) for _, group in itertools.groupby(sealed, key=lambda row: row["firm"]))


def _links(rows: Sequence[Any], keys: SealKeys, at: datetime.datetime) -> Iterator[Seal]:
    """The links of one firm, each on the one before."""
    head = Head() if rows[0]["number"] is None else Head(rows[0]["number"], rows[0]["hash"])
    for row in rows:
        [(committed_in, number)] = row["until"]
        link = Link(
            firm=row["firm"],
            number=head.number + 1,
            kind="changes",
            until=(committed_in, number),
            changes=row["changes"],
            recorded_until_at=row["recorded_until_at"],
            digest=row["digest"],
            purge=None,
            reason=None,
            sealed_at=at,
            previous=head.hash,
        )
        made = Seal.made(link, keys)
        yield made
        head = Head(link.number, made.hash, link.until)
