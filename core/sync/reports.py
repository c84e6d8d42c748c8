"""Reports of reconcile runs as rows, and the findings that are still to be settled. Each call is one statement."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.db.engine import Connection, Database
from core.errors import LeaseLost, ServiceError
from core.sync.runs import Run

FindingKind = Literal["missing", "stale", "extra"]


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a reconcile run is. `held` (too many were gone) is known once the whole list was compared."""

    covered_to: int
    listed: bool
    held: bool


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A record that differs. `seen_at` is when the page that told of it was asked for."""

    clio_id: int
    kind: FindingKind
    seen_at: datetime.datetime


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What became of some findings, for the counters of run and report."""

    created: int = 0
    updated: int = 0
    repaired: int = 0
    deleted: int = 0
    hidden: int = 0
    unknown: int = 0
    requests: int = 0


async def open_report(database: Database, run: Run) -> Position:
    """Make the report of a run where there is none yet; return how far the run is."""
    row = await database.pool.fetchrow(
        """INSERT INTO reconciliation_report (run, firm, resource) VALUES ($1, $2, $3)
           ON CONFLICT (run) DO UPDATE SET run = EXCLUDED.run
           RETURNING covered_to, listed_at IS NOT NULL AS listed, held""",
        run.id,
        run.firm,
        run.resource,
    )
    if row is None:
        raise ServiceError("the report of a run was not kept: this is a defect of the statement")
    return Position(**dict(row))


async def open_findings(database: Database, run: Run, *, kinds: Sequence[FindingKind], limit: int) -> list[Finding]:
    """Return the first findings that are still to be settled, in order of Clio id."""
    rows = await database.pool.fetch(
        """SELECT clio_id, kind, seen_at FROM reconciliation_finding
           WHERE run = $1 AND kind = ANY ($2::text[]) ORDER BY clio_id LIMIT $3""",
        run.id,
        kinds,
        limit,
    )
    return [Finding(**dict(row)) for row in rows]


async def settle(
    connection: Connection, run: Run, findings: Sequence[Finding], settled: Settled, *, owner: str, lease_s: float
) -> None:
    """Strike findings off and count what became of them, in the transaction that wrote it.

    Raises:
        LeaseLost: the run is somebody else's; roll back, for that one settles them too.
    """
    leased = await connection.fetchval(
        _SETTLE,
        run.id,
        owner,
        lease_s,
        [finding.clio_id for finding in findings],
        settled.created,
        settled.updated,
        settled.repaired,
        settled.deleted,
        settled.hidden,
        settled.unknown,
        settled.requests,
    )
    if not leased:
        raise LeaseLost(f"run {run.id} was taken over by another worker: stop working on it")


_SETTLE = """
WITH leased AS (
    UPDATE sync_run
    SET records_created = records_created + $5, records_updated = records_updated + $6, failures = 0,
        heartbeat_at = now(), lease_until = now() + make_interval(secs => $3)
    WHERE id = $1 AND lease_owner = $2 AND state = 'running'
    RETURNING id
), struck AS (
    DELETE FROM reconciliation_finding AS finding USING leased
    WHERE finding.run = leased.id AND finding.clio_id = ANY ($4::bigint[])
), reported AS (
    UPDATE reconciliation_report AS report
    SET repaired = report.repaired + $7, deleted = report.deleted + $8, hidden = report.hidden + $9,
        unknown = report.unknown + $10, requests = report.requests + $11
    FROM leased WHERE report.run = leased.id
)
SELECT count(*) = 1 FROM leased"""
