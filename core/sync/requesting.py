"""Asking for sync runs: by hand, by schedule, or because a run wants another one after it. Each is one statement."""

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from core.errors import BadInput, FirmPaused, ServiceError
from core.logging import get_logger
from core.sync.firm_schedule import paused_among
from core.sync.progress import publish_progress

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)

OVERLAP_S = 300
"""How far an incremental run looks back behind the high-water mark: for clocks that differ, and seconds that round."""


async def request_runs(
    services: "Services",
    *,
    firms: Sequence[int],
    resource: str | None,
    full: bool,
    changed_since: datetime.datetime | None = None,
    by_hand: bool = True,
) -> list[int]:
    """Ask for a run of each resource (or of one) for each connected firm, and wake the workers; return the run ids.

    Paused firms are left out. Unless it is asked for `by_hand`, a backfill waits for the end of quiet hours, and no run
    at all is no error.

    A resource that was never read in full, or whose plugin has come to keep other fields since, is backfilled, as is
    one asked for with `full`; otherwise the run is incremental. A resource with an active run keeps that one, and that
    id is returned. An incremental run reads what changed since the last one, or since `changed_since`.

    Raises:
        NotFound: there is no such resource.
        FirmPaused: the connected ones of the firms are paused.
        ServiceError: none of the firms is connected.
    """
    pairs = _pairs(firms, _names(services, resource))
    rows = await _request(services, pairs, full=full, changed_since=changed_since, by_hand=by_hand)
    return await _wake(services, rows, firms=firms if by_hand else None)


async def request_polls(services: "Services", pairs: Sequence[tuple[int, str]]) -> list[int]:
    """Ask for what `request_runs` does, for pairs of a firm and a resource, by schedule; return the run ids."""
    rows = await _request(services, pairs, full=False, changed_since=None, by_hand=False)
    return await _wake(services, rows, firms=None)


def _names(services: "Services", resource: str | None) -> list[str]:
    wanted = [services.registry.resource(resource)] if resource else services.registry.resources
    return [each.name for each in wanted]


def _pairs(firms: Sequence[int], names: Sequence[str]) -> list[tuple[int, str]]:
    return [(firm, name) for firm in dict.fromkeys(firms) for name in names]


async def _request(
    services: "Services",
    pairs: Sequence[tuple[int, str]],
    *,
    full: bool,
    changed_since: datetime.datetime | None,
    by_hand: bool,
) -> list[asyncpg.Record]:
    firms, names = [firm for firm, _ in pairs], [name for _, name in pairs]
    fields = [services.registry.resource(name).endpoint.fields for name in names]
    rows: list[asyncpg.Record] = await services.database.pool.fetch(
        _REQUEST, firms, names, full, OVERLAP_S, fields, changed_since, by_hand
    )
    return rows


async def _wake(services: "Services", rows: Sequence[asyncpg.Record], *, firms: Sequence[int] | None) -> list[int]:
    """Wake a worker for the runs; that there are none is an error where `firms` are named, whom a person asked for."""
    paused = [] if firms is None else await paused_among(services.database, firms)
    if paused and rows:
        log.warning("paused_firms_left_out", firms=paused)
    if firms is not None and not rows:
        if paused:
            raise FirmPaused(paused)
        raise ServiceError("no connected firm to sync: connect one with the mutation connectFirm, then ask again")
    if rows:
        await services.queue.wake_sync()
    for row in rows:
        await publish_progress(services.redis, firm=row["firm"], run=row["id"])
    return [row["id"] for row in rows]


_REQUEST = """
WITH wanted AS (
    SELECT firm.id AS firm, name.resource, name.fields, name.place, sync_cursor.high_water_at,
           $3 OR high_water_at IS NULL OR sync_cursor.fields IS DISTINCT FROM name.fields AS whole
    FROM unnest($1::bigint[], $2::text[], $5::text[]) WITH ORDINALITY AS name (firm, resource, fields, place)
    JOIN firm ON firm.id = name.firm AND firm.state = 'connected' AND firm.paused_at IS NULL
    LEFT JOIN sync_cursor ON sync_cursor.firm = firm.id AND sync_cursor.resource = name.resource
), asked AS (
    INSERT INTO sync_run (firm, resource, kind, fields, since_at, by_hand)
    SELECT firm, resource, CASE WHEN whole THEN 'backfill' ELSE 'incremental' END, fields,
           CASE WHEN whole THEN NULL
                ELSE coalesce($6::timestamptz, high_water_at) - make_interval(secs => $4) END, $7
    FROM wanted ORDER BY place
    ON CONFLICT (firm, resource) WHERE state IN ('queued', 'running', 'throttled')
    DO UPDATE SET by_hand = sync_run.by_hand OR EXCLUDED.by_hand
    RETURNING id, firm
)
SELECT id, firm FROM asked ORDER BY id"""


async def request_reconciliations(
    services: "Services", *, firms: Sequence[int], resource: str | None, by_hand: bool = True
) -> list[int]:
    """Ask for a comparison of Clio's list with the mirror, as `request_runs` asks for runs; return the run ids.

    Resources without a list of their own are left out.

    Raises:
        NotFound: there is no such resource.
        BadInput: Clio has no list of the whole resource.
        FirmPaused: the connected ones of the firms are paused.
        ServiceError: none of the firms is connected.
    """
    names = [name for name in _names(services, resource) if services.registry.resource(name).has_list]
    if not names:
        raise BadInput(f"clio lists {resource} below other records only, so there is no whole to compare: sync it")
    rows = await _request_reconciliations(services, _pairs(firms, names), by_hand=by_hand)
    return await _wake(services, rows, firms=firms if by_hand else None)


async def request_comparisons(services: "Services", pairs: Sequence[tuple[int, str]]) -> list[int]:
    """Ask for what `request_reconciliations` does, for pairs of a firm and a resource, by schedule; return the ids."""
    return await _wake(services, await _request_reconciliations(services, pairs, by_hand=False), firms=None)


async def _request_reconciliations(
    services: "Services", pairs: Sequence[tuple[int, str]], *, by_hand: bool
) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await services.database.pool.fetch(
        _REQUEST_RECONCILIATION,
        [firm for firm, _ in pairs],
        [name for _, name in pairs],
        by_hand,
    )
    return rows


_REQUEST_RECONCILIATION = """
WITH asked AS (
    INSERT INTO sync_run (firm, resource, kind, by_hand)
    SELECT firm.id, name.resource, 'reconcile', $3
    FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS name (firm, resource, place)
    JOIN firm ON firm.id = name.firm AND firm.state = 'connected' AND firm.paused_at IS NULL
    ORDER BY name.place
    ON CONFLICT (firm, resource) WHERE state IN ('queued', 'running', 'throttled')
    DO UPDATE SET by_hand = sync_run.by_hand OR EXCLUDED.by_hand
    RETURNING id, firm
)
SELECT id, firm FROM asked ORDER BY id"""
