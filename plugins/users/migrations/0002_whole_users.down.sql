ALTER TABLE users_user
    DROP COLUMN groups,
    DROP COLUMN default_activity_description_name,
    DROP COLUMN default_activity_description_clio_id,
    DROP COLUMN job_title_name,
    DROP COLUMN job_title_clio_id,
    DROP COLUMN contact_clio_id,
    DROP COLUMN default_calendar_id,
    DROP COLUMN court_rules_default_attendee,
    DROP COLUMN locale,
    DROP COLUMN clio_connect,
    ALTER COLUMN rate TYPE numeric(14, 2);
