"""Verifies the history in the database: every link is computed again from the rows of `change` it seals.

One firm after the other, each in one snapshot; PostgreSQL digests the rows, and links come by the hundred.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from core.db.types import Connection
from core.history.chain import Head, Position, Purge, Seal, read_by_index
from core.history.checking import Checker, Content, Expected, Verdict
from core.history.keys import SealKeys
from core.history.lines import digest_of, line_digest

if TYPE_CHECKING:
    from core.services import Services

LINKS_AT_ONCE = 200
CHANGES_AT_ONCE = 20_000
"""What one statement digests, so that it ends within the time of a statement on a slow disk, too."""

_PURGE = """
SELECT purged_through, purged_committed_in, purged_id FROM history_seal
WHERE firm = $1 AND kind = 'purge' ORDER BY number DESC LIMIT 1"""

_LINKS = "SELECT * FROM history_seal WHERE firm = $1 AND number > $2 ORDER BY number LIMIT $3"

_CONTENTS = f"""
SELECT found.changes, found.digest
FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY
    AS link (after_committed_in, after_id, until_committed_in, until_id, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS changes,
           {digest_of(line_digest("change"), "change.committed_in, change.id")} AS digest
    FROM change
    WHERE change.firm = $1 AND (change.committed_in, change.id) > (link.after_committed_in, link.after_id)
      AND (change.committed_in, change.id) <= (link.until_committed_in, link.until_id)
) AS found
ORDER BY link.place"""

_REST = """
SELECT count(*) FILTER (WHERE (change.committed_in, change.id) <= (progress.committed_in, progress.change)) AS below,
       count(*) FILTER (WHERE (change.committed_in, change.id) > (progress.committed_in, progress.change)) AS above
FROM (SELECT * FROM history_progress ORDER BY id LIMIT 1) AS progress
CROSS JOIN LATERAL (
    SELECT committed_in, id FROM change WHERE firm = $1 AND (committed_in, id) > ($2, $3)
) AS change"""

Progress = Callable[[int, int], None]
"""Told, after each statement, the links and the changes of the firm that are checked so far."""


async def firms_with_history(services: "Services") -> list[int]:
    """Return the numbers of the firms that there are or that have a chain."""
    rows = await services.database.pool.fetch(
        """WITH RECURSIVE chained AS (
            (SELECT firm FROM history_seal ORDER BY firm LIMIT 1)
            UNION ALL
            SELECT (SELECT firm FROM history_seal WHERE firm > chained.firm ORDER BY firm LIMIT 1)
            FROM chained WHERE chained.firm IS NOT NULL
        )
        SELECT id FROM firm UNION SELECT firm FROM chained WHERE firm IS NOT NULL ORDER BY id"""
    )
    return [row["id"] for row in rows]


async def verify_firm(
    services: "Services",
    firm: int,
    *,
    since: int = 1,
    expected: Sequence[Expected] = (),
    progress: Progress | None = None,
) -> Verdict:
    """Check the chain of a firm against its changes, from the link `since` on.

    About 100,000 changes a second, in bounded memory.

    `expected` are heads that were noted elsewhere, without which links cut off at the end together with their changes
    are not missed.
    """
    keys = SealKeys.of(services.settings)
    async with (
        services.database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await read_by_index(connection)
        purge = await purge_of(connection, firm)
        after = await _before(connection, firm, since)
        checker = Checker(firm, keys, purge, tuple(each for each in expected if each.firm == firm), after)
        async for seals in _links(connection, firm, after.number if after is not None else -(2**63)):
            await _check(connection, checker, seals)
            if progress is not None:
                progress(checker.links, checker.changes)
        [rest] = await connection.fetch(_REST, firm, *checker.head.until)
        checker.end(rest["below"])
    return Verdict.of(checker, unsealed=rest["above"])


async def purge_of(connection: Connection, firm: int) -> Purge | None:
    """Return what the latest purge of a firm says; None where nothing was purged."""
    row = await connection.fetchrow(_PURGE, firm)
    if row is None or row["purged_through"] is None:
        return None
    return Purge(through=row["purged_through"], until=(row["purged_committed_in"], row["purged_id"]))


async def _before(connection: Connection, firm: int, since: int) -> Head | None:
    """Return the link before one, to begin after; None where there is none: then the chain is read from its start."""
    row = await connection.fetchrow(
        "SELECT number, hash, until_committed_in, until_id FROM history_seal WHERE firm = $1 AND number = $2",
        *(firm, since - 1),
    )
    return None if row is None else Head(row["number"], row["hash"], (row["until_committed_in"], row["until_id"]))


async def _links(connection: Connection, firm: int, after: int) -> AsyncIterator[list[Seal]]:
    """Read the links in their order, as many at once as seal no more changes than one statement should digest."""
    while rows := await connection.fetch(_LINKS, firm, after, LINKS_AT_ONCE):
        seals: list[Seal] = []
        changes = 0
        for row in rows:
            changes += max(row["changes"], 0) if row["kind"] == "changes" else 0
            if seals and changes > CHANGES_AT_ONCE:
                break
            seals.append(Seal.read(dict(row)))
        yield seals
        after = seals[-1].link.number


async def _check(connection: Connection, checker: Checker, seals: Sequence[Seal]) -> None:
    """Read what lies where the links say, in one statement, and check them."""
    ranges: list[tuple[Position, Position]] = []
    after = checker.head.until
    for seal in seals:
        if seal.link.kind == "changes":
            ranges.append((after, seal.link.until))
        after = seal.link.until
    columns = zip(*((*since, *until) for since, until in ranges), strict=True) if ranges else ([], [], [], [])
    rows = iter(await connection.fetch(_CONTENTS, checker.firm, *map(list, columns)) if ranges else ())
    for seal in seals:
        row = next(rows) if seal.link.kind == "changes" else None
        checker.take(seal, None if row is None else Content(row["changes"], row["digest"]))
