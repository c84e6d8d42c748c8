ALTER TABLE sync_run ADD COLUMN fields text;
ALTER TABLE sync_cursor ADD COLUMN fields text;
