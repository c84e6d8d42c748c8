-- Changes by month of `recorded_at`, so that old ones go a table at a time. What there is becomes the first partition as
-- it stands: one scan, no rewrite. A key of the whole would need the month in it, so each partition has its own: numbers
-- come from one sequence.
DO $$
DECLARE
    partition text := 'change_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM');
    until timestamptz := (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    found record;
    definitions text[];
BEGIN
    FOR found IN SELECT indexname::text AS name, indexdef AS definition FROM pg_indexes WHERE tablename = 'change' LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', found.name, replace(found.name, 'change_', 'change_first_'));
        IF found.name <> 'change_pkey' THEN
            definitions := definitions || found.definition;
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE change RENAME TO %I', partition);
    EXECUTE format(
        'ALTER TABLE %I SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)',
        partition
    );
    EXECUTE format('CREATE TABLE change (LIKE %I INCLUDING DEFAULTS) PARTITION BY RANGE (recorded_at)', partition);
    ALTER SEQUENCE change_id_seq OWNED BY change.id;
    FOR found IN SELECT unnest(definitions) AS definition LOOP
        EXECUTE found.definition;
    END LOOP;
    EXECUTE format(
        'ALTER TABLE change ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', partition, until
    );
END $$;

-- An insert finds a place even where no worker made the partition of its month.
CREATE TABLE change_rest PARTITION OF change (PRIMARY KEY (id)) DEFAULT;

-- Makes the partition of the month that a day is in, and moves what waited for it; returns whether there was none.
CREATE FUNCTION add_change_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    partition text := 'change_' || to_char(day, 'YYYY_MM');
    since timestamptz := date_trunc('month', day::timestamp) AT TIME ZONE 'UTC';
    until timestamptz := (date_trunc('month', day::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE change_rest IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'CREATE TABLE %I (LIKE change INCLUDING DEFAULTS, PRIMARY KEY (id))'
        ' WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)',
        partition
    );
    EXECUTE format(
        'WITH moved AS (DELETE FROM change_rest WHERE recorded_at >= %L AND recorded_at < %L RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved',
        since, until, partition
    );
    EXECUTE format('ALTER TABLE change ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, since, until);
    RETURN true;
END $$;

SELECT add_change_partition((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n))::date)
FROM generate_series(1, 3) AS n;

-- The chain of each firm: what was changed, purged, and held.
CREATE TABLE history_seal (
    id bigserial primary key,
    firm bigint not null,
    number bigint not null,
    kind varchar(16) not null,
    until_committed_in bigint not null,
    until_id bigint not null,
    changes bigint not null default 0,
    recorded_until_at timestamptz,
    digest bytea,
    purged_through bigint,
    purged_committed_in bigint,
    purged_id bigint,
    reason text,
    sealed_at timestamptz not null,
    previous bytea not null,
    hash bytea not null,
    key_id text not null,
    mac bytea not null,
    CONSTRAINT history_seal_firm_number UNIQUE (firm, number)
);
CREATE INDEX history_seal_purge ON history_seal (purged_committed_in, purged_id) WHERE kind = 'purge';

-- How far all firms are sealed: one row, and the lock under which chains grow, holds are placed and history is purged.
CREATE TABLE history_progress (
    id bigserial primary key,
    committed_in bigint not null default 0,
    change bigint not null default 0,
    turned_at timestamptz not null default '-infinity'
);
INSERT INTO history_progress DEFAULT VALUES;

CREATE TABLE legal_hold (
    id bigserial primary key,
    firm bigint not null,
    reason text not null,
    placed_by text not null,
    placed_at timestamptz not null default now(),
    released_by text,
    released_at timestamptz,
    release_reason text
);
CREATE INDEX legal_hold_firm ON legal_hold (firm, id);
CREATE INDEX legal_hold_open ON legal_hold (firm) WHERE released_at IS NULL;

ALTER TABLE firm ADD COLUMN history_from_at timestamptz;

-- Refuses to read the feed on after a position behind which changes were purged; DETAIL is where it goes on.
CREATE FUNCTION history_reaches(firms bigint[], after_committed_in bigint, after_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    purged record;
BEGIN
    SELECT purged_committed_in, purged_id INTO purged FROM history_seal
    WHERE kind = 'purge' AND (firms IS NULL OR firm = ANY (firms))
      AND (purged_committed_in, purged_id) > (after_committed_in, after_id)
    ORDER BY purged_committed_in DESC, purged_id DESC LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'history is purged' USING
            ERRCODE = 'CH001', DETAIL = purged.purged_committed_in || ' ' || purged.purged_id;
    END IF;
    RETURN true;
END $$;
