"""The one statement that writes a page: compare, insert, update, record the changes, move the run's checkpoint.

Shape of it, for a page of records of one resource and firm:

- `page`: the records, each a line of JSON, typed by the columns of the table; `$image` is the text itself;
- `buried`: records that the mirror does not have and that were deleted after the page was read: left out;
- `stale`: rows that the page changes, locked in order of id so that two writers cannot deadlock. A row is changed only
  by a record that is newer, or as new and read later, and differs in some column; so writing a page twice, or an older
  page after a newer one, touches nothing, not even a dead tuple;
- `inserted`, `updated`: the writes, each returning the row as it now is;
- `logged`: one change row per write, with the columns that differ before and after; of a created record, the image that
  came with it: to make it of the row again would cost as much as to write the row (docs/adr/0021-fast-pages.md);
- `turn`, `checkpoint`: the sync run moves on to its next page. Nothing is written unless the caller holds its lease and
  the run stands at this page.

The LIMIT and the array keep PostgreSQL to one index probe a record: on a table without statistics yet, which is every
backfill, it would read all of the firm's rows for each page.

A record that another writer inserted between our snapshot and our insert comes back as `raced`; the caller writes the
page again and finds it. So a page of which nothing is expected to be there yet is first written by a statement
that only inserts: where anything is there after all between its lowest and its highest id, or was buried, it inserts
nothing, and the whole page has raced. Source of the tie rule: Clio's updated_at and etag count whole seconds.
"""

from functools import lru_cache

from core.resource import Resource, sql_type

COMMON = ("etag", "clio_created_at", "clio_updated_at")
"""Common columns that come from the record; the others are the writer's."""


@lru_cache(maxsize=256)
def write_statement(
    resource: Resource, *, authoritative: bool, with_checkpoint: bool, only_inserts: bool = False
) -> str:
    """Return the statement for a resource.

    Parameters: $1 records, each a line of JSON, $2 firm, $3 seen_at, $4 source, $5 resource name, $6 run id or null,
    $7 the records' Clio ids; with a checkpoint $8 lease owner, $9 next URL, $10 lease seconds, $11 the run's total of
    records or null, $12 the highest Clio id that was read, $13 requests since the last page, $14 the URL at which the
    run is to stand.
    `authoritative` false is for webhook payloads: an equal updated_at is not enough, nor may one revive a record.
    With `only_inserts`, a page of whose range of ids a record is there already, or buried, is not written: all of it
    has `raced`.
    Returns one row: created, updated, raced, held_back (ids only a fetch can settle: the record differs, is not
    newer, and is as new as the row or the row is not present), leased and in_turn; nothing is written where one of
    these is false.
    """
    own = [*COMMON, *resource.own_columns]
    presence = _presence(resource)
    checkpoint = _CHECKPOINT if with_checkpoint else ""
    turn, leased, in_turn = (_TURN, _LEASED, _IN_TURN) if with_checkpoint else ("", "true", "true")
    logged = _log(resource, authoritative=authoritative, only_inserts=only_inserts)
    compared = _look(resource) if only_inserts else _compare(resource, own, in_turn, authoritative=authoritative)
    written = [_insert(resource, own, presence, in_turn, only_inserts=only_inserts)]
    written += [] if only_inserts else [_update(resource, own, presence)]
    found = "0" if only_inserts else "(SELECT count(*) FROM current)::int - (SELECT count(*) FROM buried)::int"
    held_back = "SELECT clio_id FROM current WHERE held_back ORDER BY clio_id"
    held_back = "'{}'::bigint[]" if only_inserts else f"ARRAY({held_back})"
    return f"""
WITH {_page(resource, own)}{turn}, {compared}, {", ".join(written)}, {logged}, summary AS (
    SELECT (SELECT count(*) FROM inserted)::int AS created,
           {"0" if only_inserts else "(SELECT count(*) FROM updated)::int"} AS updated,
           (SELECT count(*) FROM page)::int AS seen,
           (SELECT count(*) FROM page)::int - {found} - (SELECT count(*) FROM inserted)::int AS raced
){checkpoint}
SELECT created, updated, raced, {held_back} AS held_back, {leased} AS leased, {in_turn} AS in_turn
FROM summary"""


def _page(resource: Resource, own: list[str]) -> str:
    typed = ", ".join(f'"{name}" {sql_type(resource.columns[name])}' for name in own)
    return f"""sent AS MATERIALIZED (
    SELECT clio_id, image::json AS image FROM unnest($7::bigint[], string_to_array($1, E'\\n')) AS given(clio_id, image)
), page AS MATERIALIZED (
    SELECT sent.clio_id, sent.image AS "$image", record.* FROM sent, json_to_record(sent.image) AS record({typed})
)"""


