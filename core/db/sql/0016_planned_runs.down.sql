UPDATE sync_run SET state = 'queued' WHERE state = 'throttled';
DROP INDEX sync_run_active;
CREATE UNIQUE INDEX sync_run_active ON sync_run (firm, resource) WHERE state IN ('queued', 'running');
ALTER TABLE sync_run
    DROP COLUMN cancelled_by,
    DROP COLUMN allowed_per_minute,
    DROP COLUMN requests,
    DROP COLUMN read_to,
    DROP COLUMN plan;
