ALTER TABLE sync_cursor DROP COLUMN fields;
ALTER TABLE sync_run DROP COLUMN fields;
