-- Transaction numbers as bigint: keysets, cursors and drivers take them as they are. One rewrite of the table.
ALTER TABLE change
    ADD COLUMN recorded_at timestamptz not null default now(),
    ADD COLUMN clio_updated_at timestamptz,
    ADD COLUMN run bigint,
    ALTER COLUMN committed_in DROP DEFAULT;
ALTER TABLE change
    ALTER COLUMN committed_in TYPE bigint USING committed_in::text::bigint,
    ALTER COLUMN recorded_at TYPE timestamptz USING seen_at;
ALTER TABLE change ALTER COLUMN committed_in SET DEFAULT pg_current_xact_id()::text::bigint;

-- The feed of one firm, and of all; the first takes the place of (firm, id).
DROP INDEX change_firm;
CREATE INDEX change_firm_feed ON change (firm, committed_in, id);
CREATE INDEX change_feed ON change (committed_in, id);
