-- Polls that ended well, by when they did: what retention looks for. It has no column that a page of a run updates.
CREATE INDEX sync_run_polled_until ON sync_run (finished_at, id) WHERE kind = 'incremental' AND state = 'succeeded';
