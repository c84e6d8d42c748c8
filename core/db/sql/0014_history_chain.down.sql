DROP FUNCTION history_reaches(bigint[], bigint, bigint);
ALTER TABLE firm DROP COLUMN history_from_at;
DROP TABLE legal_hold, history_progress, history_seal;
DROP FUNCTION add_change_partition(date);

ALTER TABLE change RENAME TO change_by_month;
ALTER INDEX change_record RENAME TO change_by_month_record;
ALTER INDEX change_firm_feed RENAME TO change_by_month_firm_feed;
ALTER INDEX change_feed RENAME TO change_by_month_feed;
ALTER INDEX change_polled RENAME TO change_by_month_polled;
CREATE TABLE change (LIKE change_by_month INCLUDING DEFAULTS);
ALTER SEQUENCE change_id_seq OWNED BY change.id;
INSERT INTO change SELECT * FROM change_by_month;
DROP TABLE change_by_month;
ALTER TABLE change ADD PRIMARY KEY (id);
CREATE INDEX change_record ON change (firm, resource, clio_id, id);
CREATE INDEX change_firm_feed ON change (firm, committed_in, id);
CREATE INDEX change_feed ON change (committed_in, id);
CREATE INDEX change_polled ON change (firm, resource, seen_at) WHERE source = 'incremental';
