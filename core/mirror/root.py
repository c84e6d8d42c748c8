"""The root of a resource: one SHA-256 over every record that is present, which anybody can compute again.

Each record is a line: Clio id, etag, and `updated_at` in microseconds since 1970, set apart by tabs and ended by a line
feed; what Clio does not tell is empty. Lines stand in order of id. The lines of ids with the same id / 65,536 (rounded
down) are a bucket, and its digest the SHA-256 of them in UTF-8, hexadecimal. The root is the SHA-256 of the buckets in
order, a line for each: number, tab, digest, line feed. So no more than a bucket and the digests are held at once.
"""

from functools import lru_cache

from core.db.engine import Executor
from core.resource import Resource

BUCKET_IDS = 65_536

PROOF_WITHIN_S = 600.0
"""How long a statement over all records of a firm may take: a million take some seconds."""

SAMPLE = 20
"""Ids named of each kind of finding."""

_LINE = (
    "clio_id || E'\\t' || coalesce(etag, '') || E'\\t'"
    " || coalesce((extract(epoch FROM clio_updated_at) * 1000000)::bigint::text, '') || E'\\n'"
)


def _digest(records: str) -> str:
    """Return SQL for the root of a relation with clio_id, etag and clio_updated_at."""
    return f"""(
    SELECT encode(sha256(convert_to(coalesce(
        string_agg(number || E'\\t' || digest || E'\\n', '' ORDER BY number), ''), 'UTF8')), 'hex')
    FROM (
        SELECT clio_id / {BUCKET_IDS} AS number,
               encode(sha256(convert_to(string_agg({_LINE}, '' ORDER BY clio_id), 'UTF8')), 'hex') AS digest
        FROM {records} GROUP BY clio_id / {BUCKET_IDS}
    ) AS bucket
)"""


async def mirror_root(database: Executor, resource: Resource, *, firm: int) -> tuple[str, int]:
    """Return the root of what the mirror has present now, and how many records that are. Reads them all, once."""
    row = await database.fetchrow(
        f"""WITH present AS MATERIALIZED (
            SELECT clio_id, etag, clio_updated_at FROM "{resource.table_name}" WHERE firm = $1 AND presence = 'present'
        )
        SELECT {_digest("present")} AS root, (SELECT count(*) FROM present) AS records""",
        firm,
        timeout=PROOF_WITHIN_S,
    )
    return (row["root"], row["records"]) if row is not None else ("", 0)


@lru_cache(maxsize=256)
def proof_statement(resource: Resource) -> str:
    """Return the statement that puts both roots into the report of a run, and what sets them apart.

    A record that differs is explained where it changed at Clio or in the mirror after the run began, or where Clio was
    asked for it and answered otherwise than its list.
    Parameters: $1 firm, $2 run id, $3 when the run began, $4 how far Clio's clock is ahead of ours, $5 lease owner.
    Returns one row: leased.
    """
    return f"""
WITH clio AS MATERIALIZED (
    SELECT record.clio_id, etag, clio_updated_at
    FROM reconciliation_page AS page CROSS JOIN LATERAL json_to_recordset(page.listed::json)
        AS record(clio_id bigint, etag text, clio_updated_at timestamptz, trashed boolean)
    WHERE page.run = $2 AND NOT coalesce(trashed, false)
), stored AS MATERIALIZED (
    SELECT clio_id, etag, clio_updated_at, presence, seen_at FROM "{resource.table_name}" WHERE firm = $1
), present AS MATERIALIZED (
    SELECT clio_id, etag, clio_updated_at FROM stored WHERE presence = 'present'
), differing AS MATERIALIZED (
    SELECT clio_id, coalesce(clio.clio_updated_at >= $3, false) AS is_new
    FROM clio FULL JOIN present USING (clio_id)
    WHERE clio.clio_id IS NULL OR present.clio_id IS NULL
       OR (clio.etag, clio.clio_updated_at) IS DISTINCT FROM (present.etag, present.clio_updated_at)
), unexplained AS MATERIALIZED (
    SELECT clio_id FROM differing
    WHERE NOT is_new
      AND NOT EXISTS (SELECT FROM stored WHERE stored.clio_id = differing.clio_id AND stored.seen_at >= $3)
      AND NOT EXISTS (
          SELECT FROM reconciliation_finding AS asked
          WHERE asked.run = $2 AND asked.clio_id = differing.clio_id AND asked.kind = 'asked'
      )
), leased AS (
    SELECT id FROM sync_run WHERE id = $2 AND lease_owner = $5 AND state = 'running'
), proved AS (
    UPDATE reconciliation_report AS report
    SET from_at = $3 + $4::interval, until_at = now() + $4::interval,
        root = {_digest("present")}, clio_root = {_digest("clio")},
        differing = (SELECT count(*) FROM differing), unexplained = (SELECT count(*) FROM unexplained),
        presences = {_PRESENCES}, samples = {_SAMPLES}
    FROM leased WHERE report.run = leased.id
    RETURNING report.run
)
SELECT count(*) = 1 AS leased FROM proved"""


_PRESENCES = """(
    SELECT coalesce(jsonb_object_agg(presence, records), '{}')
    FROM (SELECT presence, count(*) AS records FROM stored GROUP BY presence) AS counted
)"""

_SAMPLES = f"""(
    SELECT jsonb_path_query_array(samples, '$[*] ? (@.kind != "unexplained")') || coalesce(jsonb_agg(
        jsonb_build_object('clio_id', clio_id, 'kind', 'unexplained', 'outcome', 'left') ORDER BY clio_id
    ), '[]')
    FROM (SELECT clio_id FROM unexplained ORDER BY clio_id LIMIT {SAMPLE}) AS first
)"""
