DROP INDEX change_feed;
DROP INDEX change_firm_feed;
CREATE INDEX change_firm ON change (firm, id);
ALTER TABLE change
    DROP COLUMN run,
    DROP COLUMN clio_updated_at,
    DROP COLUMN recorded_at,
    ALTER COLUMN committed_in DROP DEFAULT;
ALTER TABLE change ALTER COLUMN committed_in TYPE xid8 USING committed_in::text::xid8;
ALTER TABLE change ALTER COLUMN committed_in SET DEFAULT pg_current_xact_id();
