ALTER TABLE users_user
    ALTER COLUMN rate TYPE numeric,
    ADD COLUMN clio_connect boolean,
    ADD COLUMN locale text,
    ADD COLUMN court_rules_default_attendee boolean,
    ADD COLUMN default_calendar_id bigint,
    ADD COLUMN contact_clio_id bigint,
    ADD COLUMN job_title_clio_id bigint,
    ADD COLUMN job_title_name text,
    ADD COLUMN default_activity_description_clio_id bigint,
    ADD COLUMN default_activity_description_name text,
    ADD COLUMN groups jsonb;
