-- Few activities have a vendor or a document version: their indexes hold those alone.
DROP INDEX activities_activity_vendor;
DROP INDEX activities_activity_document_version;
CREATE INDEX activities_activity_vendor ON activities_activity (firm, vendor_clio_id, clio_id)
    WHERE vendor_clio_id IS NOT NULL;
CREATE INDEX activities_activity_document_version ON activities_activity (firm, document_version_clio_id, clio_id)
    WHERE document_version_clio_id IS NOT NULL;
