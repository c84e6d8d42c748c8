ALTER TABLE firm
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN pause_reason text,
    ADD COLUMN quiet_from varchar(5),
    ADD COLUMN quiet_until varchar(5),
    ADD COLUMN quiet_time_zone text,
    ADD COLUMN rests_from timestamptz,
    ADD COLUMN rests_until timestamptz,
    ADD COLUMN awake_since timestamptz,
    ADD COLUMN turn_at timestamptz;

ALTER TABLE sync_cursor
    ADD COLUMN pace double precision not null default 1,
    ADD COLUMN interval_s double precision,
    ADD COLUMN next_at timestamptz,
    ADD COLUMN reason varchar(16),
    ADD COLUMN look_at timestamptz not null default now();

ALTER TABLE sync_run ADD COLUMN by_hand boolean not null default false;

CREATE INDEX firm_rests ON firm (rests_until) WHERE rests_until IS NOT NULL;
CREATE INDEX sync_cursor_look ON sync_cursor (look_at);
-- The latest run of a resource that is no comparison, among the runs of all others.
CREATE INDEX sync_run_polled ON sync_run (firm, resource, id) WHERE kind <> 'reconcile';
