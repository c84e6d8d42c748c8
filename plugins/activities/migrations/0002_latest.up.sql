-- The latest changes of a firm first: without it every page of that order sorts all activities of the firm.
CREATE INDEX activities_activity_updated ON activities_activity (firm, clio_updated_at, clio_id);
