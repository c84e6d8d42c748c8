"""The one statement that compares a page of Clio's list with the mirror, notes what differs, and moves the checkpoint.

A page in order of id covers every id after the last one of the page before it, up to its own last one; the last page
covers all that follow. Within that range a record is

- `missing`: listed, and not in the mirror, or not present there, unless it is the same record in Clio's trash;
- `stale`: listed with another etag or updated_at, and newer than the mirror has it;
- `extra`: present in the mirror, or of unknown presence and not held, not listed, and last seen before the page was
  asked for; `approved` where it was held by the run whose held records this one is to ask for.

What Clio changed after the run began is left to the webhook, and to the next incremental run, which looks back to
before then. What was seen after the page was asked for is newer than the page.

Findings, counters and checkpoint move together, while the caller holds the lease: a page is compared once, and what it
told is settled later, however often the run is taken up again. The page itself is kept until the run ends, so that the
whole list can be set against the whole mirror (`core.mirror.root`).

What an earlier run held is released where Clio lists it again, or where the mirror knows more by now.
"""

from functools import lru_cache

from core.resource import Resource

MASS_LEAST = 20
"""So many extras, and fewer, may be deletions."""

MASS_SHARE = 0.2
"""More extras than this part of the present rows are held back."""


@lru_cache(maxsize=256)
def compare_statement(resource: Resource) -> str:
    """Return the statement for a resource.

    Parameters: $1 listed records as JSON text (clio_id, etag, clio_updated_at), $2 firm, $3 and $4 the range: after the
    one id and up to the other, $5 when the page was asked for, $6 when the run began, $7 run id, $8 lease owner,
    $9 lease seconds, $10 next URL or null on the last page, $11 Clio's total of records or null, $12 the run whose held
    records this one is to ask for, or null, $13 requests that the page took.
    Returns one row: leased.
    """
    return f"""
WITH {_found(resource)}, checkpoint AS (
    UPDATE sync_run
    SET next_url = $10, pages = pages + 1, records_seen = records_seen + (SELECT count(*) FROM listed),
        records_total = coalesce($11, records_total), failures = 0,
        heartbeat_at = now(), lease_until = now() + make_interval(secs => $9)
    WHERE id = $7 AND lease_owner = $8 AND state = 'running'
    RETURNING id
), page_kept AS (
    INSERT INTO reconciliation_page (run, up_to, listed) SELECT id, $4, $1 FROM checkpoint
), {_RELEASED}, noted AS (
    INSERT INTO reconciliation_finding (run, clio_id, kind, seen_at)
    SELECT checkpoint.id, found.clio_id, found.kind, $5 FROM found CROSS JOIN checkpoint ORDER BY found.clio_id
    RETURNING kind
), counted AS (
    SELECT (SELECT count(*) FROM listed) AS listed,
           count(*) FILTER (WHERE kind = 'missing') AS missing,
           count(*) FILTER (WHERE kind = 'stale') AS stale,
           count(*) FILTER (WHERE kind IN ('extra', 'approved')) AS extra,
           count(*) FILTER (WHERE kind = 'extra') AS doubtful
    FROM noted
), reported AS (
    UPDATE reconciliation_report AS report
    SET listed = report.listed + counted.listed, missing = report.missing + counted.missing,
        stale = report.stale + counted.stale, extra = report.extra + counted.extra, requests = report.requests + $13,
        covered_to = $4, listed_at = CASE WHEN $10::text IS NULL THEN now() END,
        held_at = CASE WHEN $10::text IS NULL AND (
            SELECT doubtful > {MASS_LEAST} AND doubtful > {MASS_SHARE} * (
                SELECT count(*) FROM "{resource.table_name}" WHERE firm = $2 AND presence = 'present'
            ) FROM (SELECT counted.doubtful + count(*) AS doubtful FROM reconciliation_finding AS before
                    WHERE before.run = $7 AND before.kind = 'extra') AS every
        ) THEN now() END
    FROM checkpoint CROSS JOIN counted
    WHERE report.run = checkpoint.id
)
SELECT count(*) = 1 AS leased FROM checkpoint"""


def _found(resource: Resource) -> str:
    """The page, the mirror's rows in its range, and the records that differ."""
    return f"""listed AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS record(clio_id bigint, etag text, clio_updated_at timestamptz)
), stored AS MATERIALIZED (
    SELECT clio_id, etag, clio_updated_at, presence, seen_at, {_trashed(resource)} AS trashed
    FROM "{resource.table_name}"
    WHERE firm = $2 AND clio_id > $3 AND clio_id <= $4
), held AS MATERIALIZED (
    SELECT finding.run, finding.clio_id FROM reconciliation_finding AS finding
    WHERE finding.kind = 'held' AND finding.clio_id > $3 AND finding.clio_id <= $4 AND finding.run = ANY (ARRAY(
        SELECT run FROM reconciliation_report WHERE firm = $2 AND resource = '{resource.name}' AND held > 0
    ))
), found AS MATERIALIZED (
    SELECT clio_id,
           CASE WHEN listed.clio_id IS NOT NULL
                THEN CASE WHEN stored.presence = 'present' THEN 'stale' ELSE 'missing' END
                WHEN stored.presence = 'unknown' AND held.run = $12 THEN 'approved' ELSE 'extra' END AS kind
    FROM listed FULL JOIN stored USING (clio_id) LEFT JOIN held USING (clio_id)
    WHERE CASE
        WHEN listed.clio_id IS NULL
        THEN stored.seen_at < $5 AND (stored.presence = 'present' OR (
            stored.presence = 'unknown' AND (held.run IS NULL OR held.run = $12)
        ))
        WHEN coalesce(listed.clio_updated_at >= $6, false) THEN false
        WHEN stored.clio_id IS NULL THEN true
        WHEN stored.trashed AND (stored.etag, stored.clio_updated_at) = (listed.etag, listed.clio_updated_at) THEN false
        WHEN stored.presence <> 'present' THEN stored.seen_at < $5
        ELSE (stored.etag, stored.clio_updated_at) IS DISTINCT FROM (listed.etag, listed.clio_updated_at)
             AND (coalesce(listed.clio_updated_at > stored.clio_updated_at, false)
                  OR (stored.seen_at < $5 AND coalesce(listed.clio_updated_at >= stored.clio_updated_at, true)))
        END
)"""


_RELEASED = """released AS (
    DELETE FROM reconciliation_finding AS finding USING held, checkpoint
    WHERE finding.run = held.run AND finding.clio_id = held.clio_id
      AND (EXISTS (SELECT FROM listed WHERE listed.clio_id = held.clio_id) OR NOT EXISTS (
          SELECT FROM stored WHERE stored.clio_id = held.clio_id AND stored.presence = 'unknown'
      ))
    RETURNING finding.run
), unheld AS (
    UPDATE reconciliation_report AS report SET held = report.held - gone.records
    FROM (SELECT run, count(*) AS records FROM released GROUP BY run) AS gone WHERE report.run = gone.run
)"""


def _trashed(resource: Resource) -> str:
    """Whether the mirror has a record as one that Clio lists as lying in its trash."""
    return (
        "false"
        if resource.trash_column is None
        else f"(presence = 'deleted' AND \"{resource.trash_column}\" IS NOT NULL)"
    )
