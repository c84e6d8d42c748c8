-- A page of a run updates no indexed column: with room in its page the new version of the row stays there (HOT), and there
-- is less to vacuum. Looked at after a fiftieth of the rows has changed instead of a fifth.
ALTER TABLE sync_run SET (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);
