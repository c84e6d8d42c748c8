DROP INDEX activities_activity_vendor;
DROP INDEX activities_activity_document_version;
CREATE INDEX activities_activity_vendor ON activities_activity (firm, vendor_clio_id, clio_id);
CREATE INDEX activities_activity_document_version ON activities_activity (firm, document_version_clio_id, clio_id);