def _look(resource: Resource) -> str:
    """Whether anything is there between the ids of the page, or was deleted since: one probe each, for all records.

    In order of id, which leaves PostgreSQL no plan but the index: it may take a range for a good part of the table.
    """
    within = "clio_id BETWEEN (SELECT min(clio_id) FROM page) AND (SELECT max(clio_id) FROM page)"
    return f"""current AS MATERIALIZED (
    SELECT FROM "{resource.table_name}" WHERE firm = $2 AND {within} ORDER BY clio_id LIMIT 1
), buried AS MATERIALIZED (
    SELECT FROM tombstone WHERE firm = $2 AND resource = $5 AND {within} AND seen_at >= $3 ORDER BY clio_id LIMIT 1
)"""


def _compare(resource: Resource, own: list[str], in_turn: str, *, authoritative: bool) -> str:
    """What the mirror has of the page, and the rows that the page changes, locked."""
    table = f'"{resource.table_name}"'
    newer, differs = _newer(resource, authoritative=authoritative), _differs(own, _presence(resource))
    return f"""current AS MATERIALIZED (
    SELECT page.clio_id, stored.id, {differs} AND {newer} AS stale,
           {differs} AND NOT {newer}
           AND (page.clio_updated_at >= stored.clio_updated_at OR stored.presence <> 'present') AS held_back
    FROM page CROSS JOIN LATERAL (
        SELECT * FROM {table} AS stored WHERE stored.firm = $2 AND stored.clio_id = page.clio_id LIMIT 1
    ) AS stored
), buried AS MATERIALIZED (
    SELECT clio_id FROM tombstone
    WHERE firm = $2 AND resource = $5 AND seen_at >= $3 AND clio_id = ANY (ARRAY(
        SELECT clio_id FROM page WHERE NOT EXISTS (SELECT FROM current WHERE current.clio_id = page.clio_id)
    ))
), stale AS MATERIALIZED (
    SELECT stored.id, stored.clio_id, stored.presence, to_jsonb(stored) AS image
    FROM {table} AS stored JOIN page USING (clio_id)
    WHERE {in_turn} AND stored.id = ANY (ARRAY(SELECT id FROM current WHERE current.stale)) AND {newer} AND {differs}
    ORDER BY stored.clio_id
    FOR NO KEY UPDATE OF stored
)"""


def _insert(resource: Resource, own: list[str], presence: str, in_turn: str, *, only_inserts: bool) -> str:
    """The records that were not found, or all if none was; returned are their ids."""
    same = "true" if only_inserts else "found.clio_id = page.clio_id"
    table = f'"{resource.table_name}"'
    return f"""inserted AS (
    INSERT INTO {table} (firm, clio_id, presence, seen_at, {", ".join(f'"{name}"' for name in own)})
    SELECT $2, page.clio_id, {presence}, $3, {", ".join(f'page."{name}"' for name in own)}
    FROM page WHERE {in_turn} AND NOT EXISTS (SELECT FROM current AS found WHERE {same})
      AND NOT EXISTS (SELECT FROM buried AS found WHERE {same})
    ORDER BY page.clio_id
    ON CONFLICT (firm, clio_id) DO NOTHING
    RETURNING clio_id
)"""


def _update(resource: Resource, own: list[str], presence: str) -> str:
    """The rows that the page changes, returned as they are now."""
    return f"""updated AS (
    UPDATE "{resource.table_name}" AS stored
    SET presence = {presence}, seen_at = $3, {", ".join(f'"{name}" = page."{name}"' for name in own)}
    FROM stale JOIN page USING (clio_id)
    WHERE stored.id = stale.id
    RETURNING stored.*
)"""


def _log(resource: Resource, *, authoritative: bool, only_inserts: bool) -> str:
    """A change row per write: what columns of a created record hold, and those that differ of a changed one."""
    updates = "" if only_inserts else _log_updates(resource, authoritative=authoritative)
    return f"""logged AS (
    INSERT INTO change (
        firm, resource, clio_id, operation, seen_at, source, run, etag, clio_updated_at, before, after, evidence
    )
    SELECT $2, $5, clio_id, 'created', $3, $4, $6::bigint, page.etag, page.clio_updated_at,
           NULL, page."$image", NULL
    FROM inserted JOIN page USING (clio_id){updates}
)"""


def _log_updates(resource: Resource, *, authoritative: bool) -> str:
    return f"""
    UNION ALL
    SELECT $2, $5, updated.clio_id,
           CASE WHEN stale.presence = updated.presence THEN 'updated' WHEN updated.presence = 'present' THEN 'restored'
                ELSE updated.presence END,
           $3, $4, $6::bigint, updated.etag, updated.clio_updated_at, difference.before, difference.after,
           CASE WHEN stale.presence <> updated.presence THEN {_evidence(resource, authoritative=authoritative)} END
    FROM updated JOIN stale USING (id),
    LATERAL (
        SELECT jsonb_object_agg(key, stale.image -> key) AS before, json_object_agg(key, value) AS after
        FROM jsonb_each(to_jsonb(updated) - 'seen_at')
        WHERE value IS DISTINCT FROM stale.image -> key
    ) AS difference"""


