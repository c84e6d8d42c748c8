ALTER TABLE sync_run
    ADD COLUMN plan text,
    ADD COLUMN read_to bigint not null default 0,
    ADD COLUMN requests integer not null default 0,
    ADD COLUMN allowed_per_minute integer,
    ADD COLUMN cancelled_by text;

-- A run that waits for Clio's budget is as active as one that waits for a worker.
DROP INDEX sync_run_active;
CREATE UNIQUE INDEX sync_run_active ON sync_run (firm, resource) WHERE state IN ('queued', 'running', 'throttled');
