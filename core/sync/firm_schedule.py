"""Firms that rest: paused by a person, or in their quiet hours. Which runs wait, and until when."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from core.errors import BadInput, FirmPaused, NotFound
from core.logging import get_logger
from core.sync.quiet_hours import QuietHours

if TYPE_CHECKING:
    import datetime

    from core.db.engine import Database
    from core.services import Services

log = get_logger(__name__)

MOST_REASON = 500
"""Characters of the reason for a pause."""


def is_quiet_sql(alias: str) -> str:
    """Return a condition in SQL: a row of `firm` is in its quiet hours. Never null."""
    return f"coalesce(now() >= {alias}.rests_from AND now() < {alias}.rests_until, false)"


def is_awake_sql(alias: str) -> str:
    """Return a condition in SQL: runs of a row of `firm` may be asked for by schedule. Never null."""
    return f"({alias}.state = 'connected' AND {alias}.paused_at IS NULL AND NOT {is_quiet_sql(alias)})"


def may_run_sql(firm: str, run: str) -> str:
    """Return a condition in SQL: a row of `sync_run` need not wait for its firm. Never null.

    A paused firm's runs wait. In quiet hours backfills and comparisons do, unless a person asked for them.
    """
    return f"({firm}.paused_at IS NULL AND ({run}.by_hand OR {run}.kind = 'incremental' OR NOT {is_quiet_sql(firm)}))"


async def pause(services: "Services", firm: int, *, reason: str) -> None:
    """Start no run of a firm until it is resumed; those under way are given back within seconds. One statement.

    Deliveries are taken in and processed all the same, and subscriptions are renewed. A firm that is paused already
    keeps the time, and takes the reason.

    Raises:
        NotFound: there is no such firm.
        BadInput: the reason is empty, or longer than 500 characters.
    """
    text = reason.strip()
    if not 0 < len(text) <= MOST_REASON:
        raise BadInput(f"say in 1 to {MOST_REASON} characters why the firm is paused")
    found = await services.database.pool.fetchval(
        "UPDATE firm SET paused_at = coalesce(paused_at, now()), pause_reason = $2 WHERE id = $1 RETURNING id",
        firm,
        text,
    )
    if found is None:
        raise _unknown(firm)
    log.info("firm_paused", firm=firm)


async def resume(services: "Services", firm: int) -> None:
    """Let the runs of a paused firm go on; whatever is due by now is asked for. Nothing happens to one not paused.

    Raises:
        NotFound: there is no such firm.
    """
    paused_at = await services.database.pool.fetchrow(
        """UPDATE firm SET paused_at = NULL, pause_reason = NULL,
               awake_since = CASE WHEN before.paused_at IS NULL THEN firm.awake_since ELSE now() END
           FROM firm AS before WHERE before.id = firm.id AND firm.id = $1 RETURNING before.paused_at""",
        firm,
    )
    if paused_at is None:
        raise _unknown(firm)
    if paused_at["paused_at"] is not None:
        await services.queue.wake_sync()
        log.info("firm_resumed", firm=firm)


async def set_quiet_hours(services: "Services", firm: int, hours: QuietHours | None) -> None:
    """Give a firm quiet hours, or none, from now on.

    Raises:
        NotFound: there is no such firm.
    """
    if hours is None:
        values: tuple[object, ...] = (None,) * 5
    else:
        now = await services.database.pool.fetchval("SELECT now()")
        words = hours.starts.isoformat("minutes"), hours.ends.isoformat("minutes"), hours.zone.key
        values = (*words, *hours.window(now))
    found = await services.database.pool.fetchval(
        f"""UPDATE firm SET quiet_from = $2, quiet_until = $3, quiet_time_zone = $4, rests_from = $5, rests_until = $6,
               awake_since = CASE WHEN {is_quiet_sql("firm")} THEN now() ELSE awake_since END
           WHERE id = $1 RETURNING id""",
        firm,
        *values,
    )
    if found is None:
        raise _unknown(firm)
    await services.queue.wake_sync()
    log.info("firm_quiet_hours_set", firm=firm, quiet=None if hours is None else f"{words[0]}-{words[1]} {words[2]}")


async def put_back_resting(database: "Database") -> int:
    """Queue again the runs whose worker went silent and whose firm rests since; return how many. One statement.

    Nobody takes them up before the firm is awake, and until then they must not look as if somebody worked on them.
    """
    rows = await database.pool.fetch(
        f"""UPDATE sync_run SET state = 'queued', lease_owner = NULL, lease_until = NULL
           FROM firm WHERE firm.id = sync_run.firm AND sync_run.state = 'running' AND lease_until < now()
               AND NOT cancel_requested AND NOT {may_run_sql("firm", "sync_run")}
           RETURNING sync_run.id"""
    )
    return len(rows)


async def turn_quiet_hours(database: "Database") -> int:
    """Move every firm whose quiet hours have ended to its next ones; return how many. Two statements at the most.

    Call it before anything else that is done by schedule: until then such a firm counts as awake.
    """
    rows = await database.pool.fetch(
        """SELECT id, quiet_from, quiet_until, quiet_time_zone, now() AS at FROM firm
           WHERE rests_until <= now() ORDER BY rests_until"""
    )
    if rows:
        moved = [(row["id"], *_next_window(row)) for row in rows]
        await database.pool.execute(
            """UPDATE firm SET rests_from = next.rests_from, rests_until = next.rests_until,
                   awake_since = greatest(awake_since, firm.rests_until)
               FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS next (id, rests_from, rests_until)
               WHERE firm.id = next.id AND firm.rests_until <= now()""",
            *map(list, zip(*moved, strict=True)),
        )
    return len(rows)


def _next_window(row: asyncpg.Record) -> "tuple[datetime.datetime | None, datetime.datetime | None]":
    try:
        hours = QuietHours.read(starts=row["quiet_from"], ends=row["quiet_until"], time_zone=row["quiet_time_zone"])
    except BadInput:
        # Tables of time zones differ between machines, and this one has lost it: other firms go on all the same.
        log.exception("firm_quiet_hours_lost", firm=row["id"], next_step="set them again")
        return None, None
    return hours.window(row["at"])


async def paused_among(database: "Database", firms: Sequence[int]) -> list[int]:
    """Return those of the firms that are connected and paused, in order of number."""
    rows = await database.pool.fetch(
        """SELECT id FROM firm WHERE id = ANY ($1::bigint[]) AND state = 'connected' AND paused_at IS NOT NULL
           ORDER BY id""",
        list(firms),
    )
    return [row["id"] for row in rows]


async def refuse_paused(database: "Database", firms: Sequence[int]) -> None:
    """Do nothing if none of the firms is paused.

    Raises:
        FirmPaused: names those that are.
    """
    if found := await paused_among(database, firms):
        raise FirmPaused(found)


def _unknown(firm: int) -> NotFound:
    return NotFound(f"there is no firm {firm}: `clio-service firms list` shows those there are")
