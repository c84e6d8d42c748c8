-- The latest changes of a firm first: without it every page of that order sorts all activities of the firm.
CREATE INDEX activities_activity_updated ON activities_activity (firm, clio_updated_at, clio_id);

-- A fifth of a large firm's activities, the usual threshold, is late for a table that is edited all over.
ALTER TABLE activities_activity SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
