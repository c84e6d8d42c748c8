DROP INDEX sync_run_polled;
ALTER TABLE sync_run DROP COLUMN by_hand;
ALTER TABLE sync_cursor
    DROP COLUMN pace,
    DROP COLUMN interval_s,
    DROP COLUMN next_at,
    DROP COLUMN reason,
    DROP COLUMN look_at;
ALTER TABLE firm
    DROP COLUMN paused_at,
    DROP COLUMN pause_reason,
    DROP COLUMN quiet_from,
    DROP COLUMN quiet_until,
    DROP COLUMN quiet_time_zone,
    DROP COLUMN rests_from,
    DROP COLUMN rests_until,
    DROP COLUMN awake_since,
    DROP COLUMN turn_at;
