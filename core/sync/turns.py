"""Whose turn it is: which due runs the free slots of a worker take up, fairly between firms and guarded within each.

Claims are made one at a time, so that two workers can never take the same run, nor together more of a firm than it may
have. Firms that have the fewest runs under way come first, and among them the one that has waited longest since a
worker last took up a run of it: a firm's queue, however long, delays no other firm by more than one round.
"""

from core.sync.firm_schedule import may_run_sql

TAKE_LOCK = 0x74_75_72_6E
"""Advisory lock under which runs are taken up, for the few milliseconds of one statement."""

_AHEAD = "interval '1 minute'"
"""By so much an incremental run, which is short, goes before a backfill or comparison of its firm; none starves."""

TAKE = f"""
WITH open AS MATERIALIZED (
    SELECT run.id, run.firm, run.kind <> 'incremental' AS is_bulk, run.state = 'running' AS is_held, firm.turn_at,
           run.not_before_at + CASE run.kind WHEN 'incremental' THEN interval '0' ELSE {_AHEAD} END AS waits_from,
           ($1::bigint IS NULL OR run.id = $1) AND ($6 OR run.kind = 'incremental')
               AND run.not_before_at <= now() AND NOT run.cancel_requested
               AND (run.state IN ('queued', 'throttled') OR run.lease_until < now())
               AND {may_run_sql("firm", "run")} AS is_due
    FROM sync_run AS run JOIN firm ON firm.id = run.firm
    WHERE run.state IN ('queued', 'running', 'throttled')
), load AS MATERIALIZED (
    SELECT firm, max(turn_at) AS turn_at, count(*) FILTER (WHERE is_held) AS runs,
           count(*) FILTER (WHERE is_held AND is_bulk) AS bulk, bool_or(is_due AND is_held) AS lapsed,
           bool_or(is_due AND NOT is_held AND NOT is_bulk) AS short, bool_or(is_due AND NOT is_held AND is_bulk) AS long
    FROM open GROUP BY firm
), first AS MATERIALIZED (
    SELECT firm, runs, bulk FROM load
    WHERE lapsed OR (runs < $4::int AND (short OR (long AND bulk < greatest(1, $4 - 1))))
    ORDER BY CASE WHEN lapsed THEN runs - 1 ELSE runs END, turn_at NULLS FIRST LIMIT $5
), due AS (
    SELECT open.*, first.runs, first.bulk + count(*) FILTER (WHERE NOT is_held)
        OVER (PARTITION BY firm, is_bulk ORDER BY waits_from, id) AS bulk
    FROM open JOIN first USING (firm) WHERE is_due
), allowed AS (
    SELECT *, runs + count(*) FILTER (WHERE NOT is_held)
        OVER (PARTITION BY firm ORDER BY is_held DESC, waits_from, id) AS place
    FROM due WHERE is_held OR NOT is_bulk OR bulk <= greatest(1, $4 - 1)
), chosen AS (
    SELECT id FROM allowed WHERE is_held OR place <= $4::int
    ORDER BY place, turn_at NULLS FIRST, waits_from, id LIMIT $5
), taken AS (
    UPDATE sync_run SET state = 'running', lease_owner = $2, lease_until = now() + make_interval(secs => $3),
        attempt = attempt + 1, heartbeat_at = now(), started_at = coalesce(started_at, now()),
        high_water_at = coalesce(high_water_at, now())
    FROM chosen
    WHERE sync_run.id = chosen.id AND not_before_at <= now() AND NOT cancel_requested
      AND (state IN ('queued', 'throttled') OR (state = 'running' AND lease_until < now()))
    RETURNING sync_run.id, firm, resource, kind, next_url, since_at, high_water_at, attempt, failures,
        approves, records_seen, records_total, read_to
), turned AS (
    UPDATE firm SET turn_at = clock_timestamp()
    FROM (
        SELECT id FROM firm WHERE id IN (SELECT firm FROM taken) FOR NO KEY UPDATE SKIP LOCKED
    ) AS served WHERE firm.id = served.id
)
SELECT * FROM taken"""
"""Take up to $5 due runs, or the one numbered $1 if it is due, for the owner $2 and $3 seconds; $6 says whether
backfills and comparisons may be among them.

Only the firms that come first are looked into, as many as there are places: any run of another one comes after theirs.
A firm has $4 runs under way at most, of which one less may be backfills and comparisons: an incremental run, which is
short, finds a place at once. A run whose worker went silent counts as under way until it is taken up again, which it
always may be. The caller holds TAKE_LOCK.
"""
