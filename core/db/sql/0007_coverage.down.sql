ALTER TABLE webhook_endpoint DROP COLUMN error_message, DROP COLUMN refusals, DROP COLUMN silent_at;
DROP TABLE intake, coverage_hole, coverage_interval;
