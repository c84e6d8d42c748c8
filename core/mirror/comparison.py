"""The one statement that compares a page of Clio's list with the mirror, notes what differs, and moves the checkpoint.

A page in order of id covers every id after the last one of the page before it, up to its own last one; the last page
covers all that follow. Within that range a record is

- `missing`: listed, and not in the mirror, or not present there, unless it is the same record in Clio's trash;
- `stale`: listed with another etag or updated_at, and newer than the mirror has it;
- `extra`: present in the mirror, not listed, and last seen before the page was asked for.

What Clio changed after the run began is left to the webhook, and to the next incremental run, which looks back to
before then. What was seen after the page was asked for is newer than the page.

Findings, counters and checkpoint move together, while the caller holds the lease: a page is compared once, and what it
told is settled later, however often the run is taken up again.
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
    $9 lease seconds, $10 next URL or null on the last page, $11 Clio's total of records or null, $12 whether records of
    unknown presence are extras too and any number of extras is believed, $13 requests that the page took.
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
), noted AS (
    INSERT INTO reconciliation_finding (run, clio_id, kind, seen_at)
    SELECT checkpoint.id, found.clio_id, found.kind, $5 FROM found CROSS JOIN checkpoint ORDER BY found.clio_id
    RETURNING kind
), counted AS (
    SELECT (SELECT count(*) FROM listed) AS listed,
           count(*) FILTER (WHERE kind = 'missing') AS missing,
           count(*) FILTER (WHERE kind = 'stale') AS stale,
           count(*) FILTER (WHERE kind = 'extra') AS extra
    FROM noted
), reported AS (
    UPDATE reconciliation_report AS report
    SET listed = report.listed + counted.listed, missing = report.missing + counted.missing,
        stale = report.stale + counted.stale, extra = report.extra + counted.extra, requests = report.requests + $13,
        covered_to = $4, listed_at = CASE WHEN $10::text IS NULL THEN now() END,
        held = CASE WHEN $12 OR $10::text IS NOT NULL OR report.extra + counted.extra <= {MASS_LEAST} THEN false
                    ELSE report.extra + counted.extra > {MASS_SHARE} * (
                        SELECT count(*) FROM "{resource.table_name}" WHERE firm = $2 AND presence = 'present'
                    ) END
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
), found AS MATERIALIZED (
    SELECT clio_id, CASE WHEN listed.clio_id IS NULL THEN 'extra'
                         WHEN stored.presence = 'present' THEN 'stale' ELSE 'missing' END AS kind
    FROM listed FULL JOIN stored USING (clio_id)
    WHERE CASE
        WHEN listed.clio_id IS NULL
        THEN stored.seen_at < $5 AND (stored.presence = 'present' OR ($12 AND stored.presence = 'unknown'))
        WHEN coalesce(listed.clio_updated_at >= $6, false) THEN false
        WHEN stored.clio_id IS NULL THEN true
        WHEN stored.trashed AND (stored.etag, stored.clio_updated_at) = (listed.etag, listed.clio_updated_at) THEN false
        WHEN stored.presence <> 'present' THEN stored.seen_at < $5
        ELSE (stored.etag, stored.clio_updated_at) IS DISTINCT FROM (listed.etag, listed.clio_updated_at)
             AND (coalesce(listed.clio_updated_at > stored.clio_updated_at, false)
                  OR (stored.seen_at < $5 AND coalesce(listed.clio_updated_at >= stored.clio_updated_at, true)))
        END
)"""


def _trashed(resource: Resource) -> str:
    """Whether the mirror has a record as one that Clio lists as lying in its trash."""
    return (
        "false"
        if resource.trash_column is None
        else f"(presence = 'deleted' AND \"{resource.trash_column}\" IS NOT NULL)"
    )
