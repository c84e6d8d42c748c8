"""Reports of reconcile runs as rows, and the findings that are still to be settled. Each call is one statement."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.db.engine import Connection, Database
from core.errors import LeaseLost, ServiceError
from core.mirror.root import PROOF_WITHIN_S, proof_statement
from core.resource import Resource
from core.sync.runs import Run

FindingKind = Literal["missing", "stale", "extra", "approved"]

Sample = Mapping[str, str | int]
"""A finding as the report names it: `clio_id`, `kind`, and `outcome`, which is what became of it."""


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a reconcile run is. `held` (too many were gone) is known once the whole list was compared."""

    covered_to: int
    listed: bool
    held: bool
    samples: Sequence[Sample]


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
    kept: int = 0
    requests: int = 0
    samples: Sequence[Sample] = ()


async def open_report(database: Database, run: Run) -> Position:
    """Make the report of a run where there is none yet; return how far the run is."""
    row = await database.pool.fetchrow(
        """INSERT INTO reconciliation_report (run, firm, resource) VALUES ($1, $2, $3)
           ON CONFLICT (run) DO UPDATE SET run = EXCLUDED.run
           RETURNING covered_to, listed_at IS NOT NULL AS listed, held_at IS NOT NULL AS held, samples""",
        run.id,
        run.firm,
        run.resource,
    )
    if row is None:
        raise ServiceError("the report of a run was not kept: this is a defect of the statement")
    return Position(**dict(row))


async def open_findings(
    database: Database, run: Run, *, kinds: Sequence[FindingKind], after: int, limit: int
) -> list[Finding]:
    """Return the first findings after an id that are still to be settled, in order of Clio id."""
    rows = await database.pool.fetch(
        """SELECT clio_id, kind, seen_at FROM reconciliation_finding
           WHERE run = $1 AND kind = ANY ($2::text[]) AND clio_id > $3 ORDER BY clio_id LIMIT $4""",
        run.id,
        kinds,
        after,
        limit,
    )
    return [Finding(**dict(row)) for row in rows]


async def settle(
    connection: Connection,
    run: Run,
    findings: Sequence[Finding],
    settled: Settled,
    *,
    asked: bool,
    owner: str,
    lease_s: float,
) -> None:
    """Strike findings off and count what became of them, in the transaction that wrote it.

    Those that Clio was asked for by themselves are `asked` until the run ends: its answer outdoes its list. What was
    held by the run that this one was approved for is held no more.

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
        settled.kept,
        settled.requests,
        list(settled.samples),
        asked,
    )
    if not leased:
        raise LeaseLost(f"run {run.id} was taken over by another worker: stop working on it")


_LEASED = """leased AS (
    UPDATE sync_run
    SET records_created = records_created + $5, records_updated = records_updated + $6, failures = 0,
        heartbeat_at = now(), lease_until = now() + make_interval(secs => $3)
    WHERE id = $1 AND lease_owner = $2 AND state = 'running'
    RETURNING id, approves
)"""

_SETTLE = f"""
WITH {_LEASED}, struck AS (
    DELETE FROM reconciliation_finding AS finding USING leased
    WHERE finding.run = ANY (ARRAY[leased.id, leased.approves]) AND finding.clio_id = ANY ($4::bigint[])
      AND CASE WHEN finding.run = leased.id THEN NOT $13 ELSE finding.kind = 'held' END
    RETURNING finding.run, finding.kind
), answered AS (
    UPDATE reconciliation_finding AS finding SET kind = 'asked' FROM leased
    WHERE $13 AND finding.run = leased.id AND finding.clio_id = ANY ($4::bigint[])
), unheld AS (
    UPDATE reconciliation_report AS report SET held = report.held - gone.records
    FROM (SELECT run, count(*) AS records FROM struck WHERE kind = 'held' GROUP BY run) AS gone
    WHERE report.run = gone.run
), reported AS (
    UPDATE reconciliation_report AS report
    SET repaired = report.repaired + $7, deleted = report.deleted + $8, hidden = report.hidden + $9,
        kept = report.kept + $10, requests = report.requests + $11, samples = report.samples || $12::jsonb
    FROM leased WHERE report.run = leased.id
)
SELECT count(*) = 1 FROM leased"""


async def hold(
    connection: Connection,
    run: Run,
    findings: Sequence[Finding],
    held: Sequence[int],
    *,
    samples: Sequence[Sample],
    owner: str,
    lease_s: float,
) -> None:
    """Keep those findings that are held until somebody decides, and strike off the others.

    Raises:
        LeaseLost: as `settle` does.
    """
    leased = await connection.fetchval(
        _HOLD,
        run.id,
        owner,
        lease_s,
        [finding.clio_id for finding in findings],
        0,
        0,
        list(held),
        list(samples),
    )
    if not leased:
        raise LeaseLost(f"run {run.id} was taken over by another worker: stop working on it")


_HOLD = f"""
WITH {_LEASED}, struck AS (
    DELETE FROM reconciliation_finding AS finding USING leased
    WHERE finding.run = leased.id AND finding.clio_id = ANY ($4::bigint[]) AND finding.clio_id <> ALL ($7::bigint[])
), held AS (
    UPDATE reconciliation_finding AS finding SET kind = 'held' FROM leased
    WHERE finding.run = leased.id AND finding.clio_id = ANY ($7::bigint[])
), reported AS (
    UPDATE reconciliation_report AS report
    SET held = report.held + cardinality($7), unknown = report.unknown + cardinality($7),
        samples = report.samples || $8::jsonb
    FROM leased WHERE report.run = leased.id
)
SELECT count(*) = 1 FROM leased"""


async def prove(database: Database, run: Run, resource: Resource, *, ahead: datetime.timedelta, owner: str) -> None:
    """Put the roots of both sides into the report, and what sets them apart. Reads every record of the firm, once.

    Raises:
        LeaseLost: as `settle` does.
    """
    leased = await database.pool.fetchval(
        proof_statement(resource), run.firm, run.id, run.high_water_at, ahead, owner, timeout=PROOF_WITHIN_S
    )
    if not leased:
        raise LeaseLost(f"run {run.id} was taken over by another worker: stop working on it")


COVERAGE_KEPT = 20
"""Intervals, and holes, that a report keeps: the latest."""


async def keep_coverage(database: Database, run: int) -> None:
    """Put into the report what the ledger says of its resource now: intervals and holes, the latest last."""
    await database.pool.execute(_KEEP_COVERAGE, run, COVERAGE_KEPT)


_KEEP_COVERAGE = """
UPDATE reconciliation_report AS report SET coverage = jsonb_build_object(
    'intervals', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'basis', basis, 'from_at', from_at, 'until_at', until_at, 'is_open', is_open, 'proofs', proofs
        ) ORDER BY until_at, id), '[]') FROM (
            SELECT * FROM coverage_interval AS known WHERE known.firm = report.firm AND known.resource = report.resource
            ORDER BY until_at DESC, id DESC LIMIT $2
        ) AS latest
    ),
    'holes', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'reason', reason, 'from_at', from_at, 'until_at', until_at, 'swept_at', swept_at, 'closed_at', closed_at
        ) ORDER BY from_at, id), '[]') FROM (
            SELECT * FROM coverage_hole AS known WHERE known.firm = report.firm AND known.resource = report.resource
            ORDER BY from_at DESC, id DESC LIMIT $2
        ) AS latest
    )
) WHERE run = $1"""