def _evidence(resource: Resource, *, authoritative: bool) -> str:
    """What a written record's change of presence rests on: the list it was on, the answer, or the payload told."""
    told = "jsonb_build_object('webhook', 'payload')"
    if authoritative:
        listed, asked = "jsonb_build_object('listed', true)", "jsonb_build_object('asked', 'record', 'status', 200)"
        told = f"(CASE WHEN $4 IN ('backfill', 'incremental') THEN {listed} ELSE {asked} END)"
    trashed = " || jsonb_build_object('trashed', updated.presence = 'deleted')"
    return told + ("" if resource.trash_column is None else trashed)


def _newer(resource: Resource, *, authoritative: bool) -> str:
    """Whether the record may overwrite the row; see invariant 1 of docs/architecture.md."""
    later = "page.clio_updated_at > stored.clio_updated_at"
    if not authoritative:
        return f"(stored.presence = 'present' AND coalesce({later}, false))"
    return f"""(
        CASE WHEN stored.presence = 'deleted' THEN $3 > stored.seen_at
             ELSE coalesce({later}, true)
                  OR (page.clio_updated_at = stored.clio_updated_at AND $3 >= stored.seen_at{_shown(resource)}) END)"""


def _shown(resource: Resource) -> str:
    """A condition that keeps what was shown in full from a record of the same second that was redacted."""
    if resource.redacted is None:
        return ""
    stored, page = (f'coalesce({alias}."{resource.redacted}", false)' for alias in ("stored", "page"))
    return f" AND ({stored} OR NOT {page})"


def _differs(own: list[str], presence: str) -> str:
    stored = ", ".join(f'stored."{name}"' for name in own)
    page = ", ".join(f'page."{name}"' for name in own)
    return f"(({stored}, stored.presence) IS DISTINCT FROM ({page}, {presence}))"


def _presence(resource: Resource) -> str:
    """What a record of the page says of its own presence: it is there, or in the trash."""
    if resource.trash_column is None:
        return "'present'"
    return f"CASE WHEN page.\"{resource.trash_column}\" IS NULL THEN 'present' ELSE 'deleted' END"


_CHECKPOINT = """, checkpoint AS (
    UPDATE sync_run
    SET next_url = $9, pages = pages + 1, records_seen = records_seen + summary.seen,
        records_created = records_created + summary.created, records_updated = records_updated + summary.updated,
        records_total = coalesce($11, records_total), failures = 0, read_to = greatest(read_to, $12),
        requests = requests + $13,
        heartbeat_at = now(), lease_until = now() + make_interval(secs => $10)
    FROM summary
    WHERE sync_run.id = $6 AND EXISTS (SELECT FROM turn WHERE has_come) AND summary.raced = 0
)"""

_TURN = """, turn AS MATERIALIZED (
    SELECT next_url IS NOT DISTINCT FROM $14 AS has_come FROM sync_run
    WHERE id = $6 AND lease_owner = $8 AND state = 'running' AND (SELECT count(*) FROM page) >= 0
    FOR NO KEY UPDATE
)"""
"""Waits for the row of the run, which whoever writes its page before has until that is committed; not before the page
is read, which needs nobody."""

_LEASED = "EXISTS (SELECT FROM turn)"
_IN_TURN = "EXISTS (SELECT FROM turn WHERE has_come)"


@lru_cache(maxsize=256)
def presence_statement(resource: Resource) -> str:
    """Return the statement that moves one record's presence on evidence, and logs it with what it rests on.

    Parameters: $1 firm, $2 Clio id, $3 new presence, $4 seen_at, $5 source, $6 resource name, $7 evidence as JSON,
    $8 run or null. Evidence that is older than what the row was last seen with changes nothing. A deletion of a record
    that the mirror does not have leaves a tombstone. Returns a row when the record changed.
    """
    table = f'"{resource.table_name}"'
    return f"""
WITH old AS MATERIALIZED (
    SELECT id, presence AS was FROM {table} WHERE firm = $1 AND clio_id = $2 FOR NO KEY UPDATE
), moved AS (
    UPDATE {table} AS stored SET presence = $3, seen_at = $4 FROM old
    WHERE stored.id = old.id AND old.was <> $3 AND stored.seen_at <= $4
    RETURNING stored.clio_id, stored.etag, stored.clio_updated_at, old.was
), buried AS (
    INSERT INTO tombstone AS known (firm, resource, clio_id, seen_at, evidence, source)
    SELECT $1, $6, $2, $4, $7, $5 WHERE $3 = 'deleted' AND NOT EXISTS (SELECT FROM old)
    ON CONFLICT (firm, resource, clio_id)
    DO UPDATE SET seen_at = EXCLUDED.seen_at, evidence = EXCLUDED.evidence, source = EXCLUDED.source
    WHERE EXCLUDED.seen_at > known.seen_at
)
INSERT INTO change (
    firm, resource, clio_id, operation, seen_at, source, run, etag, clio_updated_at, before, after, evidence
)
SELECT $1, $6, clio_id, $3, $4, $5, $8, etag, clio_updated_at,
       jsonb_build_object('presence', was), json_build_object('presence', $3::text), $7
FROM moved
RETURNING id"""
