DROP INDEX reconciliation_report_held;
ALTER TABLE sync_run DROP COLUMN approves;
ALTER TABLE sync_run ADD COLUMN confirm_disappeared boolean not null default false;
ALTER TABLE reconciliation_report
    DROP COLUMN kept,
    DROP COLUMN held,
    DROP COLUMN held_at,
    DROP COLUMN decision,
    DROP COLUMN decided_at,
    DROP COLUMN decided_by,
    DROP COLUMN from_at,
    DROP COLUMN until_at,
    DROP COLUMN root,
    DROP COLUMN clio_root,
    DROP COLUMN differing,
    DROP COLUMN unexplained,
    DROP COLUMN presences,
    DROP COLUMN coverage,
    DROP COLUMN samples;
ALTER TABLE reconciliation_report ADD COLUMN held boolean not null default false;
DELETE FROM reconciliation_finding WHERE kind IN ('held', 'approved');
DROP TABLE reconciliation_page;
DROP TABLE tombstone;
